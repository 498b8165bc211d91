"""The site as a visitor meets it."""

import json
import re
import socket
import sqlite3
import threading
import time
from html.parser import HTMLParser
from unittest import mock
from xml.etree import ElementTree

from guestbook.fault import Fault
from guestbook.server import Server
from guestbook.store.api import Api
from guestbook.web.seal import VALID, Seals, new_visitor

from .running import TOKEN, Case, Visitor, ask, free_port, write

ATOM = "{http://www.w3.org/2005/Atom}"


class WellFormed(HTMLParser):
    """Fails where a tag is not closed in order."""

    VOID = {"meta", "link", "input"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open = []
        self.tags = []
        self.feed(text)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"


class Book(Case):
    def test_an_empty_book_invites(self):
        answer = Visitor(self.site()).open()
        self.assertEqual(200, answer.status)
        self.assertIn("Be the first!", answer.text)
        self.assertIn("<title>Test book</title>", answer.text)
        WellFormed(answer.text)

    def test_a_visitor_signs_and_sees_the_entry(self):
        visitor = Visitor(self.site())
        visitor.open()
        answer = visitor.sign("Zoë", "First line\nsecond")
        self.assertEqual((303, "/?signed=1"), (answer.status, answer.headers["location"]))
        page = visitor.open(answer.headers["location"])
        self.assertIn("is in the book", page.text)
        self.assertIn(">Zoë</h3>", page.text)
        self.assertIn("First line\nsecond", page.text)
        WellFormed(page.text)

    def test_what_visitors_write_stays_text(self):
        store = self.store()
        evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;$title"
        write(store, evil[:60], evil)
        for path in ("/", "/entry/1", "/?signed=1"):
            with self.subTest(path):
                found = WellFormed(Visitor(self.site(store)).open(path).text)
                self.assertFalse({"script", "img"} & set(found.tags))

    def test_what_is_wrong_is_said_at_the_field_and_nothing_typed_is_lost(self):
        visitor = Visitor(self.site())
        visitor.open()
        answer = visitor.sign("  ", "\n<b>kept</b>")
        self.assertEqual(422, answer.status)
        self.assertIn('id="name-problem">Please say who you are.', answer.text)
        self.assertIn('aria-describedby="name-problem"', answer.text)
        self.assertIn("&lt;b&gt;kept&lt;/b&gt;</textarea>", answer.text)
        self.assertEqual(303, visitor.sign("Ana", "now it is right").status)

    def test_a_form_that_is_sent_twice_signs_once(self):
        visitor = Visitor(self.site())
        visitor.open()
        first, second = visitor.sign("Ana", "x"), visitor.sign("Ana", "x")
        self.assertEqual(first.headers["location"], second.headers["location"])
        self.assertEqual(1, self.database.count())

    def test_a_form_from_elsewhere_is_refused(self):
        site = self.site()
        visitor, other = Visitor(site), Visitor(site)
        visitor.open()
        other.open()
        self.assertEqual(403, visitor.sign("Eve", "x", seal=other.seal).status)
        self.assertEqual(403, visitor.sign("Eve", "x", seal="").status)
        stranger = Visitor(site)
        stranger.seal = visitor.seal
        answer = stranger.sign("Eve", "what I wrote")
        self.assertEqual(403, answer.status)
        self.assertIn("what I wrote", answer.text)
        self.assertEqual(0, self.database.count())
        self.assertEqual(303, stranger.sign("Ana", "pressed again").status)

    def test_pages_lead_from_new_to_old_and_back(self):
        store = self.store()
        for number in range(7):
            write(store, f"guest {number}", "x")
        visitor = Visitor(self.site(store))
        first = visitor.open()
        self.assertIn("7 entries", first.text)
        self.assertEqual(["guest 6", "guest 5", "guest 4"], self.names(first.text))
        second = visitor.open(self.link(first.text, "next"))
        self.assertEqual(["guest 3", "guest 2", "guest 1"], self.names(second.text))
        third = visitor.open(self.link(second.text, "next"))
        self.assertEqual(["guest 0"], self.names(third.text))
        self.assertNotIn('rel="next"', third.text)
        self.assertEqual(
            self.names(second.text), self.names(visitor.open(self.link(third.text, "prev")).text)
        )

    @staticmethod
    def names(text):
        return re.findall(r'<h3 dir="auto">([^<]*)</h3>', text)

    @staticmethod
    def link(text, rel):
        return re.search(rf'rel="{rel}" href="([^"]+)"', text)[1]

    def test_the_feed_is_atom_with_the_newest_first(self):
        store = self.store()
        write(store, "Ana", "one")
        write(store, "Bo & Co", "<two>")
        answer = ask(self.site(store, domain="book.test"), "/feed.xml", headers={"Host": "a.test"})
        self.assertEqual("application/atom+xml; charset=utf-8", answer.headers["content-type"])
        feed = ElementTree.fromstring(answer.body)
        entries = feed.findall(f"{ATOM}entry")
        self.assertEqual(["<two>", "one"], [entry.findtext(f"{ATOM}content") for entry in entries])
        self.assertEqual("tag:book.test,2020:guestbook/entry/2", entries[0].findtext(f"{ATOM}id"))
        self.assertEqual("http://a.test/entry/2", entries[0].find(f"{ATOM}link").get("href"))
        for tag in ("title", "id", "updated"):
            self.assertTrue(feed.findtext(f"{ATOM}{tag}"))

    def test_a_page_that_is_not_there_says_so(self):
        site = self.site()
        for path in ("/nothing", "/entry/99", "/<script>"):
            with self.subTest(path):
                answer = ask(site, path)
                self.assertEqual(404, answer.status)
                self.assertNotIn("<script", answer.text)
                WellFormed(answer.text)

    def test_methods_are_those_that_it_has(self):
        site = self.site()
        answer = ask(site, "/", "DELETE")
        self.assertEqual((405, "GET, HEAD, POST"), (answer.status, answer.headers["allow"]))
        head = ask(site, "/", "HEAD")
        self.assertEqual((200, b""), (head.status, head.body))
        self.assertGreater(int(head.headers["content-length"]), 1000)

    def test_pages_carry_the_headers_that_protect_them(self):
        site = self.site()
        for path in ("/", "/nothing"):
            headers = ask(site, path).headers
            self.assertIn("default-src 'none'", headers["content-security-policy"])
            self.assertEqual("nosniff", headers["x-content-type-options"])
            self.assertEqual("DENY", headers["x-frame-options"])
            self.assertEqual("same-origin", headers["referrer-policy"])
            self.assertEqual("no-store", headers["cache-control"])
        cookie = ask(site, "/").headers["set-cookie"]
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=Lax", cookie)

    def test_the_style_sheet_is_sent_once(self):
        site = self.site()
        first = ask(site, "/style.css")
        again = ask(site, "/style.css", headers={"If-None-Match": first.headers["etag"]})
        self.assertEqual((200, 304, b""), (first.status, again.status, again.body))

    def test_no_page_needs_a_script_or_anything_from_elsewhere(self):
        text = Visitor(self.site()).open().text
        self.assertNotIn("<script", text)
        self.assertNotRegex(text, r'(src|href)="(https?:)?//')

    def test_a_changed_title_is_taken_up_and_a_wrong_file_is_not(self):
        site = self.site()
        file = self.folder / "settings.json"
        file.write_text(json.dumps({"title": "Another name"}))
        self.assertIn("<title>Another name</title>", ask(site, "/").text)
        file.write_text('{"title": ')
        self.assertIn("<title>Another name</title>", ask(site, "/").text)
        self.assertIn("is not JSON", self.logged("settings-refused")[0]["why"])


class Working(Case):
    def test_it_is_healthy_and_says_its_version(self):
        site = self.site()
        self.assertEqual("ok", ask(site, "/health").json["store"])
        self.assertEqual({"service": "web", "version": "1.2.3"}, ask(site, "/version").json)

    def test_its_checks_pass_and_hold_those_of_the_store(self):
        site = self.site()
        answer = ask(site, "/test")
        self.assertEqual((200, True), (answer.status, answer.json["passed"]), answer.text)
        suites = {case["suite"] for case in answer.json["cases"]}
        self.assertEqual({"guestbook.web", "guestbook.store"}, suites)
        xml = ElementTree.fromstring(ask(site, "/test", headers={"Accept": "text/xml"}).body)
        self.assertEqual(str(answer.json["tests"]), xml.get("tests"))
        self.assertEqual(0, self.database.count())

    def test_its_checks_fail_with_those_of_the_store(self):
        site = self.site()
        with sqlite3.connect(self.folder / "data" / "book.sqlite3") as other:
            other.execute("INSERT INTO schema_version VALUES (99, 'later', '')")
        other.close()
        answer = ask(site, "/test")
        bad = [case["name"] for case in answer.json["cases"] if case["status"] != "passed"]
        self.assertEqual((503, ["the tables are those of this version"]), (answer.status, bad))

    def test_a_store_that_is_away_makes_it_unwell_and_nothing_leaks(self):
        class Away:
            url = f"http://127.0.0.1:{free_port()}"

        site = self.site(Away())
        answer = ask(site, "/health")
        self.assertEqual((503, "unwell"), (answer.status, answer.json["status"]))
        started = time.monotonic()
        with mock.patch("guestbook.web.client.PATIENCE", 0.4):
            page = ask(site, "/")
        self.assertEqual((503, "2"), (page.status, page.headers["retry-after"]))
        self.assertIn("closed for a moment", page.text)
        self.assertGreater(time.monotonic() - started, 0.4, "it did not wait for the store")
        self.assertNotIn(TOKEN, page.text + answer.text + self.log.getvalue())

    def test_a_store_that_comes_back_is_waited_for(self):
        store = self.store()
        site = self.site(store)
        self.assertEqual(200, ask(site, "/").status)
        self.restart(store)
        self.assertEqual(200, ask(site, "/").status)

    def restart(self, store):
        """Ends the store, and starts it on the same port a little later."""
        store.stop()

        def again() -> None:
            time.sleep(0.3)
            self.run_server(Server(Api(self.database, TOKEN, "1.2.4"), "127.0.0.1", store.port))

        thread = threading.Thread(target=again)
        thread.start()
        self.addCleanup(thread.join)

    def test_a_version_that_turns_bad_is_well_at_first(self):
        site = self.site(bad=Fault("bad-after-pages=3"))
        self.assertEqual(200, ask(site, "/test").status)
        self.assertEqual([200] * 3 + [500] * 2, [ask(site, "/").status for _ in range(5)])
        self.assertEqual(503, ask(site, "/health").status)
        self.assertEqual(503, ask(site, "/test").status)


class Sealing(Case):
    def test_a_seal_is_good_for_its_visitor_and_for_some_hours(self):
        now = [1_000_000.0]
        seals = Seals("secret", lambda: now[0])
        visitor = new_visitor()
        seal = seals.make(visitor)
        key = seals.check(visitor, seal)
        self.assertTrue(key)
        self.assertEqual(key, Seals("secret", lambda: now[0]).check(visitor, seal))
        self.assertIsNone(seals.check(new_visitor(), seal))
        self.assertIsNone(Seals("other", lambda: now[0]).check(visitor, seal))
        now[0] += VALID + 1
        self.assertIsNone(seals.check(visitor, seal))

    def test_no_changed_seal_is_taken(self):
        seals, visitor = Seals("secret"), new_visitor()
        seal = seals.make(visitor)
        for at in range(len(seal)):
            changed = seal[:at] + ("0" if seal[at] != "0" else "1") + seal[at + 1 :]
            self.assertIsNone(seals.check(visitor, changed), changed)


class BehindAFront(Case):
    HTTPS = {"X-Forwarded-Proto": "https"}

    def test_cookies_are_those_of_https_where_the_front_says_so(self):
        site = self.site(proxied=True)
        self.assertIn("; Secure", ask(site, "/", headers=self.HTTPS).headers["set-cookie"])
        self.assertNotIn("; Secure", ask(site, "/").headers["set-cookie"])

    def test_without_a_front_nobody_is_believed(self):
        answer = ask(self.site(), "/", headers=self.HTTPS)
        self.assertNotIn("; Secure", answer.headers["set-cookie"])


class Safely(Case):
    def setUp(self) -> None:
        super().setUp()
        self.tls = self.certificate("DNS:localhost", "DNS:book.test", "IP:127.0.0.1")

    def test_a_visitor_signs_over_https(self):
        site = self.site(domain="book.test", **self.tls)
        visitor = Visitor(site, self.trust())
        self.assertIn("; Secure", visitor.open().headers["set-cookie"])
        self.assertTrue(visitor.cookie.startswith("__Host-guestbook="))
        self.assertEqual(303, visitor.sign("Ana", "x").status)
        answer = ask(site, "/test", context=self.trust())
        self.assertEqual(200, answer.status, answer.text)
        self.assertIn("the certificate is good", answer.text)

    def test_plain_http_is_led_to_https_and_may_ask_for_health(self):
        site = self.site(**self.tls)
        answer = ask(site, "/a%0d%0ab?c=d", headers={"Host": "book.test:1"})
        self.assertEqual(308, answer.status)
        self.assertEqual("https://book.test:1/a%0D%0Ab?c=d", answer.headers["location"])
        self.assertEqual(200, ask(site, "/health").status)

    def test_a_renewed_certificate_is_served_without_a_restart(self):
        site = self.site(**self.tls)
        old = self.trust()
        self.assertEqual(200, ask(site, "/health", context=old).status)
        self.certificate("DNS:localhost")
        with mock.patch("guestbook.tls.LOOK_EVERY", 0.0):
            ask(site, "/health")
        self.assertEqual(200, ask(site, "/health", context=self.trust()).status)
        with self.assertRaises(OSError):
            ask(site, "/health", context=old)

    def test_a_client_that_says_nothing_sensible_does_no_harm(self):
        site = self.site(**self.tls)
        with socket.create_connection(("127.0.0.1", site.port), timeout=5) as link:
            link.sendall(b"\x16nonsense" * 50)
            try:
                while link.recv(1000):
                    pass
            except ConnectionResetError:
                pass  # also a way to say no
        self.assertEqual(200, ask(site, "/health", context=self.trust()).status)
