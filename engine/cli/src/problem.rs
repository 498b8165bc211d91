//! Why something was not done: in words, as an event, and as an exit code.
//!
//! It must not decide what is a problem.

use language::Diagnostic;
use runtime::engine::{Problem, Wrong};
use serde_json::json;

use crate::render::{self, diagnostics::diagnostics as render_wrong};
use crate::screen::Screen;

/// How a command ended; the number that the shell sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// It is done.
    Done = 0,
    /// It was tried and failed.
    Failed = 1,
    /// What was typed or written is wrong.
    Usage = 2,
    /// There are changes, and that was asked.
    Pending = 3,
    /// It could be done, and is refused.
    Refused = 4,
    /// It waits for a person to approve.
    Waiting = 5,
}

impl Exit {
    /// Returns the exit of a problem.
    pub(crate) fn of(problem: &Problem) -> Self {
        match problem.exit_code() {
            2 => Self::Usage,
            4 => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// Returns the worse one of two.
    pub(crate) fn worse(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Done => 0,
            Self::Pending => 1,
            Self::Waiting => 2,
            Self::Failed => 3,
            Self::Refused => 4,
            Self::Usage => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// Tells why something was not done, and returns the exit code.
pub(crate) fn tell(problem: Problem, screen: &Screen) -> Exit {
    let exit = Exit::of(&problem);
    match problem {
        Problem::Files(wrong) => tell_wrong(*wrong, 1, exit, screen),
        other => tell_other(&other, exit, screen),
    }
    exit
}

/// Shows everything that is wrong with files.
pub(crate) fn tell_wrong(wrong: Wrong, files: usize, exit: Exit, screen: &Screen) {
    let Wrong { diagnostics, sources } = wrong;
    if screen.json {
        let told = |one: &Diagnostic| screen.event("diagnostic", one.to_json(&sources));
        return diagnostics.sorted().iter().for_each(told);
    }
    screen.complain(&render_wrong(diagnostics, &sources, files, exit as u8, screen.style));
}

fn tell_other(problem: &Problem, exit: Exit, screen: &Screen) {
    if !screen.json {
        return screen.complain(&render::problem::problem(problem, screen.style));
    }
    let (message, details) = match problem {
        Problem::Refused { message, details, .. } => (message.clone(), details.clone()),
        Problem::Failed(fault) => (fault.message.clone(), fault.details.clone()),
        other => (other.message(), Vec::new()),
    };
    let kind = if exit == Exit::Refused { "refused" } else { "error" };
    let advice = problem.advice();
    screen.event(
        kind,
        json!({ "message": message, "details": details, "help": advice, "exit": exit as u8 }),
    );
}

/// Returns a problem of what was typed.
pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Problem {
    Problem::Usage { message: message.into(), help: Some(help.into()) }
}

/// Returns a problem of what was tried.
pub(crate) fn failed(message: impl Into<String>) -> Problem {
    Problem::Failed(model::Fault::broken(message))
}
