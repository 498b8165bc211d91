"""What people decide (a JSON file) and what the machine hands out (the environment).

    SETTINGS     path of the file, see templates/guestbook/settings.json.hbs
    PORT         the port to listen on; 0 picks a free one
    STORE_TOKEN  the secret that both processes share; never in the file, never in the log
    STORE_URL    where the store answers (the web process only)
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Mapping, Optional
from urllib.parse import urlsplit

SHORTEST_TOKEN = 16


class SettingsError(Exception):
    """Something is missing or wrong; the text says what, where, and what to do."""


@dataclass(frozen=True)
class Settings:
    """The settings file. Relative paths start at its folder."""

    title: str = "Guestbook"
    domain: str = "localhost"
    listen: str = "127.0.0.1"
    entries_per_page: int = 10
    database: str = "guestbook.sqlite3"
    certificate: str = ""
    key: str = ""
    authority: str = ""
    # A front stands before the site and says in X-Forwarded-Proto how it was asked.
    proxied: bool = False

    @property
    def secure(self) -> bool:
        """Tells whether the site speaks HTTPS."""
        return bool(self.certificate)


def load(path: Path) -> Settings:
    """Reads and checks the settings file."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise SettingsError(f"{path}: must be an object such as {{\"title\": \"Guestbook\"}}")
    _check_keys(path, given)
    for name in ("database", "certificate", "key", "authority"):
        if given.get(name):
            given[name] = str(path.parent / given[name])
    settings = Settings(**given)
    _check_values(path, settings)
    return settings


def _check_keys(path: Path, given: dict) -> None:
    known = {field.name: type(field.default) for field in fields(Settings)}
    for name, value in given.items():
        if name not in known:
            raise SettingsError(f"{path}: `{name}` is not a setting; these are: {', '.join(known)}")
        if type(value) is not known[name]:
            wanted = {int: "a whole number", bool: "true or false"}.get(known[name], "text")
            raise SettingsError(f"{path}: `{name}` must be {wanted}, not {json.dumps(value)}")


def _check_values(path: Path, settings: Settings) -> None:
    if not settings.title.strip():
        raise SettingsError(f"{path}: `title` is empty; give the book a name")
    if not 1 <= settings.entries_per_page <= 100:
        raise SettingsError(
            f"{path}: `entries_per_page` must be from 1 to 100, not {settings.entries_per_page}"
        )
    if bool(settings.certificate) != bool(settings.key):
        raise SettingsError(f"{path}: `certificate` and `key` go together; give both or neither")


def settings_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns where the settings file is."""
    path = environment.get("SETTINGS")
    if not path:
        raise SettingsError("SETTINGS is not set; it names the settings file (JSON)")
    return Path(path).absolute()


def port(environment: Mapping[str, str] = os.environ) -> int:
    """Returns the port to listen on."""
    text = environment.get("PORT", "")
    if not text.isdigit() or int(text) > 65535:
        raise SettingsError(f"PORT must be a number from 0 to 65535, not `{text}`")
    return int(text)


def token(environment: Mapping[str, str] = os.environ) -> str:
    """Returns the shared secret."""
    secret = environment.get("STORE_TOKEN", "")
    if len(secret) < SHORTEST_TOKEN:
        raise SettingsError(
            f"STORE_TOKEN must hold at least {SHORTEST_TOKEN} characters, it has {len(secret)}; "
            "try: export STORE_TOKEN=$(openssl rand -hex 16)"
        )
    return secret


def store_url(environment: Mapping[str, str] = os.environ) -> str:
    """Returns where the store answers."""
    url = environment.get("STORE_URL", "")
    parts = urlsplit(url)
    try:
        usable = parts.scheme == "http" and parts.hostname and parts.port
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"STORE_URL must be like http://127.0.0.1:18400, not `{url}`")
    return url.rstrip("/")


class Watched:
    """The settings as the file has them now: a change is taken up without a restart.

    A file that is wrong is reported and the last good one stays.
    """

    def __init__(self, path: Path, report) -> None:
        self._path = path
        self._report = report
        self._seen: Optional[tuple] = stamp(path)
        self._settings = load(path)

    def now(self) -> Settings:
        seen = stamp(self._path)
        if seen != self._seen:
            self._seen = seen
            try:
                self._settings = load(self._path)
                self._report("settings-changed")
            except SettingsError as error:
                self._report("settings-refused", why=str(error))
        return self._settings


def stamp(path: Path) -> Optional[tuple]:
    """Returns what changes when a file does; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
