#!/usr/bin/env python3
"""Plays what Windlass is for, on this machine alone: a server, four pushes, a backup, a loss, a restore.

    .ci/story            plays it, and leaves the site and the server running
    .ci/story destroy    takes all of it away

Whatever does not come as it is told here ends the story, and the command fails.
"""

import contextlib
import os
import shutil
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guests import Guest  # noqa: E402
from stage import Ended, Stage, expect  # noqa: E402
from visitors import Visitors  # noqa: E402

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PARTS = ("stacks/guestbook.yml", "stacks/backups.yml", "pipelines/guestbook.yml", "pipelines/backup.yml", "pipelines/restore.yml",
         "templates/guestbook")
MESSAGES = ["The first one here.", "I came back.", "And a third."]


class Story:
    """The places of a story, and what happens there."""

    def __init__(self, windlass):
        self.stage = Stage(windlass)
        self.windlass = windlass
        self.server = os.path.join(ROOT, "run", "server")
        # Where the server keeps the project that is pushed to it: every command works there too.
        self.project = os.path.join(self.server, ".windlass", "projects", "guestbook")
        self.clone = os.path.join(ROOT, "run", "story", "guestbook")
        self.app = os.path.join(self.clone, "templates", "guestbook", "app")

    def play(self):
        self.destroy()
        port, listen = free_port(7400), free_port(18480)
        self.apply(port)
        self.first_push(port, listen)
        self.failing_test()
        self.under_load()
        self.turns_bad()
        self.backup()
        self.loss()
        self.end(port)

    def destroy(self):
        """Takes away what an earlier story left, or one that was cut off, and returns whether there was any."""
        stacks = (self.project, "guestbook-trial"), (self.project, "guestbook"), (ROOT, "server")
        there = [one for one in stacks if self.stage.has_stack(*one)]
        for folder, stack in there:
            # A run may be at work that a push has started.
            self.stage.windlass("destroy", stack, "--yes", "--wait", "5m", folder=folder)
        left = [folder for folder in (self.server, os.path.dirname(self.clone)) if os.path.isdir(folder)]
        for folder in left:
            self.stage.say(f"removes {os.path.relpath(folder)}")
            shutil.rmtree(folder)
        return bool(there or left)

    def apply(self, port):
        self.stage.chapter("A server on this machine, from stacks/server.yml")
        self.stage.windlass(
            "apply", "server", "--yes", "--param", f"port={port}", "--param", f"program={self.windlass}", folder=ROOT
        )

    def first_push(self, port, listen):
        self.stage.chapter("git push: tested, tried in a stack of its own, live")
        for part in PARTS:
            place = os.path.join(self.clone, part)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            source = os.path.join(ROOT, part)
            shutil.copytree(source, place) if os.path.isdir(source) else shutil.copy(source, place)
        stack = os.path.join(self.clone, "stacks", "guestbook.yml")
        write(stack, read(stack).replace("default: 18443", f"default: {listen}"))
        write(os.path.join(self.clone, ".gitignore"), ".windlass/\n/run/\n__pycache__/\n")
        for words in (
            ("git", "init", "--quiet", "--initial-branch", "main"),
            ("git", "config", "user.name", "guestbook"),
            ("git", "config", "user.email", "guestbook@localhost"),
            ("git", "remote", "add", "windlass", f"http://127.0.0.1:{port}/guestbook.git"),
        ):
            self.stage.type(*words, folder=self.clone, quiet=True)
        self.push("1.0.0", "The guestbook")
        self.url = f"https://localhost:{listen}/"
        self.listen = listen
        outputs = self.stage.windlass("outputs", "guestbook", folder=self.project, quiet=True)
        authority = next(line.split()[-1] for line in outputs.splitlines() if line.split()[:1] == ["authority"])
        self.authority = os.path.join(self.project, authority)
        self.guest = Guest(self.url, self.authority)
        self.serves("1.0.0")
        for message in MESSAGES:
            self.guest.sign("A guest", message)
        self.stage.say(f"{len(MESSAGES)} guests have signed the book")

    def failing_test(self):
        self.stage.chapter("A push that fails a test: the site stays as it is")
        said = self.push("1.1.0", "The oldest entry comes first", drill="wrong-order")
        expect("the push says which test failed", "failed" in said)
        self.serves("1.0.0")

    def under_load(self):
        self.stage.chapter("A good push while visitors read: nobody notices")
        with Visitors(self.listen, self.authority) as visitors:
            self.push("1.2.0", "A new look")
        self.serves("1.2.0")
        self.counted(visitors)
        expect("no visitor lost an answer", visitors.lost == 0 and visitors.errors == 0)

    def turns_bad(self):
        self.stage.chapter("A push that passes every test and turns bad once it is live: it is taken back")
        with Visitors(self.listen, self.authority) as visitors:
            said = self.push("1.3.0", "Turns bad after 100 pages", drill="bad-after-pages=100")
        expect("the push says that it was taken back", "was taken back" in said)
        self.serves("1.2.0")
        self.counted(visitors)
        expect("no visitor lost an answer", visitors.lost == 0)
        self.stage.say("in Git it is taken back too, by a commit like any other")
        self.push("1.2.0", "Back to what is good")
        self.serves("1.2.0")

    def backup(self):
        self.stage.chapter("A backup, and the proof that it restores")
        self.stage.windlass("run", "backup", folder=self.project)
        self.stage.windlass("backup", "list", "guestbook/entries", folder=self.project)

    def loss(self):
        self.stage.chapter("All entries are lost, on purpose; the backup brings them back")
        before = self.guest.entries()
        database = os.path.join(self.project, "run", "guestbook", "data", "guestbook.sqlite3")
        lose = "import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).execute('DELETE FROM entries')"
        self.stage.type("python3", "-c", lose, database, folder=self.project)
        expect("the book is empty", self.guest.entries() == [])
        self.stage.windlass("run", "restore", folder=self.project)
        expect("all entries are back", self.guest.entries() == before)
        self.stage.say(f"{len(before)} entries are back")
        plan = self.stage.windlass("plan", "guestbook", folder=self.project)
        expect("there is nothing to change", "guestbook  unchanged" in plan)

    def end(self, port):
        self.stage.chapter(f"It runs on ({self.stage.seconds():.0f} s)")
        self.stage.say(f"the site      {self.url}")
        self.stage.say(f"              curl --cacert {os.path.relpath(self.authority)} {self.url}")
        self.stage.say(f"the server    http://127.0.0.1:{port}/")
        self.stage.say("take it away  .ci/story destroy")

    def push(self, version, message, drill=""):
        """Commits a version and pushes it. Returns what the push said."""
        write(os.path.join(self.app, "VERSION"), version + "\n")
        place = os.path.join(self.app, "DRILL")
        if drill:
            write(place, drill + "\n")
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(place)
        self.stage.type("git", "add", "--all", folder=self.clone, quiet=True)
        self.stage.type("git", "commit", "--quiet", "--message", message, folder=self.clone)
        return self.stage.type("git", "push", "windlass", "main", folder=self.clone)

    def serves(self, version):
        found = self.guest.version()
        expect(f"{version} serves", found == version)
        self.stage.say(f"{self.url} serves {found}")

    def counted(self, visitors):
        versions = ", ".join(f"{count} by {version}" for version, count in sorted(visitors.by_version.items()))
        self.stage.say(
            f"the visitors asked {visitors.asked} times: {versions}; {visitors.lost} lost, "
            f"{visitors.errors} errors, slowest {visitors.slowest * 1000:.0f} ms"
        )


def free_port(first):
    """The first free port of a hundred."""
    for port in range(first, first + 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise Ended(f"no port from {first} to {first + 99} is free")


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def main():
    windlass, *rest = sys.argv[1:]
    story = Story(os.path.abspath(windlass))
    try:
        if rest != ["destroy"]:
            story.play()
        elif not story.destroy():
            story.stage.say("there is nothing of a story")
    except Ended as why:
        sys.exit(f"\nthe story ended early: {why}")


if __name__ == "__main__":
    main()
