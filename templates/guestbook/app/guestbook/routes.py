"""Which function answers which path. Unknown paths are 404, wrong methods 405 with Allow."""

from __future__ import annotations

import re
from typing import Callable, List, Tuple

from .http import Refused, Request, Response

Answer = Callable[..., Response]


class Routes:
    """Paths with `{number}` in them, and one function for each method."""

    def __init__(self) -> None:
        self._routes: List[Tuple[re.Pattern, dict]] = []

    def add(self, path: str, **methods: Answer) -> None:
        """Adds a path, such as `add("/entries/{number}", GET=one, DELETE=remove)`."""
        pattern = re.escape(path).replace(r"\{number\}", "([0-9]{1,15})")
        self._routes.append((re.compile(pattern), methods))

    def answer(self, request: Request) -> Response:
        """Calls the function for this request. HEAD is a GET whose body the server leaves out."""
        for pattern, methods in self._routes:
            match = pattern.fullmatch(request.path)
            if match:
                method = "GET" if request.method == "HEAD" else request.method
                if method not in methods:
                    raise self._wrong_method(request, methods)
                return methods[method](request, *map(int, match.groups()))
        raise Refused(404, "no page has this address")

    @staticmethod
    def _wrong_method(request: Request, methods: dict) -> Refused:
        allowed = sorted(set(methods) | ({"HEAD"} if "GET" in methods else set()))
        why = f"{request.method} is not possible here"
        return Refused(405, why, {"Allow": ", ".join(allowed)})
