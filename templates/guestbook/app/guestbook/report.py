"""A report of checks: run them, then say it in JSON or as JUnit XML."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Callable, List
from xml.etree import ElementTree

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass
class Case:
    """One check: passed if there is no message."""

    suite: str
    name: str
    seconds: float = 0.0
    message: str = ""
    status: str = "passed"  # or failed (the answer is no), errored (it could not run), skipped


@dataclass
class Report:
    """Checks that ran, in order."""

    cases: List[Case] = field(default_factory=list)

    def check(self, suite: str, name: str, work: Callable[[], object]) -> None:
        """Runs one check. AssertionError means failed, any other exception errored."""
        started = time.monotonic()
        case = Case(suite, name)
        try:
            work()
        except AssertionError as error:
            case.status, case.message = "failed", str(error) or "the answer is no"
        except Exception as error:  # a check may break in any way, and the others must still run
            case.status, case.message = "errored", f"{type(error).__name__}: {error}"
        case.seconds = time.monotonic() - started
        self.cases.append(case)

    @property
    def passed(self) -> bool:
        """Tells whether something was checked and all of it is well."""
        return bool(self.cases) and all(c.status in ("passed", "skipped") for c in self.cases)

    def count(self, status: str) -> int:
        return sum(case.status == status for case in self.cases)

    def json(self) -> bytes:
        """The report as JSON."""
        content = {
            "passed": self.passed,
            "tests": len(self.cases),
            "failures": self.count("failed"),
            "errors": self.count("errored"),
            "skipped": self.count("skipped"),
            "seconds": round(sum(case.seconds for case in self.cases), 4),
            "cases": [
                {
                    "suite": case.suite,
                    "name": case.name,
                    "status": case.status,
                    "seconds": round(case.seconds, 4),
                    **({"message": case.message} if case.message else {}),
                }
                for case in self.cases
            ],
        }
        return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"

    def junit(self) -> bytes:
        """The report as JUnit XML, one test suite for each suite named."""
        top = ElementTree.Element("testsuites", self._counts(self.cases))
        for name in dict.fromkeys(case.suite for case in self.cases):
            cases = [case for case in self.cases if case.suite == name]
            suite = ElementTree.SubElement(top, "testsuite", {"name": name, **self._counts(cases)})
            for case in cases:
                suite.append(_junit_case(case))
        return ElementTree.tostring(top, encoding="utf-8", xml_declaration=True) + b"\n"

    @staticmethod
    def _counts(cases: List[Case]) -> dict:
        some = Report(cases)
        return {
            "tests": str(len(cases)),
            "failures": str(some.count("failed")),
            "errors": str(some.count("errored")),
            "skipped": str(some.count("skipped")),
            "time": f"{sum(case.seconds for case in cases):.4f}",
        }


def _junit_case(case: Case) -> ElementTree.Element:
    found = ElementTree.Element(
        "testcase",
        {"classname": case.suite, "name": case.name, "time": f"{case.seconds:.4f}"},
    )
    tag = {"failed": "failure", "errored": "error", "skipped": "skipped"}.get(case.status)
    if tag:
        message = _NOT_XML.sub("\ufffd", case.message)
        lines = message.strip().splitlines() or [""]
        ElementTree.SubElement(found, tag, {"message": lines[-1][:500]}).text = message
    return found


def from_json(content: bytes) -> Report:
    """Reads a report that `json` wrote."""
    known = ("suite", "name", "seconds", "status", "message")
    cases = json.loads(content)["cases"]
    return Report([Case(**{key: case[key] for key in known if key in case}) for case in cases])
