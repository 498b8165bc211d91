"""The small parts: settings, faults, reports, the version."""

import ast
import json
import re
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

from guestbook import settings
from guestbook.fault import Fault, fault
from guestbook.report import Case as CheckCase
from guestbook.report import Report, from_json
from guestbook.version import ROOT, version

from .running import Case, environment


class Settings(Case):
    def load(self, **given) -> settings.Settings:
        file = self.folder / "settings.json"
        file.write_text(json.dumps(given))
        return settings.load(file)

    def refused(self, **given) -> str:
        with self.assertRaises(settings.SettingsError) as caught:
            self.load(**given)
        return str(caught.exception)

    def test_paths_start_at_the_folder_of_the_file(self):
        found = self.load(database="data/book.sqlite3", certificate="/c.pem", key="k.pem")
        self.assertEqual(str(self.folder / "data/book.sqlite3"), found.database)
        self.assertEqual("/c.pem", found.certificate)
        self.assertTrue(found.secure)

    def test_a_mistake_is_named_with_the_file(self):
        file = str(self.folder / "settings.json")
        self.assertIn(f"{file}: `titel` is not a setting", self.refused(titel="x"))
        self.assertIn("must be a whole number", self.refused(entries_per_page="5"))
        self.assertIn("must be a whole number", self.refused(entries_per_page=True))
        self.assertIn("must be true or false", self.refused(proxied="yes"))
        self.assertIn("from 1 to 100, not 0", self.refused(entries_per_page=0))
        self.assertIn("go together", self.refused(certificate="a"))
        self.assertIn("`title` is empty", self.refused(title=" "))

    def test_a_file_that_is_missing_or_no_json_is_named(self):
        with self.assertRaisesRegex(settings.SettingsError, "nothing.json: cannot be read"):
            settings.load(self.folder / "nothing.json")
        (self.folder / "bad.json").write_text("{")
        with self.assertRaisesRegex(settings.SettingsError, "bad.json: is not JSON"):
            settings.load(self.folder / "bad.json")

    def test_the_environment_is_checked_and_a_secret_is_not_repeated(self):
        for read, name in (
            (settings.settings_path, "SETTINGS"),
            (settings.port, "PORT"),
            (settings.store_url, "STORE_URL"),
        ):
            with self.assertRaisesRegex(settings.SettingsError, name):
                read({name: ""})
        with self.assertRaises(settings.SettingsError):
            settings.store_url({"STORE_URL": "http://127.0.0.1:99999999"})
        with self.assertRaises(settings.SettingsError) as caught:
            settings.token({"STORE_TOKEN": "short-secret"})
        self.assertNotIn("short-secret", str(caught.exception))


class Faults(Case):
    def test_without_a_word_nothing_is_wrong(self):
        found = fault({}, self.folder)
        self.assertFalse(found.wrong_order or found.out() or found.page())

    def test_the_environment_wins_over_the_file(self):
        (self.folder / "DRILL").write_text("wrong-order\n")
        self.assertTrue(fault({}, self.folder).wrong_order)
        self.assertFalse(fault({"GUESTBOOK_FAULT": "none"}, self.folder).wrong_order)

    def test_a_fault_may_come_out_after_a_time(self):
        now = [100.0]
        late = Fault("bad-after-seconds=5", lambda: now[0])
        self.assertFalse(late.page())
        now[0] = 105.0
        self.assertTrue(late.page())

    def test_an_unknown_fault_is_refused(self):
        for word in ("bad", "bad-after-pages", "bad-after-pages=x", "wrong-order=1", "none=1"):
            with self.subTest(word):
                with self.assertRaisesRegex(ValueError, "is no fault; these are"):
                    Fault(word)


class Reports(unittest.TestCase):
    def make(self) -> Report:
        def no() -> None:
            assert 1 > 2, "one is <less>\x00"

        report = Report()
        report.check("suite", "passes", lambda: None)
        report.check("suite", "fails", no)
        report.check("other", "breaks", lambda: {}["x"])
        return report

    def test_a_failure_is_not_an_error(self):
        self.assertEqual(["passed", "failed", "errored"], [c.status for c in self.make().cases])

    def test_junit_counts_and_is_well_formed(self):
        top = ElementTree.fromstring(self.make().junit())
        counts = tuple(top.get(key) for key in ("tests", "failures", "errors"))
        self.assertEqual(("3", "1", "1"), counts)
        self.assertEqual(["suite", "other"], [suite.get("name") for suite in top])
        self.assertEqual("one is <less>\ufffd", top.find(".//failure").get("message"))

    def test_json_comes_back_as_it_was(self):
        report = self.make()
        self.assertEqual(
            [(c.suite, c.name, c.status, c.message) for c in report.cases],
            [(c.suite, c.name, c.status, c.message) for c in from_json(report.json()).cases],
        )

    def test_nothing_checked_is_not_passed(self):
        self.assertFalse(Report().passed)
        self.assertTrue(Report([CheckCase("s", "n")]).passed)


class Version(Case):
    def test_the_environment_names_the_version_before_the_file_does(self):
        self.assertEqual("9", version({"VERSION": " 9 "}))
        self.assertEqual((ROOT / "VERSION").read_text().strip(), version({}))
        self.assertEqual("unknown", version({}, self.folder))


class Junit(Case):
    """The runner that writes a report for machines."""

    def test_each_kind_of_end_is_in_the_report(self):
        (self.folder / "tests").mkdir()
        (self.folder / "tests" / "__init__.py").write_text("")
        runner = (ROOT / "tests" / "junit.py").read_text()
        (self.folder / "tests" / "junit.py").write_text(runner)
        (self.folder / "tests" / "test_some.py").write_text(
            "import unittest\n"
            "class Some(unittest.TestCase):\n"
            "    def test_a(self): pass\n"
            "    def test_b(self): self.assertEqual(1, 2)\n"
            "    def test_c(self): raise OSError('broken')\n"
            "    @unittest.skip('not now')\n"
            "    def test_d(self): pass\n"
            "    def test_e(self):\n"
            "        for n in range(3):\n"
            "            with self.subTest(n=n): self.assertNotEqual(n, 1)\n"
            "class Unready(unittest.TestCase):\n"
            "    @classmethod\n"
            "    def setUpClass(cls): raise OSError('not ready')\n"
            "    def test_f(self): pass\n"
        )
        done = subprocess.run(
            [sys.executable, "-m", "tests.junit", "out/report.xml"],
            cwd=self.folder,
            env=environment(PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            timeout=30,
        )
        self.assertEqual(1, done.returncode, done.stderr)
        top = ElementTree.parse(self.folder / "out" / "report.xml").getroot()
        counts = tuple(top.get(key) for key in ("failures", "errors", "skipped"))
        self.assertEqual(("2", "2", "1"), counts)
        names = [case.get("name") for case in top.iter("testcase")]
        self.assertIn("test_a", names)
        self.assertIn("test_e (n=1)", names)


class Language(unittest.TestCase):
    def test_all_files_can_be_read_by_python_3_9(self):
        for path in sorted(ROOT.rglob("*.py")):
            with self.subTest(path.name):
                ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))

    def test_the_settings_template_names_settings_that_exist(self):
        template = ROOT.parent / "settings.json.hbs"
        if not template.exists():
            self.skipTest("a copy of the program has no template beside it")
        text = template.read_text().split("--}}")[1]
        filled = re.sub(r"\{\{entries_per_page\}\}", "10", text)
        filled = re.sub(r"\{\{json (\w+)\}\}", r'"\1"', filled)
        with mock.patch.object(Path, "read_text", return_value=filled):
            found = settings.load(Path("/site/settings.json"))
        self.assertEqual(("title", "/site/database"), (found.title, found.database))
