"""A store and a site that run for one test, on free ports and in a folder of their own."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional
from unittest import mock
from urllib.parse import urlencode

from guestbook import log as log_module
from guestbook.connection import Limits
from guestbook.fault import Fault, fault
from guestbook.server import Server
from guestbook.settings import Watched
from guestbook.store.api import Api
from guestbook.store.database import Database
from guestbook.web.start import start

TOKEN = "test-token-0123456789abcdef"
QUICK = Limits(read_timeout=0.3, write_timeout=2, idle_timeout=0.4, threads=8, grace=5)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Case(unittest.TestCase):
    """A test with a folder, a captured log, and servers that end with it."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="guestbook-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.log = io.StringIO()
        patch = mock.patch.object(log_module.sys, "stdout", self.log)
        patch.start()
        self.addCleanup(patch.stop)

    def logged(self, event: str, count: int = 1) -> List[dict]:
        """The lines of that event; waits for `count`, since a client may be quicker than a log."""
        until = time.monotonic() + 5
        while True:
            lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
            found = [line for line in lines if line["event"] == event]
            if len(found) >= count or time.monotonic() > until:
                return found
            time.sleep(0.01)

    def run_server(self, server: Server) -> Server:
        """Serves in a thread until the test ends."""
        thread = threading.Thread(target=server.run)
        thread.start()

        def end() -> None:
            server.stop()
            thread.join(10)
            if thread.is_alive():
                raise AssertionError("the server does not end")

        self.addCleanup(end)
        return server

    def store(self, limits: Limits = Limits()) -> Server:
        """Starts a store; `self.database` is its database."""
        path = self.folder / "data" / "book.sqlite3"
        self.database = Database(path, wait=0, oldest_first=fault().wrong_order)
        self.addCleanup(self.database.close)
        api = Api(self.database, TOKEN, "1.2.3")
        return self.run_server(Server(api, "127.0.0.1", 0, limits=limits))

    def site(
        self, store: Optional[Server] = None, bad: Optional[Fault] = None, **settings: object
    ) -> Server:
        """Starts a site, and a store for it if none is given."""
        url = (store or self.store()).url
        file = self.folder / "settings.json"
        file.write_text(json.dumps({"title": "Test book", "entries_per_page": 3, **settings}))
        watched = Watched(file, log_module.log)
        return self.run_server(start(watched, url, TOKEN, 0, "1.2.3", bad or fault()))

    def certificate(self, *names: str) -> Dict[str, str]:
        """Makes a certificate for those names; returns the settings that use it."""
        if not shutil.which("openssl"):
            self.skipTest("the program openssl is missing; try: apt-get install openssl")
        key, file = self.folder / "key.pem", self.folder / "certificate.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"]
        command += ["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=guestbook"]
        command += ["-addext", "subjectAltName=" + ",".join(names)]
        command += ["-keyout", str(key), "-out", str(file)]
        subprocess.run(command, check=True, capture_output=True)
        return {"certificate": str(file), "key": str(key), "authority": str(file)}

    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts what `certificate` made."""
        return ssl.create_default_context(cafile=str(self.folder / "certificate.pem"))


def ask(
    server: Server,
    path: str,
    method: str = "GET",
    body: Optional[bytes] = None,
    headers: Optional[Dict[str, str]] = None,
    context: Optional[ssl.SSLContext] = None,
) -> Answer:
    """Asks a server once."""
    if context:
        link = http.client.HTTPSConnection("localhost", server.port, timeout=10, context=context)
    else:
        link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(link):
        link.request(method, path, body, {"Connection": "close", **(headers or {})})
        answer = link.getresponse()
        return Answer(
            answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        )


def ask_raw(server: Server, text: bytes, wait: float = 5.0) -> bytes:
    """Sends bytes as they are and returns all that comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as link:
        link.sendall(text)
        found = b""
        while True:
            some = link.recv(65536)
            if not some:
                return found
            found += some


def write(store: Server, name: str, message: str, form: str = "", token: str = TOKEN) -> Answer:
    """Signs the book at the store."""
    body = json.dumps({"name": name, "message": message, "form": form}).encode()
    return ask(store, "/entries", "POST", body, {"Authorization": f"Bearer {token}"})


class Visitor:
    """A browser without pictures: it keeps its cookie and sends the form that it was given."""

    def __init__(self, server: Server, context: Optional[ssl.SSLContext] = None) -> None:
        self.server = server
        self.context = context
        self.cookie = ""
        self.seal = ""

    def open(self, path: str = "/") -> Answer:
        return self._keep(ask(self.server, path, headers=self._headers(), context=self.context))

    def sign(self, name: str, message: str, **fields: str) -> Answer:
        form = {"seal": self.seal, "name": name, "message": message, **fields}
        headers = {"Content-Type": "application/x-www-form-urlencoded", **self._headers()}
        body = urlencode(form).encode()
        return self._keep(ask(self.server, "/", "POST", body, headers, self.context))

    def _headers(self) -> Dict[str, str]:
        return {"Cookie": self.cookie} if self.cookie else {}

    def _keep(self, answer: Answer) -> Answer:
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].split(";")[0]
        found = re.search(r'name="seal" value="([^"]+)"', answer.text)
        if found:
            self.seal = found[1]
        return answer


def free_port() -> int:
    """Returns a port that nobody uses at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def environment(**more: str) -> Dict[str, str]:
    """The environment of a process under test."""
    kept = {k: os.environ[k] for k in ("PATH", "HOME", "GUESTBOOK_FAULT") if k in os.environ}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}
