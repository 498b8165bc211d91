"""The store: keeps the entries and gives them out as JSON on loopback."""
