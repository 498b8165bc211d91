//! `windlass logs`: what steps and services wrote.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use runtime::engine::{Engine, Problem, StepDetails};
use runtime::store::RunId;
use serde_json::json;

use super::state::split;
use crate::call::Call;
use crate::outside;
use crate::problem::{Exit, failed, usage};

/// Print what steps of a run wrote, or what a service writes
#[derive(Args)]
pub(crate) struct Logs {
    /// A run by its number, `last`, or a resource with a log: STACK/ADDRESS
    #[arg(value_name = "RUN or STACK/ADDRESS", default_value = "last")]
    what: String,

    /// One step of the run
    step: Option<String>,

    /// With the time of each line
    #[arg(short, long)]
    times: bool,

    /// So many lines from the end (of a service: 100 by default)
    #[arg(short = 'n', long, value_name = "NUMBER")]
    lines: Option<usize>,

    /// Go on as the service writes, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
}

pub(crate) fn run(call: &Call, args: &Logs) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    match args.what.contains('/') {
        true => service(call, &engine, args)?,
        false => steps(call, &engine, args)?,
    }
    Ok(Exit::Done)
}

fn steps(call: &Call, engine: &Engine, args: &Logs) -> Result<(), Problem> {
    let id = number(engine, &args.what)?;
    let details = engine.run_details(id)?;
    let named = |step: &&StepDetails| args.step.as_ref().is_none_or(|name| *name == step.step);
    let chosen: Vec<&StepDetails> = details.steps.iter().filter(named).collect();
    if let (Some(name), true) = (&args.step, chosen.is_empty()) {
        let names = language::suggest::list(details.steps.iter().map(|step| step.step.as_str()));
        return Err(usage(format!("run {id} has no step `{name}`"), format!("there are {names}")));
    }
    let mut all = Vec::new();
    for step in chosen {
        for line in engine.log(id, step)? {
            all.push((step.step.clone(), line));
        }
    }
    let skip = args.lines.map_or(0, |lines| all.len().saturating_sub(lines));
    let (count, moment) = (all.len(), outside::moment());
    for (step, line) in all.into_iter().skip(skip) {
        let event = json!({ "run": id, "step": step, "at_ms": line.at, "line": line.text });
        call.screen.event("log", event);
        let time = if args.times { moment.exact(line.at) + "  " } else { String::new() };
        let name = if args.step.is_none() { format!("{step} | ") } else { String::new() };
        call.screen.answer(&format!("{time}{name}{}\n", line.text));
    }
    if count == 0 {
        call.screen.note("nothing was written");
    }
    Ok(())
}

fn number(engine: &Engine, named: &str) -> Result<RunId, Problem> {
    if named == "last" {
        // What a step of a pipeline applied is told in the log of that step.
        let runs = engine.store.runs(None, 200)?;
        let last = runs.iter().find(|run| run.parent.is_none()).or(runs.first());
        return last.map(|run| run.id).ok_or_else(|| {
            usage("nothing has run yet", "`windlass apply` or `windlass run` begins a run")
        });
    }
    named.parse().map(RunId).map_err(|_| {
        let help = "write its number or `last`; `windlass runs` lists runs, and of a service STACK/ADDRESS";
        usage(format!("`{named}` is no run"), help)
    })
}

fn service(call: &Call, engine: &Engine, args: &Logs) -> Result<(), Problem> {
    let (stack, rest) = split(call, engine, std::slice::from_ref(&args.what), 1)?;
    let record = engine.resource(&stack, &rest[0])?;
    let file = record.object.text("log_file");
    if file.is_empty() {
        let message = format!("{} {} writes no log of its own", record.kind, args.what);
        return Err(usage(message, "`windlass logs last` prints what the last run wrote"));
    }
    let path = engine.project.root.join(file);
    let bytes = tail(&path).map_err(|error| failed(format!("cannot read {file}: {error}")))?;
    let text = String::from_utf8_lossy(&bytes.text);
    let lines: Vec<&str> = text.lines().collect();
    let skip = lines.len().saturating_sub(args.lines.unwrap_or(100));
    for line in &lines[skip..] {
        tell(call, &args.what, line);
    }
    if args.follow {
        follow(call, &args.what, &path, bytes.end);
    }
    Ok(())
}

fn tell(call: &Call, name: &str, line: &str) {
    call.screen.event("log", json!({ "resource": name, "line": line }));
    call.screen.answer(&format!("{line}\n"));
}

/// More of a log is not read at once, in bytes.
const TAIL: u64 = 4 << 20;

struct Tail {
    text: Vec<u8>,
    end: u64,
}

fn tail(path: &Path) -> std::io::Result<Tail> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(end.saturating_sub(TAIL)))?;
    let mut text = Vec::new();
    file.take(TAIL).read_to_end(&mut text)?;
    Ok(Tail { text, end })
}

/// Reads what is added. A log that became shorter was set aside, and begins anew.
fn follow(call: &Call, name: &str, path: &Path, mut from: u64) {
    let mut rest = Vec::new();
    while !call.screen.is_closed() {
        sleep(Duration::from_millis(200));
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            from = if length < from { 0 } else { from };
            file.seek(SeekFrom::Start(from))?;
            let mut text = Vec::new();
            file.take(TAIL).read_to_end(&mut text)?;
            from += text.len() as u64;
            Ok(text)
        };
        // While it is set aside it is not there for a moment.
        rest.extend({ read }().unwrap_or_default());
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=at).collect();
            tell(call, name, String::from_utf8_lossy(&line).trim_end());
        }
    }
}
