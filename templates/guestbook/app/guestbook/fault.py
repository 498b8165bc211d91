"""Faults on purpose, for drills: how does a delivery behave when a version is bad?

Write one of these words into a file DRILL beside VERSION (so that a commit carries it), or into
the environment variable GUESTBOOK_FAULT (which wins):

    wrong-order           the oldest entry comes first: the tests notice and fail
    bad-after-pages=N     healthy at first; after N pages every page is an error 500
    bad-after-seconds=N   healthy at first; N seconds after the start every page is an error 500

Without either, nothing in here has any effect. A version that turned bad says so in /health.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Mapping

from .version import ROOT


class Fault:
    """One fault, and whether it has come out yet."""

    def __init__(self, word: str = "", clock=time.monotonic) -> None:
        name, _, number = word.partition("=")
        limits = ("bad-after-pages", "bad-after-seconds")
        if not (word in ("", "none", "wrong-order") or (name in limits and number.isdigit())):
            raise ValueError(
                f"`{word}` is no fault; these are: none, wrong-order, "
                "bad-after-pages=N, bad-after-seconds=N"
            )
        self.word = word if word != "none" else ""
        self.wrong_order = word == "wrong-order"
        self._pages = int(number) if name == "bad-after-pages" else None
        self._seconds = int(number) if name == "bad-after-seconds" else None
        self._clock = clock
        self._started = clock()
        self._seen = 0
        self._counting = threading.Lock()

    def page(self, counts: bool = True) -> bool:
        """Counts a page that is asked for; tells whether it must fail."""
        with self._counting:
            bad = self.out()
            self._seen += counts
            return bad

    def out(self) -> bool:
        """Tells whether this version has turned bad."""
        if self._pages is not None:
            return self._seen >= self._pages
        if self._seconds is not None:
            return self._clock() - self._started >= self._seconds
        return False


def fault(environment: Mapping[str, str] = os.environ, root: Path = ROOT) -> Fault:
    """Returns the fault that is asked for, usually none."""
    word = environment.get("GUESTBOOK_FAULT", "").strip()
    if not word:
        try:
            word = (root / "DRILL").read_text(encoding="utf-8").strip()
        except OSError:
            word = ""
    return Fault(word)
