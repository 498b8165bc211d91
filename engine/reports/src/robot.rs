//! Robot Framework's `output.xml`, of version 4 and later.

use crate::tree::{Element, Sink};
use crate::{Outcome, Test, Unreadable, tree};

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Test>, Unreadable> {
    tree::read(bytes).map(|reading: Reading| reading.tests)
}

#[derive(Default)]
struct Reading {
    tests: Vec<Test>,
    suites: Vec<String>,
    /// A test that is being read, and how deep it stands.
    test: Option<(Test, usize)>,
    telling: bool,
}

impl Sink for Reading {
    fn open(&mut self, element: &Element<'_>) -> Result<(), String> {
        match element.name {
            "robot" if element.depth == 0 => {}
            _ if element.depth == 0 => {
                return Err(format!("<{}> is no output of Robot Framework", element.name));
            }
            "suite" => self.suites.push(element.get("name").to_owned()),
            // A task of robotic process automation is written as a test.
            "test" | "task" => {
                let (suite, name) = (self.suites.join("."), element.get("name").to_owned());
                let (outcome, message) = (Outcome::Failed, String::new());
                self.test = Some((Test { suite, name, outcome, took: 0, message }, element.depth));
            }
            "status" => self.status(element),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some((test, _)) = self.test.as_mut().filter(|_| self.telling) {
            test.message.push_str(text);
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "suite" => {
                self.suites.pop();
            }
            "status" => self.telling = false,
            "test" | "task" => {
                let Some((test, _)) = self.test.take() else { return };
                let message = test.message.trim().to_owned();
                self.tests.push(Test { message, ..test });
            }
            _ => {}
        }
    }
}

impl Reading {
    /// Keywords within a test have a status too: that of the test is its child.
    fn status(&mut self, element: &Element<'_>) {
        let Some((test, depth)) = &mut self.test else { return };
        if element.depth != *depth + 1 {
            return;
        }
        self.telling = true;
        test.outcome = match element.get("status") {
            "PASS" => Outcome::Passed,
            "SKIP" | "NOT RUN" => Outcome::Skipped,
            _ => Outcome::Failed,
        };
        test.took = match element.get("elapsed") {
            "" => between(element.get("starttime"), element.get("endtime")),
            _ => element.milliseconds("elapsed"),
        };
    }
}

/// The time between two moments of one day or two: `20260131 23:59:59.900`.
fn between(start: &str, end: &str) -> u64 {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    match (of_day(start), of_day(end)) {
        (Some(start), Some(end)) => (end + DAY - start) % DAY,
        _ => 0,
    }
}

fn of_day(moment: &str) -> Option<u64> {
    let (_, time) = moment.split_once(' ')?;
    let (time, milliseconds) = time.split_once('.')?;
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_suites_within_suites_in_old_and_new_form() {
        let xml = r#"<robot generator="Robot 7.0" schemaversion="5"><suite name="Bots"><suite name="Invoices">
            <test name="Reads a PDF"><kw name="Open"><status status="FAIL" elapsed="1.0">inner</status></kw>
              <status status="PASS" start="2026-01-01T00:00:00.0" elapsed="0.25"/></test>
            <test name="Sends it"><kw name="Log"><msg level="INFO">x</msg></kw><status status="FAIL"
              starttime="20260131 23:59:59.900" endtime="20260201 00:00:00.150">No route to host</status></test>
            <test name="Later"><status status="SKIP" elapsed="0">Not yet</status></test>
            <status status="FAIL" elapsed="3"/></suite></suite></robot>"#;
        let tests = read(xml.as_bytes()).expect("a report");
        let seen: Vec<_> = tests
            .iter()
            .map(|test| (test.name.as_str(), test.outcome, test.took, test.message.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("Reads a PDF", Outcome::Passed, 250, ""),
                ("Sends it", Outcome::Failed, 250, "No route to host"),
                ("Later", Outcome::Skipped, 0, "Not yet"),
            ]
        );
        assert!(tests.iter().all(|test| test.suite == "Bots.Invoices"));
    }

    #[test]
    fn another_file_is_refused() {
        let error = read(b"<testsuite/>").expect_err("no output");
        assert_eq!(error.why, "<testsuite> is no output of Robot Framework");
    }
}
