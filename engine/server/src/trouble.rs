//! Why something was not done, in the words of the engine's problems. It must not decide anything.

use std::fmt::Display;
use std::path::Path;

use model::Fault;
use runtime::engine::Problem;

/// Something that was tried and failed.
pub(crate) fn failed(message: impl Into<String>) -> Problem {
    Problem::Failed(Fault::broken(message))
}

/// Something that could be done and is not.
pub(crate) fn refused(message: impl Into<String>, help: impl Into<String>) -> Problem {
    Problem::Refused { message: message.into(), help: Some(help.into()), details: Vec::new() }
}

/// Something that means nothing here.
pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Problem {
    Problem::Usage { message: message.into(), help: Some(help.into()) }
}

/// A place on disk with which something could not be done.
pub(crate) fn place(what: &str, path: &Path, why: impl Display) -> Problem {
    failed(format!("cannot {what} {}: {why}", path.display()))
}

/// A problem in one text: what, and what to do.
pub(crate) fn in_words(problem: &Problem) -> String {
    match problem.advice() {
        Some(advice) => format!("{}\n  try: {advice}", problem.message()),
        None => problem.message(),
    }
}
