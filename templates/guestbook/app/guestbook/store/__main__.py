"""`python3 -m guestbook.store`: the process that keeps the entries."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from .. import settings
from ..fault import fault
from ..server import Server, serve
from ..version import version
from .api import Api
from .database import Database, Occupied
from .schema import SchemaError


def main() -> int:
    try:
        chosen = settings.load(settings.settings_path())
        token, port = settings.token(), settings.port()
        database = Database(Path(chosen.database), oldest_first=fault().wrong_order)
    except (settings.SettingsError, SchemaError, Occupied, OSError, ValueError) as error:
        print(f"store: {error}", file=sys.stderr)
        return 2
    except sqlite3.Error as error:
        print(f"store: {chosen.database}: {error}", file=sys.stderr)
        return 2
    try:
        # Loopback always: who may read it is whoever may log in to this machine.
        server = Server(Api(database, token, version()), "127.0.0.1", port)
        return serve(server, service="store", version=version(), schema_steps=database.migrated)
    except OSError as error:
        print(f"store: port {port}: {error.strerror}", file=sys.stderr)
        return 2
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main())
