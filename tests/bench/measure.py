"""Runs a command as a whole process and measures it: wall time, processor time, peak memory, bytes written.

Benchmarks print ratios against a peer in the same run; they are never tests.
"""

import os
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Measured:
    seconds: float
    cpu: float
    peak_mib: float
    written_mib: float
    code: int
    out: str


def run_counted(argv, cwd, stop_after=600):
    """As `run`, with the peak memory and processor time of that one process."""
    begun = time.monotonic()
    log = os.path.join(cwd, ".bench.out")
    with open(log, "wb") as out:
        child = subprocess.Popen(argv, cwd=cwd, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        written = 0
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            written = max(written, bytes_written(child.pid))
            if time.monotonic() - begun > stop_after:
                os.killpg(child.pid, 9)
                _, status, usage = os.wait4(child.pid, 0)
                status = None
                break
            time.sleep(0.002)
    seconds = time.monotonic() - begun
    child.returncode = 0
    code = None if status is None else os.waitstatus_to_exitcode(status)
    with open(log, errors="replace") as file:
        text = file.read()
    os.unlink(log)
    return Measured(
        seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, written / 2**20, code, text
    )


def bytes_written(pid):
    try:
        with open(f"/proc/{pid}/io") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("write_bytes"))
    except (OSError, StopIteration):
        return 0
