"""Visitors of a site: they ask without pause, keep their connections, never ask twice, and count.

What they count is compared with what the front says that it served.
"""

import collections
import http.client
import ssl
import threading
import time


class Visitors:
    """Some visitors, from `begin` to `end`."""

    def __init__(self, port, authority, many=8, per_second=400):
        self._port, self._pause = port, many / per_second
        self._context = ssl.create_default_context(cafile=authority)
        self._threads = [threading.Thread(target=self._visit, daemon=True) for _ in range(many)]
        self._counting, self._ended = threading.Lock(), threading.Event()
        self.by_version = collections.Counter()
        self.lost, self.errors, self.slowest = 0, 0, 0.0

    @property
    def asked(self):
        return sum(self.by_version.values()) + self.lost

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    def _visit(self):
        link = None
        while not self._ended.wait(self._pause):
            link = link or http.client.HTTPSConnection("localhost", self._port, timeout=30, context=self._context)
            began = time.monotonic()
            try:
                link.request("GET", "/")
                answer = link.getresponse()
                answer.read()
                self._count(answer, time.monotonic() - began)
                if answer.will_close:
                    link = None
            except (OSError, http.client.HTTPException):
                with self._counting:
                    self.lost += 1
                link = None

    def _count(self, answer, took):
        with self._counting:
            self.by_version[answer.getheader("X-Guestbook-Version", "?")] += 1
            self.errors += answer.status >= 500
            self.slowest = max(self.slowest, took)
