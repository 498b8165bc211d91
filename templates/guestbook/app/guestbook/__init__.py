"""A guestbook in two processes: `guestbook.store` keeps the entries, `guestbook.web` shows them.

Needs Python 3.9 or newer and nothing else.
"""
