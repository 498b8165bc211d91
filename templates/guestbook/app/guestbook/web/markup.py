"""HTML from template files in which every value is escaped unless it is markup already."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template
from typing import Iterable, Union

# Read once, at the start: a version may be cleared away while its last requests are answered.
_TEMPLATES = {
    path.stem: Template(path.read_text(encoding="utf-8"))
    for path in (Path(__file__).parent / "html").glob("*.html")
}


class Markup(str):
    """Text that is HTML already, made by `fill` from escaped parts."""


def escape(value: object) -> Markup:
    """Turns a value into HTML."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value), quote=True))


def fill(name: str, /, **values: Union[str, int]) -> Markup:
    """Fills `html/NAME.html`. A value that is missing is a mistake, not a gap."""
    escaped = {key: escape(value) for key, value in values.items()}
    return Markup(_TEMPLATES[name].substitute(escaped))


def join(parts: Iterable[Markup]) -> Markup:
    """Puts pieces of HTML after each other."""
    return Markup("\n".join(escape(part) for part in parts))

