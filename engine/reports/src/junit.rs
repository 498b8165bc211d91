//! `JUnit` XML. There is no standard: what Ant began, and Surefire, Gradle, pytest, Go and others write.
//!
//! A case that Surefire ran again has `flakyFailure` where it passed in the end and `rerunFailure`
//! where it did not: each is one time more that it ran.

use crate::tree::{Element, Sink};
use crate::{Outcome, Test, Unreadable, tree};

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Test>, Unreadable> {
    tree::read(bytes).map(|reading: Reading| reading.tests)
}

#[derive(Default)]
struct Reading {
    tests: Vec<Test>,
    suites: Vec<String>,
    case: Option<Case>,
    /// The element whose text is a message.
    telling: bool,
}

/// A case that is being read.
struct Case {
    test: Test,
    /// Times that it failed before.
    earlier: Vec<String>,
    text: String,
    /// Which of the two the text belongs to.
    of_earlier: bool,
}

impl Sink for Reading {
    fn open(&mut self, element: &Element<'_>) -> Result<(), String> {
        match element.name {
            "testsuites" | "testsuite" => self.suites.push(element.get("name").to_owned()),
            _ if element.depth == 0 => {
                return Err(format!("<{}> is no JUnit report", element.name));
            }
            "testcase" => self.case = Some(self.case(element)),
            "failure" | "error" => self.ended(Outcome::Failed, element),
            "skipped" => self.ended(Outcome::Skipped, element),
            "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError" => self.earlier(element),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(case) = self.case.as_mut().filter(|_| self.telling) {
            case.text.push_str(text);
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "testsuites" | "testsuite" => {
                self.suites.pop();
            }
            "failure" | "error" | "skipped" | "flakyFailure" | "flakyError" | "rerunFailure"
            | "rerunError" => self.told(),
            "testcase" => {
                let Some(case) = self.case.take() else { return };
                for message in case.earlier {
                    let outcome = Outcome::Failed;
                    self.tests.push(Test { outcome, message, took: 0, ..case.test.clone() });
                }
                self.tests.push(case.test);
            }
            _ => {}
        }
    }
}

impl Reading {
    /// A case names its class; where it does not, its suite says where it belongs.
    fn case(&self, element: &Element<'_>) -> Case {
        let suite = match element.get("classname") {
            "" => self.suites.last().cloned().unwrap_or_default(),
            class => class.to_owned(),
        };
        let test = Test {
            suite,
            name: element.get("name").to_owned(),
            outcome: match element.get("status") {
                // Google Test says so, and nothing else.
                "notrun" => Outcome::Skipped,
                _ => Outcome::Passed,
            },
            took: element.milliseconds("time"),
            message: String::new(),
        };
        Case { test, earlier: Vec::new(), text: String::new(), of_earlier: false }
    }

    /// The first that is said counts: a failure, then an error while tidying up, is a failure.
    fn ended(&mut self, outcome: Outcome, element: &Element<'_>) {
        let Some(case) = &mut self.case else { return };
        self.telling = true;
        (case.of_earlier, case.text) = (false, String::new());
        if case.test.outcome != Outcome::Failed {
            case.test.outcome = outcome;
            element.get("message").clone_into(&mut case.test.message);
        }
    }

    fn earlier(&mut self, element: &Element<'_>) {
        let Some(case) = &mut self.case else { return };
        self.telling = true;
        (case.of_earlier, case.text) = (true, String::new());
        case.earlier.push(element.get("message").to_owned());
    }

    /// The text says more than the message, where there is one: a trace with the place.
    fn told(&mut self) {
        self.telling = false;
        let Some(case) = &mut self.case else { return };
        let text = case.text.trim();
        let message = match case.of_earlier {
            true => case.earlier.last_mut(),
            false => Some(&mut case.test.message),
        };
        if let Some(message) = message.filter(|message| message.is_empty()) {
            text.clone_into(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(xml: &str) -> Vec<String> {
        let tests = read(xml.as_bytes()).expect("a report");
        let line = |test: &Test| {
            let Test { suite, name, outcome, took, message } = test;
            format!("{suite} | {name} | {outcome:?} | {took} | {message}")
        };
        tests.iter().map(line).collect()
    }

    #[test]
    fn what_pytest_writes() {
        let xml = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">
          <testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3" time="0.052">
            <testcase classname="tests.test_a" name="test_one" time="0.001" />
            <testcase classname="tests.test_a" name="test_two[a&lt;b]" time="1.25"><failure
              message="assert 1 == 2&#10;  where">def test_two(): ...</failure></testcase>
            <testcase classname="tests.test_a" name="test_three" time="0.000"><skipped
              type="pytest.skip" message="not here">tests/test_a.py:9: not here</skipped></testcase>
          </testsuite></testsuites>"#;
        assert_eq!(
            said(xml),
            [
                "tests.test_a | test_one | Passed | 1 | ",
                "tests.test_a | test_two[a<b] | Failed | 1250 | assert 1 == 2\n  where",
                "tests.test_a | test_three | Skipped | 0 | not here",
            ]
        );
    }

    #[test]
    fn what_surefire_ran_again_counts_each_time() {
        let xml = r#"<testsuite name="shop.CartTest"><testcase name="adds" classname="shop.CartTest"
            time="1,002.5"><flakyFailure message="" type="x"><stackTrace>late</stackTrace></flakyFailure>
            </testcase><testcase name="pays" classname="shop.CartTest" time="0"><failure message="no"/>
            <rerunFailure message="no again"/></testcase></testsuite>"#;
        assert_eq!(
            said(xml),
            [
                "shop.CartTest | adds | Failed | 0 | late",
                "shop.CartTest | adds | Passed | 1002500 | ",
                "shop.CartTest | pays | Failed | 0 | no again",
                "shop.CartTest | pays | Failed | 0 | no",
            ]
        );
    }

    #[test]
    fn without_a_class_the_suite_says_where_a_case_belongs() {
        let xml = "<testsuites><testsuite name=\"outer\"><testsuite name=\"inner\">
            <testcase name=\"a\"><error><![CDATA[ <boom> ]]></error></testcase></testsuite>
            <testcase name=\"b\" status=\"notrun\"/></testsuite></testsuites>";
        assert_eq!(said(xml), ["inner | a | Failed | 0 | <boom>", "outer | b | Skipped | 0 | "]);
    }

    #[test]
    fn what_is_no_report_says_where() {
        let said = |xml: &str| read(xml.as_bytes()).expect_err("no report").to_string();
        assert_eq!(said("<html>\n</html>"), "line 1: <html> is no JUnit report");
        assert_eq!(said(""), "line 1: there is nothing in it");
        assert_eq!(said("<testsuite>\n<testcase>\n"), "line 3: the file ends in the middle");
        assert!(said("<testsuite>\n</testcase>").starts_with("line 2: "));
        let deep = "<testsuite>".repeat(300);
        assert_eq!(said(&deep), "line 1: elements stand more than 256 deep");
    }

    #[test]
    fn entities_of_a_file_stay_as_they_are() {
        let xml = "<!DOCTYPE a [<!ENTITY x \"boom\"><!ENTITY y SYSTEM \"file:///etc/passwd\">]>
            <testsuite><testcase name=\"&x;&y;\"><failure>&y;</failure></testcase></testsuite>";
        assert_eq!(said(xml), [" | &x;&y; | Failed | 0 | &y;"]);
    }
}
