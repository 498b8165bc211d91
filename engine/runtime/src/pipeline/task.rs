//! What steps of a pipeline do: commands of this machine, and stacks that are applied or destroyed.
//!
//! It must not know the order of steps.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use child::{Command, Exit, sweep};
use model::context::Progress;
use model::event::{Ending, Outcome};
use model::file::pipeline::{ReportForm, Task, TaskWork};
use model::plan::{Step, Work};
use model::registry::BoxFuture;
use model::value::Piece;
use model::{Fault, Token, Value, secret};
use reports::Source;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::results::{collect, keep};
use super::trace::{Seen, Trace};
use crate::engine::Engine;
use crate::log::{Logs, StepLog};
use crate::store::RunId;
use crate::walk::{Done, Effects, Live, Prepared, Stop};

/// How long a command may take to end once it is told to.
pub const GRACE: Duration = Duration::from_secs(10);

/// How many of a failed command's last lines are shown with the error.
const LAST_WORDS: usize = 20;

/// The effects of one run of a pipeline.
pub struct Tasks {
    /// The engine, which applies stacks as runs of their own.
    pub engine: Engine,
    /// The pipeline.
    pub pipeline: String,
    /// The run.
    pub run: RunId,
    /// What its tokens begin with.
    pub origin: String,
    /// Where output is kept.
    pub logs: Arc<Logs>,
    /// What became of commands, for a later life of this run.
    pub trace: Trace,
    /// Ctrl-C, for runs within this one.
    pub stop: watch::Receiver<Stop>,
}

/// Names the effect of a step: whatever it starts carries this, also when the engine is dead.
pub fn token(origin: &str, pipeline: &str, step: &str, run: RunId) -> Token {
    Token::of(origin, pipeline, step, run.0)
}

const SUCCEEDED: Done = Done { what: Outcome::Succeeded, state: Vec::new() };

impl Effects for Tasks {
    fn prepare(&self, step: &Step) -> Result<Prepared, Fault> {
        let token = token(&self.origin, &self.pipeline, step.name.as_str(), self.run);
        Ok(Prepared { token, intent: None, api: None, timeout: None, idle: false })
    }

    /// After a crash the trace tells what became of a command. Of one that was cut off nobody knows how
    /// far it came: what is left of it is ended, and only a step that says that it may be run again is.
    /// Applying and destroying find out by themselves.
    fn find<'f>(
        &'f self,
        step: &'f Step,
        prepared: &'f Prepared,
        live: &'f Live,
    ) -> BoxFuture<'f, Result<Option<Done>, Fault>> {
        Box::pin(async move {
            match self.trace.earlier(step.name.as_str()) {
                Seen::NotBegun => return Ok(None),
                Seen::Ended(fault, log) => {
                    log.into_iter().for_each(|range| live.wrote(range));
                    return fault.map_or(Ok(Some(SUCCEEDED)), Err);
                }
                Seen::Begun | Seen::Unknown => {}
            }
            sweep(prepared.token.as_str(), GRACE)
                .await
                .map_err(|error| Fault::broken(error.to_string()))?;
            match &step.work {
                Work::Task(task)
                    if !task.idempotent && matches!(task.does, TaskWork::Run { .. }) =>
                {
                    let message = "windlass ended while it ran, so nobody knows how far it came";
                    let help = "start the pipeline again; `idempotent: true` lets a step run twice";
                    Err(Fault::refused(message).help(help))
                }
                _ => Ok(None),
            }
        })
    }

    fn apply<'f>(
        &'f self,
        step: &'f Step,
        prepared: &'f Prepared,
        live: &'f Live,
    ) -> BoxFuture<'f, Result<Done, Fault>> {
        Box::pin(async move {
            let Work::Task(task) = &step.work else {
                return Err(Fault::broken("a pipeline has no such steps"));
            };
            let log = StepLog::new(&self.logs, self.engine.sealing(), live.clone());
            let log = Arc::new(log);
            if !matches!(task.does, TaskWork::Run { .. }) {
                return self.perform(task, step, &prepared.token, &log).await.map(|()| SUCCEEDED);
            }
            self.trace.begun(step.name.as_str()).map_err(|error| {
                Fault::broken(format!("its beginning cannot be noted: {error}"))
            })?;
            let result = self.perform(task, step, &prepared.token, &log).await;
            drop(log);
            let fault = result.as_ref().err().map(|fault| self.shown(fault.clone()));
            self.trace.ended(step.name.as_str(), fault, live.log());
            result.map(|()| SUCCEEDED)
        })
    }

    fn places(&self, step: &Step) -> Option<(String, usize)> {
        match &step.work {
            Work::Task(task) => Some((step.name.block().to_owned(), task.limit?)),
            _ => None,
        }
    }

    fn ended(&self, _: &Step, _: &Ending) {}

    fn shown(&self, fault: Fault) -> Fault {
        self.engine.sealing().masked_fault(fault)
    }
}

impl Tasks {
    /// A step that fails is tried again as often as its file says; one that cannot run is not.
    async fn perform(
        &self,
        task: &Task,
        step: &Step,
        token: &Token,
        log: &Arc<StepLog>,
    ) -> Result<(), Fault> {
        let mut attempt = 0;
        loop {
            let result = self.attempt(task, step, token, log).await;
            match result {
                Err(fault)
                    if attempt < task.retry && fault.nature == model::fault::Nature::Refused =>
                {
                    attempt += 1;
                    log.line(&format!("— {}; attempt {} follows", fault.message, attempt + 1));
                }
                result => return result,
            }
        }
    }

    async fn attempt(
        &self,
        task: &Task,
        step: &Step,
        token: &Token,
        log: &Arc<StepLog>,
    ) -> Result<(), Fault> {
        match &task.does {
            TaskWork::Run { commands, directory, reports } => {
                let command = self.command(task, commands, directory.as_deref(), step, token)?;
                let begun = SystemTime::now();
                let ended = run(&command, log).await;
                let reported = self.reported(step, command.directory, reports, begun, log).await;
                ended.and(reported)
            }
            TaskWork::Apply { file, name, parameters } => {
                self.apply_stack(file, name.clone(), parameters, step.timeout, log).await
            }
            TaskWork::Destroy { stack } => self.destroy_stack(stack, step.timeout, log).await,
        }
    }

    /// Keeps the results that the commands left. Also those of commands that failed: which tests it
    /// was is what everybody wants to know.
    async fn reported(
        &self,
        step: &Step,
        folder: PathBuf,
        wanted: &[(ReportForm, String)],
        since: SystemTime,
        log: &StepLog,
    ) -> Result<(), Fault> {
        if wanted.is_empty() {
            return Ok(());
        }
        let wanted = wanted.to_vec();
        let collected = spawn_blocking(move || collect(&folder, &wanted, since)).await;
        let report = collected.map_err(|error| Fault::broken(error.to_string()))?;
        let mut report = report.inspect_err(|fault| log.line(&format!("— {}", fault.message)))?;
        for test in &mut report.tests {
            for text in [&mut test.suite, &mut test.name, &mut test.message] {
                *text = log.masked(text);
            }
        }
        let source = Source { block: step.name.block().to_owned(), step: step.name.to_string() };
        let folder = crate::log::folder(&self.engine.project.home, self.run);
        let kept = spawn_blocking(move || keep(&folder, source, report)).await;
        kept.map_err(io::Error::other)
            .flatten()
            .map_err(|error| Fault::broken(format!("its reports cannot be kept: {error}")))
    }

    fn command(
        &self,
        task: &Task,
        commands: &[Value],
        directory: Option<&str>,
        step: &Step,
        token: &Token,
    ) -> Result<Command, Fault> {
        let site = &self.engine.site;
        let mut environment: BTreeMap<String, String> = site.environment.clone();
        environment.insert("CI".to_owned(), "true".to_owned());
        environment.insert("WINDLASS_RUN".to_owned(), self.run.to_string());
        environment.insert("WINDLASS_PIPELINE".to_owned(), self.pipeline.clone());
        environment.insert("WINDLASS_STEP".to_owned(), step.name.to_string());
        for (name, value) in &task.env {
            environment.insert(name.clone(), self.revealed(value)?);
        }
        let holds_secret = commands.iter().any(|command| !command.secrets().is_empty());
        let lines: Vec<String> =
            commands.iter().map(|command| self.revealed(command)).collect::<Result<_, _>>()?;
        let script = lines.join("\n");
        let script = match holds_secret {
            false => script,
            // Arguments can be read by every user of the machine, the environment by its owner alone.
            true => {
                environment.insert(SCRIPT.to_owned(), script);
                format!("script=${SCRIPT}; unset {SCRIPT}; eval \"$script\"")
            }
        };
        let argv = ["/bin/sh", "-e", "-c"].map(OsString::from).into_iter();
        let directory = directory.map_or(site.project.clone(), |path| site.project.join(path));
        if !directory.is_dir() {
            let message = format!("its directory {} is not there", directory.display());
            return Err(Fault::refused(message));
        }
        Ok(Command {
            argv: argv.chain([script.into()]).collect(),
            environment,
            directory,
            token: token.to_string(),
            timeout: step.timeout,
            grace: GRACE,
        })
    }

    fn revealed(&self, value: &Value) -> Result<String, Fault> {
        let secrets = &*self.engine.vault;
        match value {
            Value::Parts(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Literal(literal) => text.push_str(literal),
                        Piece::Secret { name, .. } => {
                            text.push_str(secret::revealed_name(secrets, name)?.expose());
                        }
                        Piece::Later(path) => {
                            return Err(Fault::refused(format!("`{path}` is not known")));
                        }
                    }
                }
                Ok(text)
            }
            other => Ok(other.as_text().unwrap_or_default().to_owned()),
        }
    }
}

/// The variable through which a script with secrets reaches the shell.
const SCRIPT: &str = "WINDLASS_SCRIPT";

async fn run(command: &Command, log: &StepLog) -> Result<(), Fault> {
    let mut lines = Lines::new(log);
    let exit = child::run(command, &mut |chunk| lines.push(chunk)).await;
    let last = lines.finish();
    match exit {
        Ok(exit) if exit.is_success() => Ok(()),
        Ok(Exit::TimedOut) => Err(no_end_within(command.timeout.unwrap_or_default()).details(last)),
        Ok(exit) => Err(Fault::refused(exit.to_string()).details(last)),
        Err(error) => Err(Fault::broken(format!("the shell cannot be started: {error}"))),
    }
}

/// The fault of a step whose time was up.
pub(super) fn no_end_within(limit: Duration) -> Fault {
    Fault::refused(format!("no end within {}", language::Duration(limit).words()))
        .help("raise its `timeout`, or see its log")
}

/// Output cut into lines.
struct Lines<'l> {
    log: &'l StepLog,
    partial: Vec<u8>,
    last: std::collections::VecDeque<String>,
}

/// A line that never ends is cut, but not where a secret may have begun.
const LONGEST_LINE: usize = 64 * 1024;
const LONGEST_SECRET: usize = 16 * 1024;

impl<'l> Lines<'l> {
    fn new(log: &'l StepLog) -> Self {
        Self { log, partial: Vec::new(), last: std::collections::VecDeque::new() }
    }

    fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.partial.extend(&rest[..at]);
            self.line();
            rest = &rest[at + 1..];
        }
        self.partial.extend(rest);
        if self.partial.len() > LONGEST_LINE {
            self.piece();
        }
    }

    /// Shows what there is of a long line, with its secrets covered, but for the end: the other half of
    /// a secret may be on its way.
    fn piece(&mut self) {
        let mut text = self.log.masked(&String::from_utf8_lossy(&self.partial));
        let end = text.floor_char_boundary(text.len().saturating_sub(LONGEST_SECRET));
        let rest = text.split_off(end);
        self.partial = text.into_bytes();
        self.line();
        self.partial = rest.into_bytes();
    }

    fn line(&mut self) {
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&bytes);
        // What a terminal would show: the text after the last return to the line's start.
        let text = text.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        self.log.line(text);
        if self.last.len() == LAST_WORDS {
            self.last.pop_front();
        }
        self.last.push_back(text.to_owned());
    }

    fn finish(mut self) -> Vec<String> {
        if !self.partial.is_empty() {
            self.line();
        }
        self.last.into()
    }
}
