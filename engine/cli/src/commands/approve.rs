//! `windlass approve` and `windlass reject`: what a person says to a gate, and going on with its run.
//!
//! It must not judge what lies behind the gate.

use clap::Args;
use runtime::engine::{Answer, Engine, Problem};
use runtime::store::{RunId, RunOutcome};
use serde_json::json;

use super::run::{options, watched};
use crate::applying::WorkArgs;
use crate::call::{Call, full};
use crate::problem::{Exit, usage};

/// Among so many is looked for the last one that waits.
const MOST_RUNS: usize = 200;

/// Approve a gate of a run that waits, and go on with the run
#[derive(Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    said: Said,
}

/// Reject a gate of a run that waits, and go on with the run: the gate fails
#[derive(Args)]
pub(crate) struct Reject {
    #[command(flatten)]
    said: Said,
}

#[derive(Args)]
struct Said {
    /// The run, by its number, or `last`: the newest that waits for approval
    run: Which,

    /// The step with the gate; where only one waits it need not be named
    step: Option<String>,

    /// Who says so; otherwise the user of this shell
    #[arg(long, value_name = "NAME")]
    by: Option<String>,

    /// Why, in a line
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Only say so; `windlass run PIPELINE --resume` goes on
    #[arg(long)]
    later: bool,

    #[command(flatten)]
    work: WorkArgs,
}

/// The run that is meant.
#[derive(Clone, Copy)]
enum Which {
    Last,
    Number(u64),
}

impl std::str::FromStr for Which {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "last" => Ok(Self::Last),
            number => number.parse().map(Self::Number).map_err(|_| "write its number, or `last`"),
        }
    }
}

impl Which {
    fn run(self, engine: &Engine) -> Result<RunId, Problem> {
        if let Self::Number(number) = self {
            return Ok(RunId(number));
        }
        for run in engine.store.runs(None, MOST_RUNS)? {
            if !engine.gates(run.id)?.is_empty() {
                return Ok(run.id);
            }
        }
        Err(usage("no run waits for approval", "`windlass runs` lists runs"))
    }
}

pub(crate) fn approve(call: &Call, args: &Approve) -> Result<Exit, Problem> {
    say(call, &args.said, true)
}

pub(crate) fn reject(call: &Call, args: &Reject) -> Result<Exit, Problem> {
    say(call, &args.said, false)
}

fn say(call: &Call, said: &Said, approved: bool) -> Result<Exit, Problem> {
    let runtime = full()?;
    let engine = call.engine()?;
    // A group is the same here as where the project is served.
    let groups = server::approvers(&engine.project)?;
    let id = said.run.run(&engine)?;
    let user = || call.around.variable("USER").or(call.around.variable("LOGNAME"));
    let by = said.by.clone().or_else(|| user().map(str::to_owned)).unwrap_or_default();
    let answer = Answer { approved, by: by.clone(), note: said.note.clone(), at_hand: true };
    let word = if approved { "approved" } else { "rejected" };
    runtime.block_on(async {
        let step = engine.answer(id, said.step.as_deref(), answer, &groups).await?;
        let event = json!({ "run": id, "step": step, "approved": approved, "by": by });
        call.screen.event("answered", event);
        call.screen.note(&format!("{step} of run {id} is {word}"));
        let Some(run) = engine.store.run(id)? else { return Ok(Exit::Done) };
        // Who is at work on it looks for answers by itself, before it ends.
        if said.later || run.outcome != Some(RunOutcome::Waiting) {
            return Ok(Exit::Done);
        }
        let (again, options) = (vec!["run".to_owned(), run.subject.clone()], options(&said.work));
        let (engine, run, options) = (&engine, &run, &options);
        watched(call, engine, &run.subject, again, |feed, stop| {
            engine.resume(run, options, feed, stop)
        })
        .await
    })
}
