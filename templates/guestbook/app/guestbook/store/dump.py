"""The entries as SQL: out of a database that is in use, and back into one.

    python3 -m guestbook.store.dump write DATABASE       writes all of it to standard output
    python3 -m guestbook.store.dump check FILE           ends with 0 if the file is whole, and counts entries
    python3 -m guestbook.store.dump load FILE DATABASE   makes the database hold just that, at once or not at all
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import List, TextIO


class Broken(Exception):
    """A dump that is not whole."""


def write(database: Path, out: TextIO) -> int:
    """Writes the state of one instant, whoever signs meanwhile. Returns the number of entries."""
    with closing(_open(database)) as connection:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        for line in connection.iterdump():
            out.write(f"{line}\n")
        count = _count(connection)
        # The last line, so that half a dump does not pass for a whole one.
        out.write(f"-- {count} entries\n")
        return count


def check(file: Path) -> int:
    """Reads a dump into memory. Returns the number of entries."""
    with closing(_read(file)) as connection:
        return _count(connection)


def load(file: Path, database: Path) -> int:
    """Replaces all of a database, which may be in use. Returns the number of entries."""
    with closing(_read(file)) as source, closing(_open(database)) as target:
        target.execute("PRAGMA busy_timeout = 10000")
        source.backup(target)
        return _count(target)


def _read(file: Path) -> sqlite3.Connection:
    text = file.read_text(encoding="utf-8")
    last = text.rstrip("\n").rpartition("\n")[2]
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(text)
        found = f"-- {_count(connection)} entries"
    except sqlite3.Error as error:
        connection.close()
        raise Broken(f"{file}: {error}") from error
    if last != found:
        connection.close()
        raise Broken(f"{file}: it ends with `{last[:60]}`, and a whole one with `{found}`")
    return connection


def _open(database: Path) -> sqlite3.Connection:
    # What is not there is a mistake, not an empty book.
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)


def _count(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT count(*) FROM entries").fetchone()[0]


def main(arguments: List[str]) -> int:
    try:
        if len(arguments) == 2 and arguments[0] == "write":
            count = write(Path(arguments[1]), sys.stdout)
        elif len(arguments) == 2 and arguments[0] == "check":
            count = check(Path(arguments[1]))
        elif len(arguments) == 3 and arguments[0] == "load":
            count = load(Path(arguments[1]), Path(arguments[2]))
        else:
            print((__doc__ or "").strip(), file=sys.stderr)
            return 2
    except (Broken, OSError, sqlite3.Error) as error:
        print(f"dump: {error}", file=sys.stderr)
        return 1
    print(f"{count} entries", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
