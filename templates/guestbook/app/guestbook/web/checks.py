"""What GET /test checks of the running site. No check leaves a trace in the book."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Dict, Optional, Tuple
from xml.etree import ElementTree

from ..report import Report
from ..settings import Settings
from .client import Store
from .site import POLICY

SUITE = "guestbook.web"
LEAST_DAYS = 1


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Dict[str, str]
    text: str


class Checks:
    """Asks the site over its own port, as a visitor would, and lets the store check itself."""

    def __init__(self, store: Store, settings, address: Tuple[str, int], version: str) -> None:
        self._store = store
        self._settings = settings
        self._address = address
        self._version = version
        self._one_at_a_time = threading.Lock()

    def run(self) -> Report:
        """Runs all checks."""
        with self._one_at_a_time:
            report = Report()
            report.check(SUITE, "the store answers", self._store.health)
            report.check(SUITE, "the book opens", self._book)
            report.check(SUITE, "the style sheet is there", self._style)
            report.check(SUITE, "the feed can be read", self._feed)
            report.check(SUITE, "a form without a seal is refused", self._forgery)
            report.check(SUITE, "what is not there is 404", self._missing)
            report.check(SUITE, "it is the version that was deployed", self._its_version)
            if self._settings().secure:
                report.check(SUITE, "the certificate is good", self._certificate)
            report.check("guestbook.store", "it checks itself", lambda: self._merge(report))
            return report

    def _book(self) -> None:
        answer = self._get("/")
        assert answer.status == 200, f"GET / answers {answer.status}"
        assert '<form class="sign"' in answer.text, "the form is missing"
        policy = answer.headers.get("content-security-policy")
        assert policy == POLICY, f"the security policy is {policy}"

    def _style(self) -> None:
        answer = self._get("/style.css")
        assert answer.status == 200 and answer.text, f"GET /style.css answers {answer.status}"

    def _feed(self) -> None:
        answer = self._get("/feed.xml")
        assert answer.status == 200, f"GET /feed.xml answers {answer.status}"
        ElementTree.fromstring(answer.text.encode())

    def _forgery(self) -> None:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._ask("POST", "/", b"name=x&message=x&seal=forged", kind)
        assert answer.status == 403, f"a forged form is answered with {answer.status}"

    def _missing(self) -> None:
        answer = self._get("/no-such-page")
        assert answer.status == 404, f"GET /no-such-page answers {answer.status}"

    def _its_version(self) -> None:
        found = json.loads(self._get("/version").text)["version"]
        assert found == self._version, f"{found} runs, not {self._version}"

    def _certificate(self) -> None:
        ends = ssl.cert_time_to_seconds(self._peer()["notAfter"])
        days = (ends - time.time()) / 86400
        assert days >= LEAST_DAYS, f"the certificate ends in {days:.1f} days"

    def _peer(self) -> dict:
        context, name = self._context(), self._settings().domain
        with socket.create_connection(self._address, timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname=name) as link:
                return link.getpeercert()

    def _merge(self, report: Report) -> None:
        found = self._store.test().cases
        assert found, "it checked nothing"
        report.cases += found

    def _get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, body: Optional[bytes] = None, headers=None) -> Answer:
        link = self._link()
        try:
            marks = {"Connection": "close", "X-Guestbook-Check": "1"}
            link.request(method, path, body, {**marks, **(headers or {})})
            answer = link.getresponse()
            text = answer.read().decode("utf-8")
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text)
        finally:
            link.close()

    def _link(self) -> http.client.HTTPConnection:
        host, port = self._address
        if not self._settings().secure:
            return http.client.HTTPConnection(host, port, timeout=5)
        link = http.client.HTTPSConnection(host, port, timeout=5)
        plain = socket.create_connection(self._address, timeout=5)
        link.sock = self._context().wrap_socket(plain, server_hostname=self._settings().domain)
        return link

    def _context(self) -> ssl.SSLContext:
        settings: Settings = self._settings()
        return ssl.create_default_context(cafile=settings.authority or None)
