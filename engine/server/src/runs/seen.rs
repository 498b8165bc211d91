//! How a run stands, as its project's store tells: the same before a death of the server and after it.

use std::sync::Arc;

use runtime::engine::{Engine, Problem};
use runtime::process::Process;
use runtime::store::{Run, RunKind, RunOutcome};
use tokio::task::spawn_blocking;

use crate::house::House;
use crate::records::{QueuedRun, Verdict};
use crate::trouble::failed;

/// How a run stands.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// It has not begun.
    NotBegun,
    /// Its process is at work: which one, where that is known.
    AtWork(Run, Option<u32>),
    /// It began, and its process is gone.
    CutOff(Run),
    /// It did what it could, and a gate of it waits for a person.
    Waits(Run),
    /// It is over.
    Over(Run, Verdict),
}

/// Looks how a run stands.
pub(crate) async fn look(house: &Arc<House>, run: &QueuedRun) -> Result<Seen, Problem> {
    let Some(engine) = house.engine(&run.repository).await? else { return Ok(Seen::NotBegun) };
    let cause = run.cause.id.clone();
    let seen = spawn_blocking(move || seen(&engine, &cause)).await;
    seen.map_err(|error| failed(error.to_string()))?
}

fn seen(engine: &Engine, cause: &str) -> Result<Seen, Problem> {
    let Some(run) = engine.store.run_for(cause)? else { return Ok(Seen::NotBegun) };
    match run.outcome {
        None | Some(RunOutcome::Waiting) if engine.is_at_work(&run)? => at_work(engine, run),
        Some(RunOutcome::Done) => Ok(Seen::Over(run, Verdict::Passed)),
        Some(RunOutcome::Waiting) => Ok(Seen::Waits(run)),
        Some(RunOutcome::Stopped) => Ok(Seen::Over(run, Verdict::Cancelled)),
        Some(_) => Ok(Seen::Over(run, Verdict::Failed)),
        None => Ok(Seen::CutOff(run)),
    }
}

fn at_work(engine: &Engine, run: Run) -> Result<Seen, Problem> {
    let holder = engine.store.holder(&RunKind::Pipeline.scope(&run.subject))?;
    let process = holder.and_then(|holder| Process::parse(&holder.name));
    Ok(Seen::AtWork(run, process.map(|process| process.pid)))
}
