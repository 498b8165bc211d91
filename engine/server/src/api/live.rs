//! What happens in a run now: its output as text, its steps and its log as events that go on where a
//! reader stopped. However long a log is, a few pieces of it are in memory.

mod log;
mod output;
mod steps;

pub(crate) use log::log;
pub(crate) use output::{output, output_tail};
pub(crate) use steps::run_events;
