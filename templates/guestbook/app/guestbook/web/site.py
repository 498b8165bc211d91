"""The site's paths: what is shown, taken, and refused."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple
from urllib.parse import quote

from ..entry import tidy
from ..fault import Fault
from ..http import Refused, Request, Response, json_response
from ..report import Report
from ..routes import Routes
from ..settings import Settings
from ..store.api import report_response
from . import pages
from .client import Page, Store, StoreDown
from .feed import atom
from .seal import Seals, is_visitor, new_visitor

FEED_LENGTH = 30
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADINGS = {404: "Nothing here", 503: "The book is closed for a moment"}


class Site:
    """Answers requests from the store's entries."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        seals: Seals,
        version: str,
        fault: Fault,
    ) -> None:
        self._settings = settings
        self._store = store
        self._seals = seals
        self._version = version
        self._fault = fault
        self.checks: Callable[[], Report] = Report
        self._routes = Routes()
        self._routes.add("/", GET=self._paged(self._home), POST=self._paged(self._sign))
        self._routes.add("/entry/{number}", GET=self._paged(self._entry))
        self._routes.add("/feed.xml", GET=self._paged(self._feed))
        self._routes.add("/style.css", GET=_asset("style.css", "text/css; charset=utf-8"))
        self._routes.add("/favicon.svg", GET=_asset("favicon.svg", "image/svg+xml"))
        self._routes.add("/health", GET=self._health)
        self._routes.add("/version", GET=self._version_of)
        self._routes.add("/test", GET=self._test)

    def __call__(self, request: Request) -> Response:
        if self._settings().proxied:
            request.secure = request.headers.get("x-forwarded-proto") == "https"
        if self._settings().secure and not request.secure and request.path != "/health":
            return self._to_https(request)
        try:
            return self._routes.answer(request)
        except StoreDown as error:
            why = f"It opens again soon; nothing is lost. ({error})"
            raise Refused(503, why, {"Retry-After": "2"}) from error

    def refuse(self, refused: Refused, request: Optional[Request]) -> Response:
        """Answers a request that was refused, here or before it came here, as a page."""
        heading = HEADINGS.get(refused.status, "This did not work")
        response = self._page(
            pages.message(self._settings().title, self._version, heading, _sentence(refused.why)),
            refused.status,
        )
        response.headers += list(refused.headers.items())
        return response

    def _paged(self, answer):
        """Wraps what visitors see, so that a drill (see `guestbook.fault`) can make it fail."""

        def wrapped(request: Request, *numbers: int) -> Response:
            # The checks behind /test see what visitors see, but do not count as visitors.
            if self._fault.page(counts="x-guestbook-check" not in request.headers):
                raise Refused(500, f"This version turned bad on purpose ({self._fault.word}).")
            return answer(request, *numbers)

        return wrapped

    def _to_https(self, request: Request) -> Response:
        if not request.host:
            raise Refused(400, "Ask with https.")
        query = f"?{request.query}" if request.query else ""
        place = f"https://{request.host}{quote(request.path)}{query}"
        return Response(308, b"Ask with https.\n", headers=[("Location", place)])

    def _home(self, request: Request) -> Response:
        after, before = _number(request, "after"), _number(request, "before")
        if after and before:
            raise Refused(400, "after and before exclude each other")
        visitor, cookie = self._visitor(request)
        form = pages.Form(self._seals.make(visitor))
        page = self._entries(after, before)
        signed, first = _number(request, "signed"), not (after or before)
        return self._book(page, form, cookie, signed, first)

    def _sign(self, request: Request) -> Response:
        given = request.form()
        name, message = tidy(given.get("name", "")), tidy(given.get("message", ""))
        visitor, cookie = self._visitor(request)
        key = self._seals.check(visitor, given.get("seal", "")) if not cookie else None
        if key is None:
            text = "Not signed yet: the form was open too long, or cookies are off. Press again."
            return self._again(visitor, cookie, name, message, {"form": text}, 403)
        entry, problems = self._store.add(name, message, key)
        if entry is None:
            return self._again(visitor, cookie, name, message, problems, 422)
        return Response(303, headers=[("Location", f"/?signed={entry.id}")])

    def _again(self, visitor, cookie, name, message, problems, status: int) -> Response:
        form = pages.Form(self._seals.make(visitor), name, message, problems)
        response = self._book(self._entries(), form, cookie, 0, True)
        response.status = status
        return response

    def _entry(self, _: Request, number: int) -> Response:
        entry = self._store.one(number)
        if entry is None:
            raise Refused(404, "That entry is not in the book.")
        return self._page(pages.entry_page(self._settings().title, self._version, entry))

    def _feed(self, request: Request) -> Response:
        settings = self._settings()
        base = f"{'https' if request.secure else 'http'}://{request.host or settings.domain}"
        entries = self._store.page(FEED_LENGTH).entries
        body = atom(settings.title, settings.domain, base, entries)
        return Response(200, body, "application/atom+xml; charset=utf-8")

    def _health(self, _: Request) -> Response:
        try:
            self._store.health()
        except StoreDown as error:
            return json_response({"status": "unwell", "store": str(error)}, 503)
        if self._fault.out():
            return json_response({"status": "unwell", "drill": self._fault.word}, 503)
        return json_response({"status": "ok", "store": "ok", "version": self._version})

    def _version_of(self, _: Request) -> Response:
        return json_response({"service": "web", "version": self._version})

    def _test(self, request: Request) -> Response:
        return report_response(request, self.checks())

    def _entries(self, after: int = 0, before: int = 0) -> Page:
        return self._store.page(self._settings().entries_per_page, after, before)

    def _book(self, page: Page, form: pages.Form, cookie, signed: int, first: bool) -> Response:
        title = self._settings().title
        response = self._page(pages.home(title, self._version, page, form, signed, first))
        response.headers += cookie
        return response

    def _page(self, html: str, status: int = 200) -> Response:
        headers = [
            ("Content-Security-Policy", POLICY),
            ("Referrer-Policy", "same-origin"),
            ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
            # Who counts answers during a deployment wants to know whose they are.
            ("X-Guestbook-Version", self._version),
        ]
        body = html.encode("utf-8", "replace")
        return Response(status, body, "text/html; charset=utf-8", headers)

    def _visitor(self, request: Request) -> Tuple[str, List[Tuple[str, str]]]:
        """Returns the visitor's cookie, and the header that sets it where there is none yet."""
        # The prefix makes browsers refuse the cookie from other hosts and without HTTPS.
        name = "__Host-guestbook" if request.secure else "guestbook"
        visitor = request.cookie(name)
        if is_visitor(visitor):
            return visitor, []
        visitor = new_visitor()
        rules = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if request.secure else "")
        return visitor, [("Set-Cookie", f"{name}={visitor}{rules}")]


def _asset(name: str, kind: str):
    def answer(request: Request) -> Response:
        mark = f'"{pages.asset_digest(name)}"'
        headers = [("ETag", mark), ("Cache-Control", "public, max-age=3600")]
        if request.headers.get("if-none-match") == mark:
            return Response(304, headers=headers)
        return Response(200, pages.ASSETS[name], kind, headers)

    return answer


def _number(request: Request, name: str) -> int:
    text = request.asked(name)
    if text and not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Refused(400, f"{name} must be the number of an entry")
    return int(text or 0)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ")")) else ".")
