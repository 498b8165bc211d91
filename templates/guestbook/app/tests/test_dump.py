"""Dumps: out of a book that is open, and back into it."""

from __future__ import annotations

import contextlib
import io
import sqlite3

from guestbook.store import dump
from guestbook.store.database import Database

from .running import Case


class Dumps(Case):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.folder / "book.sqlite3"
        self.book = Database(self.path, wait=0)
        self.addCleanup(self.book.close)
        self.file = self.folder / "book.sql"

    def write(self) -> str:
        out = io.StringIO()
        dump.write(self.path, out)
        self.file.write_text(out.getvalue(), encoding="utf-8")
        return out.getvalue()

    def test_what_was_lost_comes_back_into_an_open_book(self):
        for number in range(3):
            self.book.add(f"name {number}", "it's; --\n\u00fc \U0001f600")
        before = self.book.page(10)
        self.write()
        self.assertEqual(3, dump.check(self.file))
        for number in range(1, 4):
            self.book.remove(number)
        self.book.add("later", "goes again")
        self.assertEqual(3, dump.load(self.file, self.path))
        self.assertEqual(before, self.book.page(10))
        # Numbers go on after those that were there.
        self.assertEqual(4, self.book.add("next", "x")[0].id)
        self.assertEqual("ok", self.book.sound())

    def test_half_a_dump_is_none(self):
        self.book.add("a", "b")
        text = self.write()
        for end in (0, len(text) // 2, text.rindex("-- 1 entries")):
            self.file.write_text(text[:end])
            with self.assertRaises(dump.Broken):
                dump.load(self.file, self.path)
        self.assertEqual(1, self.book.count())

    def test_a_book_that_is_not_there_is_a_mistake(self):
        with self.assertRaises(sqlite3.OperationalError):
            dump.write(self.folder / "no.sqlite3", io.StringIO())
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            self.assertEqual(1, dump.main(["write", str(self.folder / "no.sqlite3")]))
            self.assertEqual(2, dump.main(["write"]))
        self.assertIn("unable to open", said.getvalue())
