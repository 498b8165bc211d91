//! Commands: run to their end, with everything that they start.
//!
//! A command is told nothing by its arguments that must not be seen: those are in every list of
//! processes.

mod course;
mod invocation;
mod lines;
pub mod run;

pub(crate) use course::{Course, Ended, run_all};
pub use invocation::Invocation;
pub use run::CommandRun;
