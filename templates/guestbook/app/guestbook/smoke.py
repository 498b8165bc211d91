"""Asks a running site for its own checks and fails unless all of them passed.

    python3 -m guestbook.smoke https://localhost:18500 --authority ca.pem --version 1.0.0

    --authority FILE   trust the certificates of this authority
    --version TEXT     the version that must be running
    --junit FILE       write the report there, as JUnit XML
    --wait SECONDS     how long the site may take until it answers at all (default 10)
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Optional

from .report import Report, from_json


class Probe:
    """Asks one site."""

    def __init__(self, url: str, authority: Optional[str] = None) -> None:
        self._url = url.rstrip("/")
        context = ssl.create_default_context(cafile=authority)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def get(self, path: str) -> bytes:
        """Fetches a path; a report of failed checks (503 with JSON) is an answer too."""
        try:
            with self._opener.open(self._url + path, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            kind = error.headers.get_content_type()
            if error.code == 503 and kind == "application/json":
                return error.read()
            raise

    def report(self, version: Optional[str]) -> Report:
        """Runs the site's checks, and looks at its version."""
        report = from_json(self.get("/test"))
        if version:
            found = json.loads(self.get("/version"))["version"]
            name = f"it runs version {version}"
            report.check("guestbook.smoke", name, lambda: _same(found, version))
        return report


def _same(found: str, wanted: str) -> None:
    assert found == wanted, f"it runs {found}"


def wait(probe: Probe, seconds: float) -> None:
    """Waits until the site answers at all."""
    until = time.monotonic() + seconds
    while True:
        try:
            probe.get("/version")
            return
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
                raise
            if time.monotonic() >= until:
                raise
            time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m guestbook.smoke")
    parser.add_argument("url")
    parser.add_argument("--authority")
    parser.add_argument("--version")
    parser.add_argument("--junit", type=Path)
    parser.add_argument("--wait", type=float, default=10.0)
    given = parser.parse_args()
    try:
        probe = Probe(given.url, given.authority)
        wait(probe, given.wait)
        report = probe.report(given.version)
    except (OSError, ValueError, KeyError) as error:
        print(f"smoke: {given.url}: {error}", file=sys.stderr)
        return 1
    if given.junit:
        given.junit.parent.mkdir(parents=True, exist_ok=True)
        given.junit.write_bytes(report.junit())
    for case in report.cases:
        mark = "ok    " if case.status == "passed" else f"{case.status:6}"
        print(f"{mark} {case.suite}: {case.name}" + (f": {case.message}" if case.message else ""))
    bad = len(report.cases) - report.count("passed")
    print(f"{len(report.cases)} checks, {bad} not passed")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
