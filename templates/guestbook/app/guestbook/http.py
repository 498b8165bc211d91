"""HTTP/1.1 as values: a request from bytes, an answer to bytes. No sockets in here.

Strict on purpose: what two programs could read differently (two lengths, folded lines, a space
before a colon) is refused, so that nobody can smuggle a request past a proxy.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Dict, List, Optional, Tuple
from urllib.parse import parse_qs, unquote, urlsplit

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
MOST_HEADERS = 64


class Refused(Exception):
    """A request that cannot be served as it is: the status, and why in one line."""

    def __init__(self, status: int, why: str, headers: Optional[Dict[str, str]] = None) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.headers = headers or {}


@dataclass
class Request:
    """What was asked."""

    method: str
    path: str
    query: str = ""
    headers: Dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    minor: int = 1
    secure: bool = False
    remote: str = ""
    length: int = 0

    @property
    def host(self) -> str:
        """The Host header; empty if it is missing or is not the name of a host."""
        host = self.headers.get("host", "")
        return host if _HOST.fullmatch(host) else ""

    @property
    def keeps_alive(self) -> bool:
        """Tells whether the client wants to ask again on this connection."""
        wishes = {w.strip().lower() for w in self.headers.get("connection", "").split(",")}
        return "close" not in wishes if self.minor == 1 else "keep-alive" in wishes

    def asked(self, name: str) -> str:
        """Returns the first value of that name in the query, or empty text."""
        return self._first(self.query, name)

    def form(self) -> Dict[str, str]:
        """Reads the body as a form: the first value of each name."""
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise Refused(415, "send the form as application/x-www-form-urlencoded")
        try:
            text = self.body.decode("ascii")
            fields = parse_qs(text, keep_blank_values=True, errors="replace", max_num_fields=20)
        except ValueError as error:
            raise Refused(400, "the form cannot be read") from error
        return {name: values[0] for name, values in fields.items()}

    @staticmethod
    def _first(query: str, name: str) -> str:
        try:
            return parse_qs(query, errors="replace", max_num_fields=20).get(name, [""])[0]
        except ValueError as error:
            raise Refused(400, "the query has too many fields") from error

    def cookie(self, name: str) -> str:
        """Returns the cookie of that name, or empty text."""
        for pair in self.headers.get("cookie", "").split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value
        return ""

    def accepts(self, kind: str) -> bool:
        """Tells whether the client names this media type itself (a mere */* does not count)."""
        offers = self.headers.get("accept", "").lower().split(",")
        return any(offer.split(";")[0].strip() == kind for offer in offers)


@dataclass
class Response:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: List[Tuple[str, str]] = field(default_factory=list)

    def head(self, keep: bool) -> bytes:
        """The status line and the headers as bytes."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        names = {name.lower() for name, _ in self.headers}
        lines += [f"Date: {formatdate(usegmt=True)}", "Server: guestbook"]
        if self.status != 304:
            lines += [f"Content-Type: {self.kind}"] if self.body else []
            lines += [f"Content-Length: {len(self.body)}"]
        lines += ["X-Content-Type-Options: nosniff"]
        lines += [] if "cache-control" in names else ["Cache-Control: no-store"]
        lines += [f"{name}: {_one_line(value)}" for name, value in self.headers]
        lines += [f"Connection: {'keep-alive' if keep else 'close'}", "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace")


def _one_line(value: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", value)


def json_response(content: object, status: int = 200) -> Response:
    """Answers with JSON."""
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    return Response(status, body, "application/json; charset=utf-8")


def refusal(refused: Refused) -> Response:
    """Answers a refused request in plain text."""
    body = f"{refused.status} {HTTPStatus(refused.status).phrase}: {refused.why}\n".encode()
    return Response(refused.status, body, headers=list(refused.headers.items()))


def parse(head: bytes) -> Request:
    """Reads the request line and the headers, without the empty line that ends them."""
    first, *lines = head.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if not match:
        if re.fullmatch(rb"\S+ \S+ HTTP/\d\.\d", first) and not first.endswith((b"1.0", b"1.1")):
            raise Refused(505, "this server speaks HTTP/1.1")
        raise Refused(400, "the request line cannot be read")
    request = Request(match[1].decode(), "", minor=int(match[3]), headers=_headers(lines))
    request.path, request.query = _target(match[2].decode())
    _check_host(request)
    request.length = _length(request)
    return request


def _headers(lines: List[bytes]) -> Dict[str, str]:
    if len(lines) > MOST_HEADERS:
        raise Refused(431, f"more than {MOST_HEADERS} header fields")
    headers: Dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if not match:
            raise Refused(400, "a header field cannot be read")
        name, value = match[1].decode().lower(), match[2].decode("latin-1")
        if name in headers:
            if name in ("host", "content-length", "transfer-encoding", "authorization"):
                raise Refused(400, f"the header field {name} stands there twice")
            value = headers[name] + ("; " if name == "cookie" else ", ") + value
        headers[name] = value
    return headers


def _target(target: str) -> Tuple[str, str]:
    if re.match(r"https?://", target, re.IGNORECASE):
        try:
            parts = urlsplit(target)
        except ValueError as error:
            raise Refused(400, "the address cannot be read") from error
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.startswith("/"):
        raise Refused(400, "the address must begin with /")
    path, _, query = target.partition("?")
    return unquote(path, errors="replace"), query


def _check_host(request: Request) -> None:
    if request.minor == 1 and "host" not in request.headers:
        raise Refused(400, "the header field host is missing")
    if request.headers.get("host") and not request.host:
        raise Refused(400, "the header field host is not the name of a host")


def _length(request: Request) -> int:
    if "transfer-encoding" in request.headers:
        raise Refused(411, "send the body with a Content-Length")
    text = request.headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise Refused(400, "the header field content-length is not a number")
    return int(text)
