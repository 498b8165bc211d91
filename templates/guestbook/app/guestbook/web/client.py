"""Asks the store. A store that restarts is waited for; one that stays away is reported."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple
from urllib.parse import urlsplit

from ..entry import Entry
from ..report import Report, from_json

# Seconds that a store which does not answer is waited for: a restart takes well under one.
PATIENCE = 3.0


class StoreDown(Exception):
    """The store cannot be reached or answers with an error."""


@dataclass(frozen=True)
class Page:
    """Some entries, newest first, and where to go on; None where there is nothing."""

    entries: List[Entry]
    total: int
    after: Optional[int]
    before: Optional[int]


class Store:
    """A client with one kept connection for each thread."""

    def __init__(self, url: str, token: str, timeout: float = 5.0) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname, parts.port)
        self._token = token
        self._timeout = timeout
        self._local = threading.local()
        self._links: List[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Closes the connections of all threads; nobody may be asking any more."""
        for link in self._links:
            link.close()

    def page(self, limit: int, after: int = 0, before: int = 0) -> Page:
        """Fetches entries, see the store's `GET /entries`."""
        found = self._json("GET", f"/entries?limit={limit}&after={after}&before={before}")
        entries = [Entry(**entry) for entry in found["entries"]]
        return Page(entries, found["total"], found["after"], found["before"])

    def one(self, number: int) -> Optional[Entry]:
        """Fetches one entry; None if there is none."""
        status, body = self._ask("GET", f"/entries/{number}")
        return Entry(**json.loads(body)) if status == 200 else None

    def add(self, name: str, message: str, form: str) -> Tuple[Optional[Entry], Dict[str, str]]:
        """Adds an entry. Returns it, or what is wrong with it by field.

        May be asked again after a broken connection: the same form signs once.
        """
        content = json.dumps({"name": name, "message": message, "form": form}).encode()
        status, body = self._ask("POST", "/entries", content)
        found = json.loads(body)
        return (None, found["problems"]) if status == 422 else (Entry(**found), {})

    def health(self) -> None:
        """Raises StoreDown at once unless the store is well."""
        self._json("GET", "/health", patience=0.0)

    def test(self) -> Report:
        """Lets the store check itself."""
        return from_json(self._ask("GET", "/test", expect=(200, 503))[1])

    def _json(self, method: str, path: str, patience: Optional[float] = None):
        return json.loads(self._ask(method, path, patience=patience)[1])

    def _ask(
        self,
        method: str,
        path: str,
        content: Optional[bytes] = None,
        patience: Optional[float] = None,
        expect: Tuple[int, ...] = (200, 201, 404, 422),
    ) -> Tuple[int, bytes]:
        until = time.monotonic() + (PATIENCE if patience is None else patience)
        while True:
            try:
                status, body = self._once(method, path, content)
                break
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() >= until:
                    why = str(error) or type(error).__name__
                    raise StoreDown(f"the store does not answer: {why}") from error
                time.sleep(0.05)
        if status not in expect:
            raise StoreDown(f"the store answers {method} {path.split('?')[0]} with {status}")
        return status, body

    def _once(self, method: str, path: str, content: Optional[bytes]) -> Tuple[int, bytes]:
        link = self._link()
        if link.sock is not None:
            try:
                return self._send(link, method, path, content)
            except (OSError, http.client.HTTPException):
                link.close()  # it was closed while it lay idle: once more, on a new one
        try:
            return self._send(link, method, path, content)
        except BaseException:
            link.close()  # what is left of a broken answer must not be the start of the next
            raise

    def _link(self) -> http.client.HTTPConnection:
        """This thread's connection. It opens itself when it is used."""
        found = getattr(self._local, "link", None)
        if found is None:
            host, port = self._place
            found = http.client.HTTPConnection(host, port, timeout=self._timeout)
            self._local.link = found
            self._links.append(found)
        return found

    def _send(self, link, method: str, path: str, content: Optional[bytes]) -> Tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if content is not None else {}
        if method != "GET":
            headers["Authorization"] = f"Bearer {self._token}"
        link.request(method, path, content, headers)
        answer = link.getresponse()
        return answer.status, answer.read()
