//! One result from the reports of many steps and attempts.
//!
//! A test is known by the name of its step in the file, its suite and its own name. What counts for
//! one combination of a matrix is how it ended last there; it has failed if that is so in any of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Coverage, Outcome, Report, Test};

/// Where a report comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The step's name in the file: `unit`.
    pub block: String,
    /// The whole name of the step: `unit[3.11]`.
    pub step: String,
}

/// What all reports of a run say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// How many tests passed, those that passed in the end among them.
    pub passed: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were skipped everywhere.
    pub skipped: u64,
    /// How many passed in one attempt and failed in another of the same.
    pub flaky: u64,
    /// In milliseconds, all attempts together.
    pub took: u64,
    /// Tests that failed or are flaky, in order.
    pub tests: Vec<TestResult>,
    /// How many lines ran, and how many there are; None: no report says.
    pub lines: Option<(u64, u64)>,
}

/// A test that did not simply pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// The step's name in the file.
    pub block: String,
    /// What it belongs to.
    pub suite: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub verdict: Verdict,
    /// The steps in which it failed, by name.
    pub steps: Vec<String>,
    /// Why it failed last.
    pub message: String,
}

/// What a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It failed in the end.
    Failed,
    /// It failed and passed, and nothing had changed in between.
    Flaky,
}

/// What is known of one test.
#[derive(Default)]
struct Known<'r> {
    /// How it ended, by step, in order.
    runs: Vec<(&'r str, Vec<&'r Test>)>,
}

/// Merges reports, those of one step in the order of their attempts.
pub fn merge<'r>(reports: impl IntoIterator<Item = &'r (Source, Report)>) -> Results {
    let mut known: BTreeMap<(&str, &str, &str), Known<'r>> = BTreeMap::new();
    let (mut results, mut coverage) = (Results::default(), Coverage::default());
    for (source, report) in reports {
        coverage.add(&report.coverage);
        for test in &report.tests {
            results.took += test.took;
            let key = (source.block.as_str(), test.suite.as_str(), test.name.as_str());
            known.entry(key).or_default().ran(&source.step, test);
        }
    }
    results.lines = (!coverage.is_empty()).then(|| coverage.lines());
    for ((block, suite, name), known) in known {
        results.count(block, suite, name, &known);
    }
    results
}

impl<'r> Known<'r> {
    fn ran(&mut self, step: &'r str, test: &'r Test) {
        match self.runs.iter_mut().find(|(known, _)| *known == step) {
            Some((_, tests)) => tests.push(test),
            None => self.runs.push((step, vec![test])),
        }
    }

    /// Steps in which it failed in the end, and steps in which it failed and passed.
    fn troubles(&self) -> (Vec<&'r str>, Vec<&'r str>) {
        let (mut failed, mut flaky) = (Vec::new(), Vec::new());
        for (step, tests) in &self.runs {
            let ended = |outcome| tests.iter().any(|test| test.outcome == outcome);
            match tests.last().map(|test| test.outcome) {
                Some(Outcome::Failed) => failed.push(*step),
                Some(Outcome::Passed) if ended(Outcome::Failed) => flaky.push(*step),
                _ => {}
            }
        }
        // Steps that run side by side leave their reports in any order.
        failed.sort_unstable();
        flaky.sort_unstable();
        (failed, flaky)
    }

    fn message(&self, steps: &[&str]) -> String {
        let of_steps = self.runs.iter().filter(|(step, _)| steps.contains(step));
        let mut tests = of_steps.flat_map(|(_, tests)| tests).rev();
        let failed = tests.find(|test| test.outcome == Outcome::Failed);
        failed.map(|test| test.message.clone()).unwrap_or_default()
    }
}

impl Results {
    fn count(&mut self, block: &str, suite: &str, name: &str, known: &Known<'_>) {
        let (failed, flaky) = known.troubles();
        let (verdict, steps) = match (failed.is_empty(), flaky.is_empty()) {
            (false, _) => (Verdict::Failed, failed),
            (true, false) => (Verdict::Flaky, flaky),
            (true, true) => {
                let mut tests = known.runs.iter().flat_map(|(_, tests)| tests);
                match tests.any(|test| test.outcome == Outcome::Passed) {
                    true => self.passed += 1,
                    false => self.skipped += 1,
                }
                return;
            }
        };
        match verdict {
            Verdict::Failed => self.failed += 1,
            Verdict::Flaky => (self.flaky, self.passed) = (self.flaky + 1, self.passed + 1),
        }
        self.tests.push(TestResult {
            block: block.to_owned(),
            suite: suite.to_owned(),
            name: name.to_owned(),
            verdict,
            message: known.message(&steps),
            steps: steps.into_iter().map(str::to_owned).collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(step: &str, tests: &[(&str, Outcome)]) -> (Source, Report) {
        let block = step.split('[').next().unwrap_or(step).to_owned();
        let test = |(name, outcome): &(&str, Outcome)| Test {
            suite: "s".to_owned(),
            name: (*name).to_owned(),
            outcome: *outcome,
            took: 10,
            message: if *outcome == Outcome::Failed { format!("in {step}") } else { String::new() },
        };
        let tests = tests.iter().map(test).collect();
        (Source { block, step: step.to_owned() }, Report { tests, ..Report::default() })
    }

    #[test]
    fn attempts_and_combinations_become_one_result() {
        use Outcome::{Failed, Passed, Skipped};
        let reports = [
            report("unit[a]", &[("always", Passed), ("wobbles", Failed), ("there", Skipped)]),
            report("unit[a]", &[("always", Passed), ("wobbles", Passed), ("there", Skipped)]),
            report("unit[b]", &[("always", Passed), ("wobbles", Passed), ("there", Passed)]),
            report("unit[b]", &[("broken", Passed)]),
            report("unit[a]", &[("broken", Failed), ("nowhere", Skipped)]),
            report("lint", &[("always", Failed)]),
        ];
        let results = merge(&reports);
        let (passed, failed) = (results.passed, results.failed);
        assert_eq!((passed, failed, results.skipped, results.flaky), (3, 2, 1, 1));
        assert_eq!(results.took, 130);
        let shown: Vec<_> = results
            .tests
            .iter()
            .map(|test| {
                format!(
                    "{}/{} {:?} {:?} {}",
                    test.block, test.name, test.verdict, test.steps, test.message
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "lint/always Failed [\"lint\"] in lint",
                "unit/broken Failed [\"unit[a]\"] in unit[a]",
                "unit/wobbles Flaky [\"unit[a]\"] in unit[a]",
            ]
        );
    }

    #[test]
    fn no_reports_say_nothing() {
        assert_eq!(merge(&[]), Results::default());
    }
}
