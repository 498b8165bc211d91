"""The entries in SQLite: one writer, many readers, nothing lost that was acknowledged."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Tuple

from ..entry import Entry
from .schema import current, migrate

_COLUMNS = "id, name, message, signed"


class Occupied(Exception):
    """Another store works on the same file."""


def now() -> str:
    """The time of an entry, in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


class Database:
    """The book itself. Safe to use from many threads."""

    def __init__(
        self,
        path: Path,
        wait: float = 15.0,
        clock: Callable[[], str] = now,
        oldest_first: bool = False,
    ) -> None:
        self._path = path
        self._clock = clock
        self._newest, self._oldest = ("ASC", "DESC") if oldest_first else ("DESC", "ASC")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _only_one(path.with_name(path.name + ".lock"), wait)
        self._writing = threading.Lock()
        self._local = threading.local()
        self._opened: List[sqlite3.Connection] = []
        self._writer = self._open()
        self._writer.execute("PRAGMA journal_mode = WAL")
        self.migrated = migrate(self._writer)

    def close(self) -> None:
        """Ends all connections and lets another store begin."""
        with self._writing:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
        os.close(self._lock)

    def page(self, limit: int, after: int = 0, before: int = 0) -> Tuple[List[Entry], int, int]:
        """Returns entries, newest first, and the ids to go on `after` (older) and `before` (newer).

        `after` and `before` are ids, 0 for none; so are those that are returned.
        """
        where, order, bind = self._range(after, before)
        rows = self._reader().execute(
            f"SELECT {_COLUMNS} FROM entries {where} ORDER BY id {order} LIMIT ?",
            (*bind, limit + 1),
        )
        found = [Entry(*row) for row in rows]
        more = len(found) > limit
        found = found[:limit]
        if before:
            found.reverse()
        older = found[-1].id if found and (more or before) else 0
        newer = found[0].id if found and (after or (before and more)) else 0
        return found, older, newer

    def _range(self, after: int, before: int) -> Tuple[str, str, tuple]:
        down, up = ("<", ">") if self._newest == "DESC" else (">", "<")
        if before:
            return f"WHERE id {up} ?", self._oldest, (before,)
        if after:
            return f"WHERE id {down} ?", self._newest, (after,)
        return "", self._newest, ()

    def one(self, number: int) -> Optional[Entry]:
        """Returns one entry."""
        row = self._reader().execute(
            f"SELECT {_COLUMNS} FROM entries WHERE id = ?", (number,)
        ).fetchone()
        return Entry(*row) if row else None

    def count(self) -> int:
        """Returns how many entries there are."""
        return self._reader().execute("SELECT count(*) FROM entries").fetchone()[0]

    def add(self, name: str, message: str, form: Optional[str] = None) -> Tuple[Entry, bool]:
        """Adds an entry. The same form a second time gives the entry of the first, and False."""
        with self._write() as connection:
            if form:
                row = connection.execute(
                    f"SELECT {_COLUMNS} FROM entries WHERE form = ?", (form,)
                ).fetchone()
                if row:
                    return Entry(*row), False
            signed = self._clock()
            number = connection.execute(
                "INSERT INTO entries (name, message, signed, form) VALUES (?, ?, ?, ?)",
                (name, message, signed, form),
            ).lastrowid
            return Entry(number, name, message, signed), True

    def remove(self, number: int) -> bool:
        """Removes an entry. Returns whether it was there."""
        with self._write() as connection:
            return connection.execute("DELETE FROM entries WHERE id = ?", (number,)).rowcount == 1

    def sound(self) -> str:
        """Returns `ok`, or what SQLite finds wrong with the file."""
        return self._reader().execute("PRAGMA quick_check(1)").fetchone()[0]

    def schema(self) -> int:
        """Returns the version of the tables."""
        return current(self._reader())

    def try_writing(self) -> None:
        """Writes an entry and takes it back in the same transaction; nobody ever sees it."""
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.execute(
                    "INSERT INTO entries (name, message, signed) VALUES ('test', 'test', ?)",
                    (self._clock(),),
                )
            finally:
                self._writer.execute("ROLLBACK")

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise

    def _reader(self) -> sqlite3.Connection:
        found = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = self._open()
            found.execute("PRAGMA query_only = ON")
        return found

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            str(self._path), timeout=5, isolation_level=None, check_same_thread=False
        )
        # FULL: an entry that was acknowledged is still there after a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        self._opened.append(connection)
        return connection


def _only_one(path: Path, wait: float) -> int:
    """Holds a lock as long as the process lives. The one before may need a moment to end."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(lock)
                raise Occupied(f"{path}: another store uses this database; end that one first")
            time.sleep(0.05)
