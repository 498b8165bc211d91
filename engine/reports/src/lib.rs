//! Results of tests and coverage: read in the forms that tools write, merged into one.
//!
//! | form | written by | source |
//! |---|---|---|
//! | `JUnit` XML | nearly every test runner | the Ant task's form, as Surefire, pytest and Gradle write it |
//! | Robot Framework's `output.xml` | Robot Framework | its schema `result.xsd` |
//! | Cobertura XML | coverage.py, gcovr, Istanbul, Coverlet | `coverage-04.dtd` |
//! | LCOV tracefile | lcov, llvm-cov, Istanbul | geninfo(1) |
//!
//! Pure: bytes in, results out. It must not know where reports come from or where results are kept.

mod coverage;
mod junit;
mod merge;
mod robot;
mod tree;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use coverage::Coverage;
pub use merge::{Results, Source, TestResult, Verdict, merge};

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// One entry for each time a test ran, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<Test>,
    /// Which lines ran.
    #[serde(default, skip_serializing_if = "Coverage::is_empty")]
    pub coverage: Coverage,
}

/// One time that a test ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// What it belongs to: a class, a module, a suite.
    pub suite: String,
    /// Its name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// In milliseconds.
    #[serde(default)]
    pub took: u64,
    /// Why it failed or was skipped, as the tool says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It failed, or could not be run.
    Failed,
    /// It was not run.
    Skipped,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `JUnit` XML.
    Junit,
    /// Robot Framework's `output.xml`.
    Robot,
    /// Cobertura XML, or an LCOV tracefile: its first character tells.
    Coverage,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The line where reading ended.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

/// Reads a file.
///
/// # Errors
/// It is not in this form, or cut off.
pub fn read(form: Form, bytes: &[u8]) -> Result<Report, Unreadable> {
    match form {
        Form::Junit => junit::read(bytes).map(of_tests),
        Form::Robot => robot::read(bytes).map(of_tests),
        Form::Coverage => {
            coverage::read(bytes).map(|coverage| Report { coverage, ..Report::default() })
        }
    }
}

fn of_tests(tests: Vec<Test>) -> Report {
    Report { tests, ..Report::default() }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for Unreadable {}
