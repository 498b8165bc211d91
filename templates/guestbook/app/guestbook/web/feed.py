"""The newest entries as an Atom feed (RFC 4287)."""

from __future__ import annotations

from typing import List
from xml.etree import ElementTree

from ..entry import Entry

_ATOM = "http://www.w3.org/2005/Atom"
ElementTree.register_namespace("", _ATOM)


def atom(title: str, domain: str, base: str, entries: List[Entry]) -> bytes:
    """Renders the feed. `base` is the address of the site without a slash at its end."""
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    _add(feed, "title", title)
    _add(feed, "id", f"tag:{domain},2020:guestbook")
    _add(feed, "updated", entries[0].signed if entries else "2020-01-01T00:00:00Z")
    _add(feed, "link", rel="self", href=f"{base}/feed.xml", type="application/atom+xml")
    _add(feed, "link", rel="alternate", href=f"{base}/", type="text/html")
    for entry in entries:
        _entry(feed, domain, base, entry)
    return ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True) + b"\n"


def _entry(feed: ElementTree.Element, domain: str, base: str, entry: Entry) -> None:
    item = _add(feed, "entry")
    _add(item, "title", f"{entry.name} signed the book")
    _add(item, "id", f"tag:{domain},2020:guestbook/entry/{entry.id}")
    _add(item, "updated", entry.signed)
    _add(_add(item, "author"), "name", entry.name)
    _add(item, "link", rel="alternate", href=f"{base}/entry/{entry.id}", type="text/html")
    _add(item, "content", entry.message, type="text")


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str):
    child = ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    child.text = text or None
    return child
