//! Coverage by lines: Cobertura XML and LCOV tracefiles.
//!
//! Only lines are counted: what a branch or a function is, each tool sees in its own way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tree::{Element, Sink};
use crate::{Unreadable, tree};

/// Which lines of which files can run, and whether they did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coverage(BTreeMap<String, BTreeMap<u32, bool>>);

impl Coverage {
    /// Returns whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many lines ran, and how many there are.
    pub fn lines(&self) -> (u64, u64) {
        let count = |lines: &BTreeMap<u32, bool>| lines.values().filter(|ran| **ran).count() as u64;
        let ran = self.0.values().map(count).sum();
        (ran, self.0.values().map(|lines| lines.len() as u64).sum())
    }

    /// Adds what another report says: a line ran if it ran in either.
    pub fn add(&mut self, other: &Self) {
        for (file, lines) in &other.0 {
            let known = self.0.entry(file.clone()).or_default();
            for (&line, &ran) in lines {
                *known.entry(line).or_default() |= ran;
            }
        }
    }

    fn line(&mut self, file: &str, line: u32, ran: bool) {
        if let Some(lines) = self.0.get_mut(file) {
            *lines.entry(line).or_default() |= ran;
        } else {
            self.0.insert(file.to_owned(), [(line, ran)].into());
        }
    }
}

pub(crate) fn read(bytes: &[u8]) -> Result<Coverage, Unreadable> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => tree::read(bytes).map(|reading: Cobertura| reading.coverage),
        _ => tracefile(text),
    }
}

#[derive(Default)]
struct Cobertura {
    coverage: Coverage,
    file: String,
}

impl Sink for Cobertura {
    fn open(&mut self, element: &Element<'_>) -> Result<(), String> {
        match element.name {
            "coverage" if element.depth == 0 => {}
            _ if element.depth == 0 => {
                return Err(format!("<{}> is no Cobertura report", element.name));
            }
            "class" => element.get("filename").clone_into(&mut self.file),
            // Those of a method stand once more among those of its class.
            "line" => {
                let number = element.get("number");
                let line = number.parse().map_err(|_| format!("`{number}` is no line number"))?;
                let ran = !matches!(element.get("hits"), "" | "0");
                self.coverage.line(&self.file, line, ran);
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, _: &str) {}

    fn close(&mut self, _: &str) {}
}

/// `SF:<file>`, then `DA:<line>,<count>[,<checksum>]`, then `end_of_record`.
fn tracefile(bytes: &[u8]) -> Result<Coverage, Unreadable> {
    let text = String::from_utf8_lossy(bytes);
    let (mut coverage, mut file, mut at) = (Coverage::default(), None, 0);
    for line in text.lines() {
        at += 1;
        let wrong = |why: &str| Unreadable { line: at, why: why.to_owned() };
        if let Some(name) = line.strip_prefix("SF:") {
            file = Some(name);
        } else if line == "end_of_record" {
            file = None;
        } else if let Some(data) = line.strip_prefix("DA:") {
            let file = file.ok_or_else(|| wrong("a line of no file: `SF:` is missing"))?;
            let mut data = data.split(',');
            let number = data.next().and_then(|line| line.parse().ok());
            // A count is negative where gcov lost track of it.
            let count = data.next().and_then(|count| count.parse::<f64>().ok());
            let (Some(number), Some(count)) = (number, count) else {
                return Err(wrong("`DA:` is followed by a line number and a count"));
            };
            coverage.line(file, number, count > 0.0);
        }
    }
    match coverage.is_empty() && !text.lines().any(|line| line.starts_with("SF:")) {
        true => Err(Unreadable { line: at.max(1), why: "this is no coverage report".to_owned() }),
        false => Ok(coverage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COBERTURA: &[u8] = br#"<?xml version="1.0" ?><coverage version="7.4" lines-valid="3">
        <packages><package><classes><class name="a.py" filename="src/a.py"><methods><method><lines>
        <line number="1" hits="1"/></lines></method></methods><lines><line number="1" hits="1"/>
        <line number="2" hits="0"/></lines></class></classes></package></packages></coverage>"#;

    #[test]
    fn both_forms_say_which_lines_ran() {
        let cobertura = read(COBERTURA).expect("coverage");
        assert_eq!(cobertura.lines(), (1, 2));
        let lcov =
            read(b"TN:\nSF:src/a.py\nDA:2,5\nDA:3,0,abc\nLF:2\nend_of_record\n").expect("one");
        assert_eq!(lcov.lines(), (1, 2));
        let mut both = cobertura.clone();
        both.add(&lcov);
        assert_eq!(both.lines(), (2, 3), "a line ran if it ran in either");
        both.add(&cobertura);
        assert_eq!(both.lines(), (2, 3));
    }

    #[test]
    fn what_is_none_says_where() {
        let said = |text: &[u8]| read(text).expect_err("no coverage").to_string();
        assert_eq!(said(b"hello\n"), "line 1: this is no coverage report");
        assert_eq!(said(b""), "line 1: this is no coverage report");
        assert_eq!(said(b"DA:1,1\n"), "line 1: a line of no file: `SF:` is missing");
        assert_eq!(
            said(b"SF:a\nDA:x,1\n"),
            "line 2: `DA:` is followed by a line number and a count"
        );
        assert_eq!(said(b"<testsuite/>"), "line 1: <testsuite> is no Cobertura report");
        assert_eq!(
            said(b"<coverage><line number=\"x\"/></coverage>"),
            "line 1: `x` is no line number"
        );
    }
}
