"""Seals on forms: only a form that this site gave to this visitor is taken (no forgery from
another site), for some hours, and it signs the book once however often it is sent.

The seal binds a time and a random key to the visitor's cookie with a keyed hash. Nothing is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from typing import Callable, Optional

VALID = 12 * 3600
_SEAL = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{16,32})\.([0-9a-f]{64})")
_VISITOR = re.compile(r"[A-Za-z0-9_-]{22,44}")


class Seals:
    """Makes and checks seals. All processes with the same secret know each other's."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.new(secret.encode(), b"guestbook form seal", hashlib.sha256).digest()
        self._clock = clock

    def make(self, visitor: str) -> str:
        """Makes the seal for a new form."""
        at, key = str(int(self._clock())), secrets.token_urlsafe(12)
        return f"{at}.{key}.{self._mac(visitor, at, key)}"

    def check(self, visitor: str, seal: str) -> Optional[str]:
        """Returns the form's key, None if the seal is not ours, not this visitor's, or too old."""
        match = _SEAL.fullmatch(seal)
        if not match or not is_visitor(visitor):
            return None
        at, key, mac = match.groups()
        right = hmac.compare_digest(mac, self._mac(visitor, at, key))
        fresh = -60 <= self._clock() - int(at) <= VALID
        return key if right and fresh else None

    def _mac(self, visitor: str, at: str, key: str) -> str:
        text = f"{visitor}|{at}|{key}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def new_visitor() -> str:
    """Makes the name that a visitor's cookie carries. It says nothing about the visitor."""
    return secrets.token_urlsafe(24)


def is_visitor(name: str) -> bool:
    """Tells whether a cookie holds what `new_visitor` makes."""
    return bool(_VISITOR.fullmatch(name))
