//! `windlass logs`: what steps and services wrote.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use model::address::block_of;
use model::mask::Lines;
use providers::process::service::usual_log;
use runtime::engine::{Engine, Problem, StepDetails};
use runtime::log::{Line, Reading};
use runtime::store::RunId;
use serde_json::json;

use super::state::split;
use crate::call::Call;
use crate::outside;
use crate::problem::{Exit, failed, usage};
use crate::render::fold::Fold;
use crate::render::measure::clean;
use crate::render::when::Moment;

/// Print what steps of a run wrote, or what a service writes
#[derive(Args)]
pub(crate) struct Logs {
    /// A run by its number, `last`, the last one of a stack or pipeline by its name, or a resource with a
    /// log: STACK/ADDRESS
    #[arg(value_name = "RUN or STACK/ADDRESS", default_value = "last")]
    what: String,

    /// One step of the run; without brackets, all of its matrix
    step: Option<String>,

    /// With the time of each line
    #[arg(short, long)]
    times: bool,

    /// So many lines from the end (of a service: 100 by default)
    #[arg(short = 'n', long, value_name = "NUMBER")]
    lines: Option<usize>,

    /// With what stands in groups, which a terminal shows folded
    #[arg(short, long)]
    unfold: bool,

    /// Go on as it is written: of a run to its end, of a service until Ctrl-C
    #[arg(short, long)]
    follow: bool,
}

impl Logs {
    fn means(&self, step: &str) -> bool {
        self.step.as_ref().is_none_or(|name| name == step || name == block_of(step))
    }
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
    let named = |step: &&StepDetails| args.means(&step.step);
    let chosen: Vec<&StepDetails> = details.steps.iter().filter(named).collect();
    if let (Some(name), true) = (&args.step, chosen.is_empty()) {
        let names = language::suggest::list(details.steps.iter().map(|step| step.step.as_str()));
        return Err(usage(format!("run {id} has no step `{name}`"), format!("there are {names}")));
    }
    // Until a run has ended the journal does not know of everything that was written.
    let mut reading = details.run.ended.is_none().then(|| engine.reading(id));
    let folds = call.around.shows && !call.screen.json && !args.unfold;
    let fold = folds.then(Fold::default);
    let mut teller = Teller { call, args, run: id, moment: outside::moment(), fold };
    let mut last = Last { most: args.lines, none: true, held: VecDeque::new() };
    match &mut reading {
        Some(reading) => more(reading, args)?
            .into_iter()
            .for_each(|(step, line)| last.take(&step, line, &mut teller)),
        None => chosen.iter().try_for_each(|step| {
            engine.log(id, step, &mut |line| last.take(&step.step, line, &mut teller))
        })?,
    }
    last.held.iter().for_each(|(step, line)| teller.take(step, line));
    let none = last.none;
    match reading {
        Some(reading) if args.follow => return follow_run(engine, reading, &mut teller),
        Some(_) if none => call.screen.note("nothing was written so far"),
        None if none => call.screen.note("nothing was written"),
        _ => {}
    }
    teller.unfold();
    Ok(())
}

/// Holds back lines of which only the last are wanted.
struct Last {
    /// None: all of them.
    most: Option<usize>,
    none: bool,
    held: VecDeque<(String, Line)>,
}

impl Last {
    fn take(&mut self, step: &str, line: Line, teller: &mut Teller) {
        self.none = false;
        match self.most {
            None => teller.take(step, &line),
            Some(most) => {
                self.held.push_back((step.to_owned(), line));
                self.held.drain(..self.held.len().saturating_sub(most));
            }
        }
    }
}

/// What was written since, of the steps that are meant.
fn more(reading: &mut Reading, args: &Logs) -> Result<Vec<(String, Line)>, Problem> {
    let mut found = reading
        .more()
        .map_err(|error| failed(format!("cannot read the logs of this run: {error}")))?;
    found.retain(|(step, _)| args.means(step));
    Ok(found)
}

/// Tells more as it is written, until the run has ended.
fn follow_run(engine: &Engine, mut reading: Reading, teller: &mut Teller) -> Result<(), Problem> {
    let Teller { call, args, run, .. } = *teller;
    while !call.screen.is_closed() {
        // Asked before reading: whatever was written up to the end is read.
        let ended = engine.store.run(run)?.is_none_or(|run| run.ended.is_some());
        let gone = reading.is_over();
        more(&mut reading, args)?.iter().for_each(|(step, line)| teller.take(step, line));
        if ended {
            break;
        }
        if gone {
            call.screen.note("the process of this run is gone: nothing more will come");
            break;
        }
        sleep(LOOK_AGAIN);
    }
    teller.unfold();
    Ok(())
}

/// Tells lines of a run.
struct Teller<'c> {
    call: &'c Call,
    args: &'c Logs,
    run: RunId,
    moment: Moment,
    /// What is folded, where it is.
    fold: Option<Fold>,
}

impl Teller<'_> {
    /// Takes a line, and tells what is to be seen of it.
    fn take(&mut self, step: &str, line: &Line) {
        match &mut self.fold {
            None => self.tell(step, line),
            Some(fold) => {
                for (step, line) in fold.take(step, line) {
                    self.tell(&step, &line);
                }
            }
        }
    }

    /// Tells what stands in groups that have no end: there it stopped.
    fn unfold(&mut self) {
        let left = self.fold.as_mut().map(Fold::left).unwrap_or_default();
        left.iter().for_each(|(step, line)| self.tell(step, line));
    }

    fn tell(&mut self, step: &str, line: &Line) {
        let event = json!({ "run": self.run, "step": step, "at_ms": line.at, "line": line.text });
        self.call.screen.event("log", event);
        let mut before = String::new();
        if self.args.times {
            before = self.moment.exact(line.at) + "  ";
        }
        if self.args.step.is_none() {
            before += &format!("{step} | ");
        }
        self.call.screen.answer(&format!("{before}{}\n", shown(self.call, &line.text)));
    }
}

/// A terminal obeys some of what programs write; everybody else gets it as it is.
fn shown<'t>(call: &Call, line: &'t str) -> Cow<'t, str> {
    if call.around.shows { clean(line) } else { Cow::Borrowed(line) }
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
    if let Ok(number) = named.parse() {
        return Ok(RunId(number));
    }
    // The last run of a stack or pipeline.
    if let Some(run) = engine.store.runs(Some(named), 1)?.first() {
        return Ok(run.id);
    }
    let help = match service_called(engine, named)? {
        Some(service) => format!("did you mean `{service}`?"),
        None => {
            "write its number, `last`, or the name of its stack or pipeline (`windlass runs` lists \
                 runs); of a service STACK/ADDRESS"
                .to_owned()
        }
    };
    Err(usage(format!("`{named}` is no run"), help))
}

/// What a person may have meant who names an address without its stack.
fn service_called(engine: &Engine, named: &str) -> Result<Option<String>, Problem> {
    for stack in engine.store.stacks()? {
        if engine.store.record(&stack, named)?.is_some() {
            return Ok(Some(format!("{stack}/{named}")));
        }
    }
    Ok(None)
}

/// A service writes its log by itself: nobody has looked for secrets in it before.
fn service(call: &Call, engine: &Engine, args: &Logs) -> Result<(), Problem> {
    let path = log_of(call, engine, &args.what)?;
    let unread = |error| failed(format!("cannot read {}: {error}", path.display()));
    let bytes = tail(&path).map_err(unread)?;
    let (mut lines, mut whole) = (Lines::new(engine.sealing().masker()), Vec::new());
    lines.take(&bytes.text, &mut |line| whole.push(line.to_owned()));
    if !args.follow {
        lines.end(&mut |line| whole.push(line.to_owned()));
    }
    let skip = whole.len().saturating_sub(args.lines.unwrap_or(100));
    whole[skip..].iter().for_each(|line| tell(call, &args.what, line));
    if args.follow {
        follow(call, lines, &args.what, &path, bytes.end);
    }
    Ok(())
}

/// The log of a resource. A service whose first start failed is not remembered, and has written all the
/// same.
fn log_of(call: &Call, engine: &Engine, what: &str) -> Result<PathBuf, Problem> {
    let usual = usual_log(&engine.project.home, what);
    if usual.is_file() {
        return Ok(usual);
    }
    let (stack, rest) = split(call, engine, &[what.to_owned()], 1)?;
    let record = engine.resource(&stack, &rest[0])?;
    let file = record.object.text("log_file");
    if file.is_empty() {
        let message = format!("{} {what} writes no log of its own", record.kind);
        return Err(usage(message, "`windlass logs last` prints what the last run wrote"));
    }
    Ok(engine.project.root.join(file))
}

fn tell(call: &Call, name: &str, line: &str) {
    call.screen.event("log", json!({ "resource": name, "line": line }));
    call.screen.answer(&format!("{}\n", shown(call, line)));
}

/// How often it is looked whether there is more.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// More of a log is not read at once, in bytes.
const TAIL: u64 = 4 << 20;

struct Tail {
    text: Vec<u8>,
    end: u64,
}

fn tail(path: &Path) -> std::io::Result<Tail> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let from = end.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    file.take(TAIL).read_to_end(&mut text)?;
    if from > 0 {
        // Half a line, and maybe half a secret.
        text.drain(..text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1));
    }
    Ok(Tail { text, end })
}

/// Reads what is added. A log that became shorter was set aside, and begins anew.
fn follow(call: &Call, mut lines: Lines, name: &str, path: &Path, mut from: u64) {
    while !call.screen.is_closed() {
        sleep(LOOK_AGAIN);
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
        let more = { read }().unwrap_or_default();
        lines.take(&more, &mut |line| tell(call, name, line));
    }
}
