"""Where a story is played: commands are shown as they are typed, and what they say as they say it."""

import os
import shlex
import subprocess
import sys
import time

BOLD, DIM, PLAIN = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else ("", "", "")


class Ended(Exception):
    """The story cannot go on; the text says what was expected and what came."""


class Stage:
    """Types commands in folders of one project."""

    def __init__(self, windlass):
        self._windlass, self._chapter, self._began = windlass, 0, time.monotonic()

    def chapter(self, title):
        self._chapter += 1
        print(f"\n{BOLD}{self._chapter}. {title}{PLAIN}", flush=True)

    def say(self, text):
        print(f"   {text}", flush=True)

    def seconds(self):
        return time.monotonic() - self._began

    def has_stack(self, folder, stack):
        """Whether something of a stack is remembered in a project."""
        if not os.path.isdir(os.path.join(folder, ".windlass")):
            return False
        listed = [self._windlass, "state", "list", stack, "--json"]
        listed = subprocess.run(listed, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return listed.returncode == 0 and bool(listed.stdout)

    def windlass(self, *words, folder, exits=(0,), quiet=False):
        """Types a `windlass` command."""
        return self.type("windlass", *words, folder=folder, exits=exits, quiet=quiet)

    def type(self, *words, folder, exits=(0,), quiet=False):
        """Types a command, and returns all that it said."""
        if not quiet:
            print(f"   {DIM}{os.path.relpath(folder)}{PLAIN} {BOLD}$ {shlex.join(words)}{PLAIN}", flush=True)
        argv = [self._windlass if words[0] == "windlass" else words[0], *words[1:]]
        said = []
        process = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace",
        )
        with process:
            for line in process.stdout:
                said.append(line)
                if not quiet:
                    print(f"     {line.rstrip()}", flush=True)
        text = "".join(said)
        if process.returncode not in exits:
            raise Ended(f"`{shlex.join(words)}` ended with {process.returncode}" + (f":\n{text}" if quiet else ""))
        return text


def expect(what, found):
    """Ends the story where something is not as it tells."""
    if not found:
        raise Ended(f"it was expected that {what}")
