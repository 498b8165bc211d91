"""One entry of the book, and what may stand in it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass
from typing import Dict

LONGEST_NAME = 60
LONGEST_MESSAGE = 1000

# Control characters, half characters, and the marks that turn the direction of the whole page.
_UNWANTED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True)
class Entry:
    """An entry as it is kept."""

    id: int
    name: str
    message: str
    signed: str  # UTC, as in RFC 3339

    def json(self) -> Dict[str, object]:
        return asdict(self)


def tidy(text: str) -> str:
    """Makes text storable: one kind of line end, no control characters, no space around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    text = unicodedata.normalize("NFC", _UNWANTED.sub("", text))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def problems(name: str, message: str) -> Dict[str, str]:
    """Returns what is wrong with a tidy entry, by field; empty if nothing is."""
    found = {}
    if not visible(name):
        found["name"] = "Please say who you are."
    elif len(name) > LONGEST_NAME:
        found["name"] = f"At most {LONGEST_NAME} characters, please; these are {len(name)}."
    elif "\n" in name:
        found["name"] = "One line, please."
    if not visible(message):
        found["message"] = "Please write something."
    elif len(message) > LONGEST_MESSAGE:
        found["message"] = (
            f"At most {LONGEST_MESSAGE} characters, please; these are {len(message)}."
        )
    return found


def visible(text: str) -> bool:
    """Tells whether there is anything to see."""
    return any(unicodedata.category(c)[0] not in "ZC" for c in text)
