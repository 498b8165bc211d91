"""One connection: reads requests within limits of size and time, and writes the answers."""

from __future__ import annotations

import select
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Optional

from .http import Refused, Request, Response, parse, refusal
from .log import log


# Seconds that a connection without any request yet may last while others wait for its place.
FRESH_PATIENCE = 1.0


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    head: int = 16 * 1024
    body: int = 32 * 1024
    read_timeout: float = 10.0
    write_timeout: float = 10.0
    idle_timeout: float = 15.0
    threads: int = 64
    grace: float = 20.0


class Gone(Exception):
    """The client closed the connection, or was too slow in the middle of nothing."""


class Connection:
    """Serves one client until it leaves, idles for too long, or the server stops."""

    def __init__(self, server, link: socket.socket, remote: str) -> None:
        self._server = server
        self._limits: Limits = server.limits
        self._link = link
        self._remote = remote
        self._secure = False
        self._read = bytearray()

    def serve(self) -> None:
        """Serves requests one after the other."""
        try:
            self._begin()
            fresh = True
            while self._wait(fresh) and self._one():
                fresh = False
        except (Gone, OSError):
            pass  # the other side left; every request that was read has its line in the log
        finally:
            self._link.close()

    def _begin(self) -> None:
        """Speaks TLS if there is a certificate and the first byte is that of a handshake."""
        context = self._server.tls()
        if context is None or not self._wait(fresh=True):
            return
        self._link.settimeout(self._limits.read_timeout)
        if self._link.recv(1, socket.MSG_PEEK) == b"\x16":
            self._link = context.wrap_socket(self._link, server_side=True)
            self._secure = True

    def _wait(self, fresh: bool) -> bool:
        """Waits for a request. An idle connection ends when the server stops or its place is
        needed; a fresh one, whose request may be on its way, is given some time even then."""
        if self._read or (self._secure and self._link.pending()):
            return True
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        if not fresh:
            poll.register(self._server.stopped, select.POLLIN)
        began = time.monotonic()
        patience = FRESH_PATIENCE if fresh else 0.0
        while time.monotonic() - began < self._limits.idle_timeout:
            ready = {number for number, _ in poll.poll(250)}
            if self._link.fileno() in ready:
                return True
            if self._server.hurried() and time.monotonic() - began >= patience:
                return False
        return False

    def _one(self) -> bool:
        """Serves one request. Returns whether the connection stays."""
        started = time.monotonic()
        request: Optional[Request] = None
        try:
            until = started + self._limits.read_timeout
            request = parse(self._head(until))
            request.secure, request.remote = self._secure, self._remote
            self._body(request, until)
            response = self._server.answer(request)
            keep = request.keeps_alive and not self._server.hurried()
        except Refused as refused:
            response, keep = self._server.refuse(refused, request), False
        sent = self._write(request, response, keep)
        self._log(request, response, started, sent)
        if not keep:
            self._linger()
        return keep

    def _body(self, request: Request, until: float) -> None:
        if request.length > self._limits.body:
            raise Refused(413, f"at most {self._limits.body} bytes are taken")
        if request.length > len(self._read):
            if request.headers.get("expect", "").lower() == "100-continue":
                self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
            while len(self._read) < request.length:
                self._more(until)
        request.body = bytes(self._read[: request.length])
        del self._read[: request.length]

    def _head(self, until: float) -> bytes:
        while True:
            while self._read.startswith(b"\r\n"):
                del self._read[:2]
            end = self._read.find(b"\r\n\r\n")
            if end > self._limits.head or (end < 0 and len(self._read) > self._limits.head):
                raise Refused(431, f"the header fields are over {self._limits.head} bytes")
            if end >= 0:
                head = bytes(self._read[:end])
                del self._read[: end + 4]
                return head
            self._more(until)

    def _more(self, until: float) -> None:
        """Reads some more. The time limit is for the whole request, not for each read."""
        left = until - time.monotonic()
        try:
            if left <= 0:
                raise socket.timeout
            self._link.settimeout(left)
            some = self._link.recv(16 * 1024)
        except socket.timeout:
            if self._read:
                raise Refused(408, "the request took too long to arrive") from None
            raise Gone from None
        if not some:
            raise Gone
        self._read += some

    def _write(self, request: Optional[Request], response: Response, keep: bool) -> bool:
        bodiless = response.status == 304 or (request is not None and request.method == "HEAD")
        body = b"" if bodiless else response.body
        try:
            self._send(response.head(keep) + body)
            return True
        except OSError:
            return False

    def _send(self, content: bytes) -> None:
        self._link.settimeout(self._limits.write_timeout)
        self._link.sendall(content)

    def _linger(self) -> None:
        """Lets the client read the answer before what it still sends meets a closed door."""
        try:
            if isinstance(self._link, ssl.SSLSocket):
                self._link.settimeout(0.5)
                self._link = self._link.unwrap()
            self._link.shutdown(socket.SHUT_WR)
            until = time.monotonic() + 1.0
            self._link.settimeout(0.5)
            while time.monotonic() < until and self._link.recv(64 * 1024):
                pass
        except (OSError, ValueError):
            pass

    def _log(self, request, response: Response, started: float, sent: bool) -> None:
        log(
            "request",
            method=request.method if request else "-",
            path=request.path[:200] if request else "-",
            status=response.status,
            bytes=len(response.body),
            ms=round((time.monotonic() - started) * 1000, 1),
            remote=self._remote,
            **({} if sent else {"cut": True}),
        )


def plain_refusal(refused: Refused, _: Optional[Request]) -> Response:
    """Answers a refused request in plain text."""
    return refusal(refused)
