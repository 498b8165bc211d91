"""The pages: values in, HTML out. What they look like is in `html/` and `style.css`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Dict
from zlib import crc32

from ..entry import LONGEST_MESSAGE, LONGEST_NAME, Entry
from .client import Page
from .markup import Markup, fill, join

# Files that are served as they are; read once, at the start.
ASSETS = {
    name: (Path(__file__).parent / name).read_bytes() for name in ("style.css", "favicon.svg")
}
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_NOTHING = Markup("")


@dataclass(frozen=True)
class Form:
    """What stands in the form, and what is wrong with it by field."""

    seal: str
    name: str = ""
    message: str = ""
    problems: Dict[str, str] = field(default_factory=dict)


def asset_digest(name: str) -> str:
    """What changes when such a file does."""
    return hashlib.sha256(ASSETS[name]).hexdigest()[:12]


def home(title: str, version: str, page: Page, form: Form, signed: int, first: bool) -> Markup:
    """The book: the form, and entries with the newest first."""
    notice = fill("thanks", id=signed) if signed else _NOTHING
    main = fill(
        "home",
        notice=notice,
        form=form_of(form),
        count=_count(page.total),
        entries=join(map(entry_of, page.entries)) if page.entries else fill("empty"),
        paging=paging(page),
    )
    name = f"Please look again – {title}" if form.problems else title
    return _frame(name if first else f"Earlier entries – {title}", title, version, main)


def entry_page(title: str, version: str, entry: Entry) -> Markup:
    """One entry alone."""
    main = fill("entry-page", entry=entry_of(entry))
    return _frame(f"{entry.name} – {title}", title, version, main)


def message(title: str, version: str, heading: str, text: str) -> Markup:
    """A page that says one thing, such as an error."""
    main = fill("message", heading=heading, text=text)
    return _frame(f"{heading} – {title}", title, version, main)


def form_of(form: Form) -> Markup:
    """The form, with its problems said at the top and at each field."""
    problems = {key: _problem(key, form) for key in ("name", "message")}
    summary = fill("problems", text=_summary(form)) if form.problems else _NOTHING
    return fill(
        "form",
        summary=summary,
        seal=form.seal,
        name=form.name,
        # A line end right after <textarea> is dropped by browsers; this one is meant to be.
        message="\n" + form.message,
        longest_name=LONGEST_NAME,
        longest_message=LONGEST_MESSAGE,
        name_problem=problems["name"],
        message_problem=problems["message"],
        name_state=_state("name", form),
        message_state=_state("message", form),
    )


def _summary(form: Form) -> str:
    return form.problems.get("form") or "Not signed yet: something is missing below."


def _problem(key: str, form: Form) -> Markup:
    text = form.problems.get(key)
    return fill("problem", id=f"{key}-problem", text=text) if text else _NOTHING


def _state(key: str, form: Form) -> Markup:
    wrong = key in form.problems
    return Markup(f' aria-invalid="true" aria-describedby="{key}-problem"') if wrong else _NOTHING


def entry_of(entry: Entry) -> Markup:
    """One entry."""
    return fill(
        "entry",
        id=entry.id,
        name=entry.name,
        message=entry.message,
        when=entry.signed,
        date=day(entry.signed),
        initial=entry.name[0].upper(),
        hue=crc32(entry.name.casefold().encode()) % 6,
    )


def day(signed: str) -> str:
    """Writes a time for people: `21 November 2026, 10:14 UTC`."""
    at = datetime.strptime(signed, "%Y-%m-%dT%H:%M:%SZ")
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


def paging(page: Page) -> Markup:
    """Links to newer and older entries, where there are any."""
    if not (page.before or page.after):
        return _NOTHING
    newer = fill("newer", before=page.before) if page.before else _NOTHING
    older = fill("older", after=page.after) if page.after else _NOTHING
    return fill("paging", newer=newer, older=older)


def _count(total: int) -> str:
    return {0: "No entries yet", 1: "1 entry"}.get(total, f"{total:,} entries")


def _frame(name: str, title: str, version: str, main: Markup) -> Markup:
    style = asset_digest("style.css")
    return fill("frame", name=name, title=title, version=version, style=style, main=main)
