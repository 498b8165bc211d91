"""Guests of the guestbook: they sign it as a browser would, and read what is in it."""

import http.cookiejar
import json
import re
import ssl
import urllib.parse
import urllib.request


class Guest:
    """One browser."""

    def __init__(self, url, authority):
        self._url = url.rstrip("/")
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority)),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )

    def get(self, path="/"):
        with self._opener.open(self._url + path, timeout=30) as answer:
            return answer.read().decode()

    def version(self):
        return json.loads(self.get("/version"))["version"]

    def sign(self, name, message):
        seal = re.search(r'name="seal" value="([^"]+)"', self.get())[1]
        form = urllib.parse.urlencode({"seal": seal, "name": name, "message": message}).encode()
        with self._opener.open(self._url + "/", form, timeout=30) as answer:
            answer.read()

    def entries(self):
        """The messages in the book, newest first."""
        return re.findall(r"<content[^>]*>([^<]*)</content>", self.get("/feed.xml"))
