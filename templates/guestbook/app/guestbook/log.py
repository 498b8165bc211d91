"""The log: one JSON object per line on standard output.

It writes what it is given. Callers hand in no secrets, no query strings and no bodies.
"""

from __future__ import annotations

import json
import sys
import threading
from datetime import datetime, timezone

_writing = threading.Lock()


def log(event: str, **fields: object) -> None:
    """Writes one line: when, what, and the fields in the order given."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = json.dumps({"time": now, "event": event, **fields}, ensure_ascii=False, default=str)
    with _writing:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            pass  # whoever read the log is gone; serving goes on
