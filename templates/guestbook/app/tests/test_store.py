"""The store: its paths, its tables, and what it does not lose."""

import json
import sqlite3
import threading
from xml.etree import ElementTree

from guestbook.store.database import Database, Occupied
from guestbook.store.schema import STEPS, SchemaError

from .running import TOKEN, Case, ask, write


class Paths(Case):
    def test_an_entry_that_is_written_can_be_read(self):
        store = self.store()
        answer = write(store, "Ana", "Hello\r\nworld")
        self.assertEqual(201, answer.status)
        self.assertEqual(f"/entries/{answer.json['id']}", answer.headers["location"])
        entry = ask(store, answer.headers["location"]).json
        self.assertEqual(("Ana", "Hello\nworld"), (entry["name"], entry["message"]))
        self.assertRegex(entry["signed"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_the_newest_entry_comes_first(self):
        store = self.store()
        for number in range(3):
            write(store, f"guest {number}", "x")
        names = [entry["name"] for entry in ask(store, "/entries").json["entries"]]
        self.assertEqual(["guest 2", "guest 1", "guest 0"], names)

    def test_pages_lead_to_each_other_and_hold_each_entry_once(self):
        store = self.store()
        ids = [write(store, f"guest {number}", "x").json["id"] for number in range(7)]
        path, seen, pages = "/entries?limit=3", [], []
        while path:
            page = ask(store, path).json
            pages.append(page)
            seen += [entry["id"] for entry in page["entries"]]
            path = page["after"] and f"/entries?limit=3&after={page['after']}"
        self.assertEqual(sorted(ids, reverse=True), seen)
        self.assertEqual([3, 3, 1], [len(page["entries"]) for page in pages])
        back = ask(store, f"/entries?limit=3&before={pages[2]['before']}").json
        self.assertEqual(pages[1]["entries"], back["entries"])
        self.assertEqual(7, back["total"])
        self.assertIsNone(pages[0]["before"])

    def test_the_same_form_signs_once(self):
        store = self.store()
        first, second = write(store, "Ana", "x", "form-1"), write(store, "Ana", "x", "form-1")
        self.assertEqual((201, 200), (first.status, second.status))
        self.assertEqual(first.json, second.json)
        self.assertEqual(1, ask(store, "/entries").json["total"])

    def test_writing_needs_the_token(self):
        store = self.store()
        number = write(store, "Ana", "x").json["id"]
        for wrong in ("", "x", TOKEN[:-1], TOKEN + "x", "tokén"):
            with self.subTest(wrong):
                headers = {"Authorization": f"Bearer {wrong}"}
                self.assertEqual(401, write(store, "Eve", "x", token=wrong).status)
                removed = ask(store, f"/entries/{number}", "DELETE", headers=headers)
                self.assertEqual(401, removed.status)
        self.assertEqual(401, ask(store, "/entries", "POST", b"{}").status)
        self.assertEqual(1, ask(store, "/entries").json["total"])

    def test_an_entry_can_be_removed_once(self):
        store = self.store()
        path = f"/entries/{write(store, 'Ana', 'x').json['id']}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.assertEqual(204, ask(store, path, "DELETE", headers=headers).status)
        self.assertEqual(404, ask(store, path, "DELETE", headers=headers).status)
        self.assertEqual(404, ask(store, path).status)

    def test_what_cannot_stand_in_the_book_is_422_and_says_which_field(self):
        store = self.store()
        cases = [
            ({"name": "", "message": "x"}, {"name"}),
            ({"name": " \t\u200b", "message": "x"}, {"name"}),
            ({"name": "x" * 61, "message": "x" * 1001}, {"name", "message"}),
            ({"name": "a\nb", "message": "\u0000"}, {"name", "message"}),
            ({"name": "\ud800", "message": "\ud800x"}, {"name"}),
        ]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        for given, fields in cases:
            with self.subTest(given):
                answer = ask(store, "/entries", "POST", json.dumps(given).encode(), headers)
                self.assertEqual(422, answer.status)
                self.assertEqual(fields, set(answer.json["problems"]))

    def test_the_longest_entry_fits(self):
        answer = write(self.store(), "ü" * 60, "🌊" * 1000)
        self.assertEqual(201, answer.status)
        self.assertEqual("🌊" * 1000, answer.json["message"])

    def test_a_body_that_is_not_the_right_json_is_400(self):
        store = self.store()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        bodies = [b"", b"{", b"[]", b'{"name": 1}', b'{"form": "a b"}', b"[" * 9000, b"\xff"]
        for body in bodies:
            with self.subTest(body[:20]):
                self.assertEqual(400, ask(store, "/entries", "POST", body, headers).status)

    def test_a_number_out_of_bounds_is_400(self):
        store = self.store()
        queries = ["limit=0", "limit=101", "limit=x", "after=-1", "after=1&before=2", "limit=%C2%B2"]
        for query in queries:
            with self.subTest(query):
                self.assertEqual(400, ask(store, "/entries?" + query).status)

    def test_unknown_paths_are_404_and_wrong_methods_405(self):
        store = self.store()
        self.assertEqual(404, ask(store, "/nothing").status)
        self.assertEqual(404, ask(store, "/entries/").status)
        answer = ask(store, "/entries", "PUT")
        self.assertEqual((405, "GET, HEAD, POST"), (answer.status, answer.headers["allow"]))
        self.assertEqual("DELETE, GET, HEAD", ask(store, "/entries/1", "POST").headers["allow"])

    def test_it_is_healthy_and_says_its_version(self):
        store = self.store()
        self.assertEqual("ok", ask(store, "/health").json["status"])
        self.assertEqual("1.2.3", ask(store, "/version").json["version"])

    def test_its_own_checks_pass_and_leave_no_trace(self):
        store = self.store()
        answer = ask(store, "/test")
        self.assertEqual((200, True), (answer.status, answer.json["passed"]), answer.text)
        xml = ask(store, "/test", headers={"Accept": "application/xml"})
        suite = ElementTree.fromstring(xml.body)[0]
        self.assertEqual(("guestbook.store", "0"), (suite.get("name"), suite.get("failures")))
        self.assertEqual(0, ask(store, "/entries").json["total"])

    def test_its_own_checks_notice_a_table_that_is_gone(self):
        store = self.store()
        with sqlite3.connect(self.folder / "data" / "book.sqlite3") as other:
            other.execute("DROP TABLE entries")
        other.close()
        answer = ask(store, "/test")
        self.assertEqual((503, False), (answer.status, answer.json["passed"]))

    def test_the_token_is_in_no_log_line(self):
        store = self.store()
        write(store, "Ana", "x")
        write(store, "Eve", "x", token="a-wrong-token-of-somebody")
        self.assertEqual([201, 401], sorted(line["status"] for line in self.logged("request", 2)))
        self.assertNotIn(TOKEN, self.log.getvalue())
        self.assertNotIn("a-wrong-token", self.log.getvalue())


class Keeping(Case):
    def open(self, **more) -> Database:
        database = Database(self.folder / "book.sqlite3", wait=0, **more)
        self.addCleanup(self.quietly_close, database)
        return database

    @staticmethod
    def quietly_close(database: Database) -> None:
        try:
            database.close()
        except OSError:
            pass  # the test has closed it

    def test_entries_outlive_the_process(self):
        first = self.open()
        first.add("Ana", "x")
        first.close()
        second = self.open()
        self.assertEqual((1, 0), (second.count(), second.migrated))

    def test_many_writers_at_once_lose_nothing(self):
        database = self.open()

        def sign(guest: int) -> None:
            for number in range(10):
                database.add(f"guest {guest}", str(number))
                database.page(5)

        threads = [threading.Thread(target=sign, args=(guest,)) for guest in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(50, database.count())

    def test_a_second_store_on_the_same_file_is_refused(self):
        self.open()
        with self.assertRaisesRegex(Occupied, "another store uses this database"):
            self.open()

    def test_tables_of_the_first_version_get_the_missing_steps(self):
        with sqlite3.connect(self.folder / "book.sqlite3") as old:
            old.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name, applied)")
            old.executescript(STEPS[0][1])
            old.execute("INSERT INTO schema_version VALUES (1, 'entries', '2026-01-01')")
            old.execute(
                "INSERT INTO entries (name, message, signed)"
                " VALUES ('Old', 'x', '2026-01-01T00:00:00Z')"
            )
        old.close()
        database = self.open()
        self.assertEqual(len(STEPS) - 1, database.migrated)
        self.assertEqual(["Old"], [entry.name for entry in database.page(5)[0]])
        self.assertEqual(len(STEPS), database.schema())

    def test_tables_of_a_newer_version_are_refused(self):
        first = self.open()
        first._writer.execute("INSERT INTO schema_version VALUES (99, 'later', '')")
        first.close()
        with self.assertRaisesRegex(SchemaError, "schema version 99 and this program knows 2"):
            self.open()

    def test_the_file_is_in_wal_mode(self):
        self.open()
        with sqlite3.connect(self.folder / "book.sqlite3") as other:
            self.assertEqual("wal", other.execute("PRAGMA journal_mode").fetchone()[0])
        other.close()
