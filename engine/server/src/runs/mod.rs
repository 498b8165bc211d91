//! Runs that are under way: which is next, and one from its start to its verdict.
//!
//! It must not run a step: a process of its own does.

mod attend;
mod choose;
mod dispatch;
mod gates;
mod process;
mod recover;
mod seen;

pub(crate) use dispatch::dispatch;
pub(crate) use gates::watch_gates;
pub(crate) use recover::{mend, recover};
