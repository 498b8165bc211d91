"""Which version of the guestbook this is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Mapping

ROOT = Path(__file__).resolve().parent.parent


def version(environment: Mapping[str, str] = os.environ, root: Path = ROOT) -> str:
    """Returns what VERSION in the environment says, else the file VERSION beside the package."""
    named = environment.get("VERSION", "").strip()
    if named:
        return named
    try:
        return (root / "VERSION").read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        return "unknown"
