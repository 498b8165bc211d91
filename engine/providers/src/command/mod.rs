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

use model::Context;

/// Names what only looks: it belongs to no effect, but whatever it starts must be found all the same,
/// and two that look at once must not be taken for one.
pub(crate) fn look_token(context: &Context) -> String {
    let mut random = [0; 16];
    context.site.random.fill(&mut random);
    format!("look-{:032x}", u128::from_le_bytes(random))
}
