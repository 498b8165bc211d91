"""HTML from template files in which every value is escaped unless it is markup already."""

from __future__ import annotations

import html
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Iterable, Union

FOLDER = Path(__file__).parent / "html"


class Markup(str):
    """Text that is HTML already, made by `fill` from escaped parts."""


def escape(value: object) -> Markup:
    """Turns a value into HTML."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value), quote=True))


def fill(name: str, /, **values: Union[str, int]) -> Markup:
    """Fills `html/NAME.html`. A value that is missing is a mistake, not a gap."""
    template = _template(name)
    escaped = {key: escape(value) for key, value in values.items()}
    return Markup(template.substitute(escaped))


def join(parts: Iterable[Markup]) -> Markup:
    """Puts pieces of HTML after each other."""
    return Markup("\n".join(escape(part) for part in parts))


@lru_cache(maxsize=None)
def _template(name: str) -> Template:
    return Template((FOLDER / f"{name}.html").read_text(encoding="utf-8"))
