"""A server in a folder of its own, for benchmarks: begun, asked for its memory, and ended."""

import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.path.join(HERE, "..", "..", "target")
WINDLASS = os.path.abspath(os.environ.get("WINDLASS") or os.path.join(TARGET, "release", "windlass"))
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Server:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "served")
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "windlass.yml"), "w") as file:
            file.write("server: bench\nlisten: 127.0.0.1:0\nrepositories: { shop: {} }\n")
        self.process = subprocess.Popen([WINDLASS, "serve"], cwd=self.folder, **QUIET)
        place = os.path.join(self.folder, ".windlass", "server", "address")
        until = time.monotonic() + 30
        while not (os.path.exists(place) and open(place).read().strip()):
            assert time.monotonic() < until and self.process.poll() is None, "it does not serve"
            time.sleep(0.01)
        self.address = open(place).read().strip()

    def memory(self):
        """Resident memory in MiB: all of it, and what is not the program itself."""
        with open(f"/proc/{self.process.pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file)
        return [int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")]

    def end(self):
        self.process.terminate()
        self.process.wait(30)


class Clone:
    def __init__(self, folder, server):
        self.folder = os.path.join(folder, "clone")
        self.to = f"{server.address}/shop.git"
        os.makedirs(os.path.join(self.folder, "pipelines"))
        self.git("init", "-q", "-b", "main", ".")

    def git(self, *words):
        named = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *words]
        subprocess.run(named, cwd=self.folder, check=True, **QUIET)

    def commit(self, pipeline, number):
        with open(os.path.join(self.folder, "pipelines", "p.yml"), "w") as file:
            file.write(f"# {number}\n{pipeline}")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"change {number}")

    def push(self):
        """Begins to push; what is shown to who pushes can be read."""
        return subprocess.Popen(
            ["git", "push", self.to, "main"], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
