//! `windlass runs`: what ran, and how it went.

use clap::{Args, Subcommand};
use reports::Results;
use runtime::engine::{Engine, Problem};
use runtime::store::RunId;
use serde_json::json as object;

use crate::call::Call;
use crate::problem::Exit;
use crate::{json, outside, render};

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
}

pub(crate) fn run(call: &Call, args: &Runs) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    match &args.verb {
        Some(Verb::Show { run }) => show(call, &engine, RunId(*run))?,
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
