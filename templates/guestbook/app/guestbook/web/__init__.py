"""The web site: pages, a form, a feed. It keeps nothing itself and asks the store."""
