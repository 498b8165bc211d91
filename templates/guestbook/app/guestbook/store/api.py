"""The store's paths. Reading is free to whoever reaches the port; writing needs the token."""

from __future__ import annotations

import hmac
import json
import re
import sqlite3

from ..entry import problems, tidy
from ..http import Refused, Request, Response, json_response
from ..report import Report
from ..routes import Routes
from .database import Database
from .schema import STEPS

MOST_AT_ONCE = 100
_FORM = re.compile("[A-Za-z0-9_-]{0,64}")


class Api:
    """Answers requests from a database."""

    def __init__(self, database: Database, token: str, version: str) -> None:
        self._database = database
        self._token = token.encode()
        self._version = version
        self._routes = Routes()
        self._routes.add("/entries", GET=self._list, POST=self._add)
        self._routes.add("/entries/{number}", GET=self._one, DELETE=self._remove)
        self._routes.add("/health", GET=self._health)
        self._routes.add("/version", GET=self._version_of)
        self._routes.add("/test", GET=self._test)

    def __call__(self, request: Request) -> Response:
        return self._routes.answer(request)

    def _list(self, request: Request) -> Response:
        limit = _number(request, "limit", 10, 1, MOST_AT_ONCE)
        after = _number(request, "after", 0, 0, 10**15)
        before = _number(request, "before", 0, 0, 10**15)
        if after and before:
            raise Refused(400, "after and before exclude each other")
        entries, older, newer = self._database.page(limit, after, before)
        return json_response(
            {
                "entries": [entry.json() for entry in entries],
                "total": self._database.count(),
                "after": older or None,
                "before": newer or None,
            }
        )

    def _one(self, _: Request, number: int) -> Response:
        entry = self._database.one(number)
        if entry is None:
            raise Refused(404, f"there is no entry {number}")
        return json_response(entry.json())

    def _add(self, request: Request) -> Response:
        self._check_token(request)
        given = _object(request)
        name, message, form = (_text(given, key) for key in ("name", "message", "form"))
        if not _FORM.fullmatch(form):
            raise Refused(400, "form must be up to 64 letters, digits, - and _")
        name, message = tidy(name), tidy(message)
        wrong = problems(name, message)
        if wrong:
            return json_response({"problems": wrong}, 422)
        entry, new = self._database.add(name, message, form or None)
        response = json_response(entry.json(), 201 if new else 200)
        response.headers.append(("Location", f"/entries/{entry.id}"))
        return response

    def _remove(self, request: Request, number: int) -> Response:
        self._check_token(request)
        if not self._database.remove(number):
            raise Refused(404, f"there is no entry {number}")
        return Response(204)

    def _check_token(self, request: Request) -> None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("latin-1"), self._token)
        if kind.lower() != "bearer" or not right:
            why = "send the header field Authorization: Bearer and the store's token"
            raise Refused(401, why, {"WWW-Authenticate": 'Bearer realm="guestbook"'})

    def _health(self, _: Request) -> Response:
        try:
            self._database.schema()
        except sqlite3.Error as error:
            return json_response({"status": "unwell", "database": str(error)}, 503)
        return json_response({"status": "ok", "version": self._version})

    def _version_of(self, _: Request) -> Response:
        return json_response({"service": "store", "version": self._version})

    def _test(self, request: Request) -> Response:
        return report_response(request, self.check())

    def check(self) -> Report:
        """Runs the store's checks of itself. They leave no trace in the book."""
        report, suite = Report(), "guestbook.store"
        report.check(suite, "the database is sound", self._check_sound)
        report.check(suite, "the tables are those of this version", self._check_schema)
        report.check(suite, "an entry can be written", self._database.try_writing)
        report.check(suite, "the newest entry comes first", self._check_order)
        return report

    def _check_sound(self) -> None:
        found = self._database.sound()
        assert found == "ok", found

    def _check_schema(self) -> None:
        found = self._database.schema()
        assert found == len(STEPS), f"version {found}, not {len(STEPS)}"

    def _check_order(self) -> None:
        ids = [entry.id for entry in self._database.page(MOST_AT_ONCE)[0]]
        assert ids == sorted(ids, reverse=True), f"the ids come as {ids[:5]} …"


def report_response(request: Request, report: Report) -> Response:
    """Sends a report: JUnit XML if the client asks for XML, JSON otherwise; 503 if one failed."""
    status = 200 if report.passed else 503
    vary = [("Vary", "Accept")]
    if request.accepts("application/xml") or request.accepts("text/xml"):
        return Response(status, report.junit(), "application/xml; charset=utf-8", vary)
    return Response(status, report.json(), "application/json; charset=utf-8", vary)


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.asked(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Refused(400, f"{name} must be a number from {least} to {most}")
    number = int(text)
    if not least <= number <= most:
        raise Refused(400, f"{name} must be a number from {least} to {most}")
    return number


def _object(request: Request) -> dict:
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the body must be JSON") from error
    if not isinstance(given, dict):
        raise Refused(400, "the body must be a JSON object")
    return given


def _text(given: dict, key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise Refused(400, f"{key} must be text")
    return value
