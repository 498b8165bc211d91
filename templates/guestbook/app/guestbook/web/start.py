"""Puts the parts of the site together."""

from __future__ import annotations

from typing import Optional

from ..connection import Limits
from ..fault import Fault
from ..http import Refused, Request, Response
from ..server import Server
from ..settings import Watched
from ..tls import Certificate
from .checks import Checks
from .client import Store
from .seal import Seals
from .site import Site


def start(
    settings: Watched,
    store_url: str,
    token: str,
    port: int,
    version: str,
    fault: Fault,
    limits: Limits = Limits(),
) -> Server:
    """Makes a server for the site; it listens already and serves once it is run."""
    chosen = settings.now()
    store = Store(store_url, token)
    site = Site(settings.now, store, Seals(token), version, fault)
    certificate = Certificate(chosen.certificate, chosen.key) if chosen.secure else None

    def refuse(refused: Refused, request: Optional[Request]) -> Response:
        return site.refuse(refused, request)

    server = Server(site, chosen.listen, port, certificate, refuse, limits, store.close)
    place = "127.0.0.1" if chosen.listen in ("0.0.0.0", "::") else chosen.listen
    site.checks = Checks(store, settings.now, (place, server.port), version).run
    return server
