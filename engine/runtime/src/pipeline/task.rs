//! The effects of a run of a pipeline: a step is begun, tried again, and found after a crash.
//!
//! What a step does stands in a file of its own, one for each word that a step may have. It must not know
//! the order of steps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use child::sweep;
use model::context::Progress;
use model::event::{Ending, Outcome};
use model::fault::Nature;
use model::file::pipeline::{Task, TaskWork};
use model::ledger::Steps;
use model::plan::{Step, Work};
use model::registry::BoxFuture;
use model::{Fault, Token};
use tokio::sync::watch;

use super::gate::Held;
use super::trace::{Seen, Trace};
use crate::engine::{ActRequest, Engine};
use crate::log::{Logs, StepLog};
use crate::store::{Cause, RunId};
use crate::walk::{Done, Effects, Live, Prepared, Stop};

/// How long a command may take to end once it is told to.
pub const GRACE: Duration = Duration::from_secs(10);

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
    /// What the run was started for; empty for a person.
    pub cause: Cause,
    /// Where output is kept.
    pub logs: Arc<Logs>,
    /// What became of commands, for a later life of this run.
    pub trace: Trace,
    /// All steps, for gates: they ask about what lies behind them.
    pub steps: Arc<Steps>,
    /// Gates at which the walk stopped.
    pub held: Mutex<Vec<Held>>,
    /// Steps that failed so far.
    pub failed: Mutex<Vec<String>>,
    /// Ctrl-C, for runs within this one.
    pub stop: watch::Receiver<Stop>,
}

/// A step at work.
#[derive(Clone, Copy)]
pub(super) struct Doing<'d> {
    /// What it does.
    pub(super) task: &'d Task,
    /// Its name, and how long it may take.
    pub(super) step: &'d Step,
    /// What everything that it starts carries.
    pub(super) token: &'d Token,
    /// Where it says what it does.
    pub(super) log: &'d Arc<StepLog>,
}

/// Names the effect of a step: whatever it starts carries this, also when the engine is dead.
pub fn token(origin: &str, pipeline: &str, step: &str, run: RunId) -> Token {
    Token::of(origin, pipeline, step, run.0)
}

const SUCCEEDED: Done = Done { what: Outcome::Succeeded, state: Vec::new() };

impl Effects for Tasks {
    fn prepare(&self, step: &Step) -> Result<Prepared, Fault> {
        let token = token(&self.origin, &self.pipeline, step.name.as_str(), self.run);
        let quiet = Prepared::of(token);
        match &step.work {
            Work::Task(task) => match &task.does {
                TaskWork::Gate(gate) => self.at_gate(step, gate, quiet),
                _ => Ok(quiet),
            },
            _ => Ok(quiet),
        }
    }

    /// After a crash the trace tells what became of a command. Of one that was cut off nobody knows how
    /// far it came: what is left of it is ended, and only a step that says that it may be run again is.
    /// Others find out by themselves.
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
                Work::Task(task) if !task.idempotent && !task.does.may_begin_again() => {
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
            let doing = Doing { task, step, token: &prepared.token, log: &log };
            if task.does.may_begin_again() {
                return self.perform(doing).await.map(|()| SUCCEEDED);
            }
            self.trace.begun(step.name.as_str()).map_err(|error| {
                Fault::broken(format!("its beginning cannot be noted: {error}"))
            })?;
            let result = self.perform(doing).await;
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

    fn ended(&self, step: &Step, ending: &Ending) {
        if ending.fault().is_some() && !self.failed().iter().any(|name| name == step.name.as_str())
        {
            self.failed().push(step.name.to_string());
        }
    }

    fn shown(&self, fault: Fault) -> Fault {
        self.engine.sealing().masked_fault(fault)
    }
}

impl Tasks {
    pub(super) fn failed(&self) -> MutexGuard<'_, Vec<String>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A step that fails is tried again as often as its file says; one that cannot run is not, nor one that
    /// would end the same.
    async fn perform(&self, doing: Doing<'_>) -> Result<(), Fault> {
        let mut attempt = 0;
        loop {
            match self.attempt(doing).await {
                Err(fault) if attempt < doing.task.retry && fault.nature == Nature::Refused => {
                    attempt += 1;
                    let line = format!("— {}; attempt {} follows", fault.message, attempt + 1);
                    doing.log.line(&line);
                }
                Err(fault) if attempt < doing.task.retry && fault.nature == Nature::Futile => {
                    doing.log.line("— no attempt follows: it would end the same");
                    return Err(fault);
                }
                result => return result,
            }
        }
    }

    /// One line for each word: what it means stands in its file.
    async fn attempt(&self, doing: Doing<'_>) -> Result<(), Fault> {
        self.take_artifacts(&doing.task.takes).await?;
        match &doing.task.does {
            TaskWork::Run(run) => self.run_commands(run, doing).await,
            TaskWork::Apply { file, name, parameters } => {
                self.apply_stack(file, name.clone(), parameters, doing).await
            }
            TaskWork::Destroy { stack } => self.destroy_stack(stack, doing).await,
            TaskWork::Act { stack, resource, verb, args } => {
                let (stack, resource) = (stack.clone(), resource.clone());
                let (verb, args) = (verb.clone(), args.clone());
                self.act(&ActRequest { stack, resource, verb, args }, doing).await
            }
            TaskWork::Cutover(cutover) => self.cut_over(cutover, doing).await,
            TaskWork::Rollback { stack } => self.go_back(stack, doing).await,
            TaskWork::Probe(probe) => self.probe(probe, doing).await,
            TaskWork::Notify(notify) => self.notify(notify, doing).await,
            TaskWork::Gate(_) => self.pass_gate(doing),
        }
    }
}

/// The fault of a step whose time was up.
pub(super) fn no_end_within(limit: Duration) -> Fault {
    Fault::refused(format!("no end within {}", language::Duration(limit).words()))
        .help("raise its `timeout`, or see its log")
}
