"""The certificate that is served. A renewed one is taken up without a restart."""

from __future__ import annotations

import ssl
import threading
import time
from pathlib import Path
from typing import Tuple

from .log import log
from .settings import SettingsError, stamp

LOOK_EVERY = 1.0


class Certificate:
    """A certificate and its key, read again when either file changes."""

    def __init__(self, certificate: str, key: str) -> None:
        self._paths = (Path(certificate), Path(key))
        self._looking = threading.Lock()
        self._looked = time.monotonic()
        self._seen = self._stamps()
        try:
            self._context = self._load()
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"{certificate}: cannot be used with {key}: {error}") from error

    def context(self) -> ssl.SSLContext:
        """The context for a new connection."""
        with self._looking:
            if time.monotonic() - self._looked >= LOOK_EVERY:
                self._looked = time.monotonic()
                self._look()
            return self._context

    def _look(self) -> None:
        stamps = self._stamps()
        if stamps == self._seen:
            return
        try:
            self._context = self._load()
            self._seen = stamps
            log("certificate-changed")
        except (OSError, ssl.SSLError) as error:
            # Perhaps half of the pair is written. The old one serves; look again in a second.
            log("certificate-refused", why=str(error))

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(*map(str, self._paths))
        return context

    def _stamps(self) -> Tuple:
        return tuple(map(stamp, self._paths))
