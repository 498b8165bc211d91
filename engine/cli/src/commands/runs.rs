//! `windlass runs`: what ran, and how it went.

use clap::{Args, Subcommand};
use model::event::Ending;
use runtime::engine::{Engine, Problem, RunDetails};
use runtime::store::{Run, RunId};
use serde_json::json as object;

use crate::call::Call;
use crate::json;
use crate::problem::Exit;

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
    for run in &runs {
        call.screen.event("run", object!(run));
        call.screen.answer(&format!("{}\n", line(run)));
    }
    if runs.is_empty() {
        call.screen.note("nothing has run yet");
    }
    Ok(())
}

fn line(run: &Run) -> String {
    let outcome = run.outcome.map_or("unfinished", |outcome| outcome.word());
    let took = run.ended.map_or(String::new(), |ended| {
        format!("{:.1} s", ended.saturating_sub(run.began) as f64 / 1000.0)
    });
    let when = when(run.began);
    let (id, kind, subject) = (run.id.to_string(), run.kind.word(), &run.subject);
    format!("{id:>4}  {when}  {kind:<8}  {subject:<20}  {outcome:<10}  {took}").trim_end().to_owned()
}

/// Returns a time as people read it.
pub(crate) fn when(millis: u64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis.cast_signed()).unwrap_or_default();
    time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn show(call: &Call, engine: &Engine, id: RunId) -> Result<(), Problem> {
    let RunDetails { run, steps } = engine.run_details(id)?;
    call.screen.event("run", object!(run));
    call.screen.answer(&format!("{}\n", line(&run)));
    for step in steps {
        let mut event = object!({ "run": id, "step": step.step, "took_ms": step.took });
        let ending = step.ending.as_ref().map_or_else(|| object!({ "ending": null }), json::ending);
        if let (Some(event), serde_json::Value::Object(ending)) = (event.as_object_mut(), ending) {
            event.extend(ending);
        }
        call.screen.event("step", event);
        let (sign, note) = match &step.ending {
            Some(Ending::Done { what, .. }) => ("✓", json::outcome(*what).to_owned()),
            Some(Ending::Failed { fault } | Ending::Errored { fault }) => {
                ("✗", fault.message.clone())
            }
            Some(Ending::Blocked { by }) => ("·", format!("not started, since {by} was not done")),
            Some(Ending::Skipped) => ("·", "skipped".to_owned()),
            Some(Ending::Lost) => ("·", "had not happened".to_owned()),
            None => ("?", "no end is known".to_owned()),
        };
        let took = step.took as f64 / 1000.0;
        call.screen.answer(&format!("  {sign} {:<24}  {note}  {took:.1} s\n", step.step));
    }
    Ok(())
}
