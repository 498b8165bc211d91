"""Both processes as they run in earnest."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from xml.etree import ElementTree

from guestbook.version import ROOT

from .running import TOKEN, Case, Visitor, ask, environment


class Place:
    """Where a process listens."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"


class Processes(Case):
    def setUp(self) -> None:
        super().setUp()
        self.settings = self.folder / "settings.json"
        self.settings.write_text(json.dumps({"title": "Test book", "database": str(self.folder / "book.sqlite3")}))

    def begin(self, module: str, root=ROOT, **more: str):
        """Starts a process of a version and reads from its log where it listens."""
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=root,
            env=environment(SETTINGS=str(self.settings), PORT="0", STORE_TOKEN=TOKEN, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.end, process)
        ready = json.loads(process.stdout.readline() or "{}")
        self.assertEqual("ready", ready.get("event"), ready)
        return process, Place(int(ready["url"].rpartition(":")[2]))

    @staticmethod
    def end(process) -> None:
        if process.poll() is None:
            process.kill()
        process.communicate()

    def test_the_site_works_and_both_end_in_good_order(self):
        store, store_place = self.begin("guestbook.store", VERSION="3.1.4")
        web, site = self.begin("guestbook.web", STORE_URL=store_place.url, VERSION="3.1.4")
        visitor = Visitor(site)
        visitor.open()
        self.assertEqual(303, visitor.sign("Ana", "from a process").status)
        self.assertIn("from a process", visitor.open().text)
        self.assertEqual("3.1.4", ask(site, "/version").json["version"])
        smoke = subprocess.run(
            [sys.executable, "-m", "guestbook.smoke", site.url]
            + ["--version", "3.1.4", "--junit", str(self.folder / "smoke.xml")],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=30,
        )
        self.assertEqual(0, smoke.returncode, smoke.stdout + smoke.stderr)
        report = ElementTree.parse(self.folder / "smoke.xml").getroot()
        self.assertEqual("0", report.get("failures"))
        for process in (web, store):
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=10)
            self.assertEqual((0, ""), (process.returncode, err))
            lines = [json.loads(line) for line in out.splitlines()]
            self.assertEqual(("stopped", True), (lines[-1]["event"], lines[-1]["finished"]))
            self.assertNotIn(TOKEN, out)
            self.assertNotIn(visitor.seal, out)

    def test_a_version_serves_on_when_its_folder_is_cleared_away(self):
        folder = self.folder / "version"
        shutil.copytree(ROOT, folder)
        _, store = self.begin("guestbook.store", folder)
        _, site = self.begin("guestbook.web", folder, STORE_URL=store.url)
        shutil.rmtree(folder)
        visitor = Visitor(site)
        visitor.open()
        self.assertEqual(303, visitor.sign("Ana", "x").status)
        for path in ("/", "/entry/1", "/feed.xml", "/style.css", "/test"):
            self.assertEqual(200, ask(site, path).status, path)

    def test_sigterm_lets_a_request_that_has_begun_finish(self):
        store, place = self.begin("guestbook.store")
        body = json.dumps({"name": "Ana", "message": "x" * 500}).encode()
        head = f"POST /entries HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", place.port), timeout=5) as link:
            link.sendall(head.encode() + body[:100])
            time.sleep(0.2)
            store.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            self.assertIsNone(store.poll(), "it left in the middle of a request")
            link.sendall(body[100:])
            answer = link.recv(10000)
        self.assertIn(b"201 Created", answer)
        self.assertIn(b"Connection: close", answer)
        store.communicate(timeout=10)
        self.assertEqual(0, store.returncode)

    def test_an_entry_that_was_acknowledged_outlives_a_kill(self):
        store, place = self.begin("guestbook.store")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        body = json.dumps({"name": "Ana", "message": "x"}).encode()
        number = ask(place, "/entries", "POST", body, headers).json["id"]
        store.kill()
        store.communicate()
        _, again = self.begin("guestbook.store")
        self.assertEqual("Ana", ask(again, f"/entries/{number}").json["name"])

    def test_smoke_fails_for_another_version_and_for_nobody(self):
        _, place = self.begin("guestbook.store", VERSION="1.0.0")
        for url, more in ((place.url, ["--version", "9"]), ("http://127.0.0.1:1", ["--wait", "0"])):
            with self.subTest(url):
                done = subprocess.run(
                    [sys.executable, "-m", "guestbook.smoke", url, *more],
                    cwd=ROOT,
                    env=environment(),
                    capture_output=True,
                    timeout=30,
                )
                self.assertEqual(1, done.returncode)

    def test_what_is_missing_is_said_in_one_line(self):
        for module, missing in (("guestbook.store", "STORE_TOKEN"), ("guestbook.web", "STORE_URL")):
            given = {"SETTINGS": str(self.settings), "PORT": "0", "STORE_TOKEN": TOKEN}
            given.pop(missing, None)
            done = subprocess.run(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=environment(**given),
                capture_output=True,
                text=True,
                timeout=30,
            )
            self.assertEqual(2, done.returncode)
            self.assertRegex(done.stderr, rf"^\w+: {missing} .*\n$")

    def test_a_port_that_is_taken_is_said(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            done = subprocess.run(
                [sys.executable, "-m", "guestbook.store"],
                cwd=ROOT,
                env=environment(SETTINGS=str(self.settings), PORT=port, STORE_TOKEN=TOKEN),
                capture_output=True,
                text=True,
                timeout=30,
            )
        self.assertEqual(2, done.returncode)
        self.assertIn(f"store: port {port}: Address already in use", done.stderr)
