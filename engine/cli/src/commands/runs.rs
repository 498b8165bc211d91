//! `windlass runs`: what ran, and how it went.

use clap::{Args, Subcommand};
use reports::Results;
use runtime::engine::{Engine, KEPT_RUNS, Problem};
use runtime::keep::Keep;
use runtime::store::RunId;
use serde_json::json as object;

use crate::call::{Call, light};
use crate::problem::Exit;
use crate::{json, outside, render};

/// In milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// List runs, newest first
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Runs {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// Only those of this stack or pipeline
    subject: Option<String>,

    /// So many at most
    #[arg(short, long, value_name = "NUMBER", default_value = "20")]
    number: usize,
}

#[derive(Subcommand)]
enum Verb {
    /// Show one run, step by step
    Show {
        /// Its number
        run: u64,
    },
    /// Forget old runs: what they did, what they wrote, and what they made for later steps
    #[command(after_help = PRUNE)]
    Prune {
        /// Keep so many of each stack and pipeline
        #[arg(long, value_name = "NUMBER", default_value_t = KEPT)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..))]
        runs: u32,

        /// Keep whatever ended within so many days as well
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        days: u32,

        /// Only say what would be forgotten
        #[arg(long)]
        dry_run: bool,
    },
}

/// As many as each run leaves by itself.
const KEPT: u32 = KEPT_RUNS as u32;

const PRUNE: &str = "\
Each run leaves the last 100 of its stack or pipeline by itself, and `windlass serve` prunes what it
serves (`keep` in windlass.yml): this is for when that is too much. What stays, however old: a run
that has no end or left something in doubt, the newest of each branch, and what a kept run goes on
from (`--failed`, `--from`) or started. A run that is forgotten is still listed. The state of stacks is
not touched.

  windlass runs prune --runs 20 --dry-run
  windlass runs prune --runs 20 --days 7";

pub(crate) fn run(call: &Call, args: &Runs) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    match &args.verb {
        Some(Verb::Show { run }) => show(call, &engine, RunId(*run))?,
        Some(Verb::Prune { runs, days, dry_run }) => {
            prune(call, &engine, *runs, *days, *dry_run)?;
        }
        None => list(call, &engine, args)?,
    }
    Ok(Exit::Done)
}

fn list(call: &Call, engine: &Engine, args: &Runs) -> Result<(), Problem> {
    let runs = engine.store.runs(args.subject.as_deref(), args.number)?;
    runs.iter().for_each(|run| call.screen.event("run", object!(run)));
    match runs.is_empty() {
        true => call.screen.note("nothing has run yet"),
        false => {
            let text = render::runs::list(&runs, &outside::moment(), call.screen.style);
            call.screen.answer(&text);
        }
    }
    Ok(())
}

fn show(call: &Call, engine: &Engine, id: RunId) -> Result<(), Problem> {
    let details = engine.run_details(id)?;
    call.screen.event("run", object!(details.run));
    for step in &details.steps {
        let mut event = object!({ "run": id, "step": step.step, "took_ms": step.took });
        let ending = step.ending.as_ref().map_or_else(|| object!({ "ending": null }), json::ending);
        if let (Some(event), serde_json::Value::Object(ending)) = (event.as_object_mut(), ending) {
            event.extend(ending);
        }
        let (asked, said) = &step.asked;
        if asked.is_some() {
            event["asked"] = object!(asked);
            event["answered"] = object!(said);
        }
        call.screen.event("step", event);
    }
    let text = render::runs::details(&details, &outside::moment(), call.screen.style);
    call.screen.answer(&text);
    for one in &engine.annotations(id)? {
        call.screen.event("annotation", object!(one));
        call.screen.answer(&render::runs::annotation(one, call.screen.style));
    }
    tell_results(call, engine, id)
}

fn prune(call: &Call, engine: &Engine, runs: u32, days: u32, dry_run: bool) -> Result<(), Problem> {
    let keep = Keep { runs: runs as usize, younger: u64::from(days) * DAY };
    let pruned = light()?.block_on(engine.prune(keep, None, dry_run))?;
    let ids: Vec<RunId> = pruned.runs.iter().map(|run| run.id).collect();
    let event = object!({ "runs": ids, "bytes": pruned.bytes, "dry_run": dry_run });
    call.screen.event("pruned", event);
    call.screen.answer(&render::runs::pruned(&pruned, dry_run, &outside::moment()));
    Ok(())
}

/// Says what the reports of a run say, if there are any.
pub(crate) fn tell_results(call: &Call, engine: &Engine, run: RunId) -> Result<(), Problem> {
    let results = engine.results(run)?;
    if results == Results::default() {
        return Ok(());
    }
    let mut event = object!(results);
    event["run"] = object!(run);
    call.screen.event("results", event);
    call.screen.answer(&render::results::results(&results, call.screen.style));
    Ok(())
}
