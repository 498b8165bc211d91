"""Runs the tests and writes a JUnit XML report: `python3 -m tests.junit out.xml`."""

from __future__ import annotations

import sys
import time
import unittest
from pathlib import Path

from guestbook.report import Case, Report


class Result(unittest.TextTestResult):
    """Keeps each test as a case of the report."""

    def __init__(self, *arguments, **named) -> None:
        super().__init__(*arguments, **named)
        self.report = Report()
        self._started = 0.0

    def startTest(self, test) -> None:
        self._started = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test) -> None:
        self._keep(test, "passed")
        super().addSuccess(test)

    def addFailure(self, test, error) -> None:
        self._keep(test, "failed", self._exc_info_to_string(error, test))
        super().addFailure(test, error)

    def addError(self, test, error) -> None:
        self._keep(test, "errored", self._exc_info_to_string(error, test))
        super().addError(test, error)

    def addSkip(self, test, reason) -> None:
        self._keep(test, "skipped", reason)
        super().addSkip(test, reason)

    def addExpectedFailure(self, test, error) -> None:
        self._keep(test, "passed")
        super().addExpectedFailure(test, error)

    def addUnexpectedSuccess(self, test) -> None:
        self._keep(test, "failed", "it should fail and does not")
        super().addUnexpectedSuccess(test)

    def addSubTest(self, test, subtest, error) -> None:
        if error is not None:
            failed = issubclass(error[0], test.failureException)
            text = self._exc_info_to_string(error, test)
            self._keep(subtest, "failed" if failed else "errored", text)
        super().addSubTest(test, subtest, error)

    def _keep(self, test, status: str, message: str = "") -> None:
        place, space, rest = test.id().partition(" ")  # a sub-test has its values after a space
        suite, _, name = place.rpartition(".")
        seconds = time.monotonic() - self._started if self._started else 0.0
        case = Case(suite or "tests", name + space + rest, seconds, message, status)
        self.report.cases.append(case)


def main(out: Path) -> int:
    top = Path(__file__).resolve().parent.parent
    tests = unittest.defaultTestLoader.discover(str(top / "tests"), top_level_dir=str(top))
    result = unittest.TextTestRunner(resultclass=Result, verbosity=0).run(tests)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(result.report.junit())
    if not result.testsRun:
        print("no test was found", file=sys.stderr)
        return 1
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 -m tests.junit FILE")
    sys.exit(main(Path(sys.argv[1])))
