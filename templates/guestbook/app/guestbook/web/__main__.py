"""`python3 -m guestbook.web`: the process that serves the site."""

from __future__ import annotations

import sys

from .. import settings
from ..fault import fault
from ..log import log
from ..server import serve
from ..version import version
from .start import start


def main() -> int:
    try:
        watched = settings.Watched(settings.settings_path(), log)
        port = settings.port()
        server = start(
            watched, settings.store_url(), settings.token(), port, version(), fault()
        )
    except (settings.SettingsError, ValueError) as error:
        print(f"web: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"web: {watched.now().listen}:{port}: {error.strerror}", file=sys.stderr)
        return 2
    return serve(server, service="web", version=version())


if __name__ == "__main__":
    sys.exit(main())
