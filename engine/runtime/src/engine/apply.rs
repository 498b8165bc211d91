//! Applying a plan: the lease, what a dead run left in doubt, the walk, the report.
//!
//! It must not plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::Fault;
use model::event::{Ending, Outcome};
use model::ledger::{Ledger, Status, Steps};
use model::plan::{Action, Plan, Refusal, Saved, Work};
use tokio::sync::watch;

use super::{Engine, PlanRequest, Planned, Problem};
use crate::apply::{Applying, Ground, RecoverError, Recovered, recover};
use crate::lease::{HeldLease, LeaseError, Terms, acquire, described};
use crate::log::Logs;
use crate::pipeline::Held;
use crate::store::{ACTION, GROUP, NewRun, PIPELINE, Run, RunId, RunKind, RunOutcome, StoreError};
use crate::walk::{Journal, Limits, Observer, Stop, Walk, walk};

/// How a plan is applied.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// The lease.
    pub terms: Terms,
    /// Effects at work at once.
    pub running: usize,
    /// How much may be deleted without asking.
    pub budget: Budget,
    /// The run that this is a step of.
    pub parent: Option<RunId>,
    /// Everything of the stack is to go: the budget does not apply.
    pub destroy: bool,
}

/// How much one run may delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// At most 30 % of a stack of four resources or more, and never all of a stack.
    Cautious,
    /// At most so many.
    AtMost(usize),
    /// As much as the plan says.
    Everything,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run; None: there was nothing to do.
    pub run: Option<RunId>,
    /// The stack or pipeline.
    pub subject: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Steps that were done, by what they did.
    pub done: Vec<(Outcome, usize)>,
    /// Steps that were not done, in their order.
    pub troubles: Vec<StepReport>,
    /// Gates that wait for a person.
    pub held: Vec<Held>,
    /// In milliseconds.
    pub took: u64,
}

/// A step that was not done.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// Its address.
    pub address: String,
    /// The name of its kind, or of what it does in a pipeline.
    pub kind: String,
    /// How it ended; None: it was not begun, or was left when the run was stopped.
    pub ending: Option<Ending>,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            terms: Terms { lasts: Duration::from_secs(30), patience: Duration::ZERO },
            running: 64,
            budget: Budget::Cautious,
            parent: None,
            destroy: false,
        }
    }
}

impl Budget {
    /// Returns how much of what there is a plan destroys: what it deletes, and what it replaces.
    pub fn spent(plan: &Plan) -> usize {
        plan.count(|action| matches!(action, Action::Delete | Action::Replace { .. }))
    }

    /// Returns why a plan destroys too much.
    pub fn exceeded(self, plan: &Plan) -> Option<String> {
        let deletes = plan.count(|action| action == Action::Delete);
        let going = Self::spent(plan);
        let why = |bound: String| {
            format!("it would destroy {going} of {} resources, and {bound}", plan.known)
        };
        match self {
            Self::AtMost(most) => (going > most).then(|| why(format!("at most {most} may go"))),
            Self::Cautious if deletes > 0 && deletes == plan.known => {
                Some(why("that is everything".to_owned()))
            }
            Self::Cautious if plan.known >= 4 && going * 10 > plan.known * 3 => {
                Some(why("more than 30 % is not done unasked".to_owned()))
            }
            Self::Cautious | Self::Everything => None,
        }
    }
}

/// What settling brought to light.
#[derive(Debug, Default)]
pub struct Settled {
    /// Runs whose process ended without a word.
    pub abandoned: Vec<Run>,
    /// What became of their effects in doubt.
    pub recovered: Vec<Recovered>,
}

impl Engine {
    /// Settles what a dead run of a stack left, if one did: to be called before planning. Who is
    /// running now is left in peace.
    pub async fn settle(
        &self,
        stack: &str,
        terms: Terms,
        waiting: impl Fn(&str),
    ) -> Result<Settled, Problem> {
        if self.store.doubts(stack)?.is_empty() && self.store.unended(stack)?.is_empty() {
            return Ok(Settled::default());
        }
        let terms = Terms { patience: Duration::ZERO, ..terms };
        let held = match self.lease(stack, "recovery", terms, |_| {}).await {
            Ok(held) => held,
            // It is not dead, only not finished: its own apply settles what it leaves.
            Err(Problem::Refused { .. }) => return Ok(Settled::default()),
            Err(other) => return Err(other),
        };
        let settled = self.settle_with(stack, &held, waiting).await;
        held.release().await;
        settled
    }

    pub(super) async fn settle_with(
        &self,
        stack: &str,
        held: &HeldLease,
        waiting: impl Fn(&str),
    ) -> Result<Settled, Problem> {
        let abandoned = self.store.unended(stack)?;
        for run in &abandoned {
            self.store.finish(run.id, RunOutcome::Abandoned, self.now()).await?;
        }
        let doubts = self.store.doubts(stack)?;
        if doubts.is_empty() {
            return Ok(Settled { abandoned, recovered: Vec::new() });
        }
        let steps = match doubts.len() {
            1 => "1 step".to_owned(),
            count => format!("{count} steps"),
        };
        waiting(&format!("word of what an earlier run left in doubt ({steps})"));
        let run = self.begin(RunKind::Apply, stack, None, None).await?;
        let applying = Arc::new(self.applying(stack, run)?);
        let recovered = recover(&applying, &held.lease).await;
        let outcome = if recovered.is_ok() { RunOutcome::Done } else { RunOutcome::Failed };
        self.store.finish(run, outcome, self.now()).await?;
        let recovered = recovered.map_err(|error| match error {
            RecoverError::Store(error) => Problem::Store(error),
            RecoverError::Unknown { step, fault } => Problem::Failed(Fault {
                message: format!(
                    "cannot find out whether an earlier run changed {step}: {}",
                    fault.message
                ),
                ..fault
            }),
        })?;
        Ok(Settled { abandoned, recovered })
    }

    /// Makes a plan count: it is made again if somebody else was at work or something had to be settled
    /// since. Who waits later, with a plan in hand, finds that it is stale by then.
    pub async fn plan_in_turn(
        &self,
        request: &PlanRequest,
        planned: Planned,
        terms: Terms,
        waiting: impl Fn(&str),
    ) -> Result<(Plan, Settled), Problem> {
        let stack = &planned.plan.stack;
        let waited = !terms.patience.is_zero() && self.turn(stack, terms, &waiting).await?;
        let settled = self.settle(stack, terms, &waiting).await?;
        let plan = match !waited && settled.abandoned.is_empty() && settled.recovered.is_empty() {
            true => planned.plan,
            false => self.plan(request).await?.plan,
        };
        Ok((plan, settled))
    }

    /// Waits until nobody changes a stack, as long as the terms allow, and returns whether it had to.
    pub async fn turn(
        &self,
        stack: &str,
        terms: Terms,
        waiting: impl Fn(&str),
    ) -> Result<bool, Problem> {
        let waited = AtomicBool::new(false);
        let told = |holder: &str| {
            waited.store(true, Ordering::Relaxed);
            waiting(holder);
        };
        self.lease(stack, "apply", terms, told).await?.release().await;
        Ok(waited.into_inner())
    }

    /// Applies a plan. `id` is the name under which it was saved: such a plan runs once.
    pub async fn apply(
        &self,
        plan: Plan,
        id: Option<String>,
        options: &ApplyOptions,
        observer: Arc<dyn Observer>,
        stop: watch::Receiver<Stop>,
    ) -> Result<Report, Problem> {
        self.permitted(&plan, options)?;
        if plan.is_empty() {
            return Ok(Report::nothing(&plan.stack));
        }
        let what = if options.destroy { "destroy" } else { "apply" };
        let waiting = |holder: &str| observer.waiting(holder);
        let held = self.lease(&plan.stack, what, options.terms, waiting).await?;
        let report = self.apply_with(plan, id, options, &held, observer, stop).await;
        held.release().await;
        report
    }

    async fn apply_with(
        &self,
        plan: Plan,
        id: Option<String>,
        options: &ApplyOptions,
        held: &HeldLease,
        observer: Arc<dyn Observer>,
        stop: watch::Receiver<Stop>,
    ) -> Result<Report, Problem> {
        self.settle_with(&plan.stack, held, |what| observer.waiting(what)).await?;
        let kind = if options.destroy { RunKind::Destroy } else { RunKind::Apply };
        let began = self.now();
        let run = self.begin(kind, &plan.stack, options.parent, id).await?;
        let stack = plan.stack;
        let mut effects = self.applying(&stack, run)?;
        effects.lists = plan.lists;
        let steps = steps(plan.steps)?;
        observer.began(run, &stack, &steps);
        let walked = walk(Walk {
            steps: Arc::clone(&steps),
            journal: self.journal(run, held),
            effects: Arc::new(effects),
            limits: Limits { running: options.running, intents: 1_024.max(options.running) },
            observer,
            stop: stop.clone(),
        });
        let ledger = walked.await?;
        let report =
            report(run, &stack, &steps, &ledger, *stop.borrow(), self.now().saturating_sub(began));
        self.store.finish(run, report.outcome, self.now()).await?;
        self.tidy(&stack).await;
        Ok(report)
    }

    pub(super) fn journal(&self, run: RunId, held: &HeldLease) -> Journal {
        Journal { store: Arc::clone(&self.store), run, lease: held.lease.clone() }
    }

    /// Returns why a plan must not be applied: it touches what is protected, or deletes too much.
    pub fn permitted(&self, plan: &Plan, options: &ApplyOptions) -> Result<(), Problem> {
        if !plan.refused.is_empty() {
            let protected = plan.refused.iter().all(|why| matches!(why, Refusal::Protected { .. }));
            let (message, help) = match protected {
                true => ("the plan touches what is protected", Some(Refusal::UNPROTECT.to_owned())),
                false => ("this plan cannot be applied", None),
            };
            let (message, details) =
                (message.to_owned(), plan.refused.iter().map(ToString::to_string).collect());
            return Err(Problem::Refused { message, help, details });
        }
        match options.budget.exceeded(plan).filter(|_| !options.destroy) {
            Some(why) => Err(Problem::refused(why).help(format!(
                "look at the plan; if it is meant, say so: `--allow-deletes {}`",
                Budget::spent(plan)
            ))),
            None => Ok(()),
        }
    }

    pub(super) async fn lease(
        &self,
        subject: &str,
        what: &str,
        terms: Terms,
        waiting: impl Fn(&str),
    ) -> Result<HeldLease, Problem> {
        let (store, clock) = (&self.store, &self.site.clock);
        let told = |holder: &crate::store::Holder| waiting(&described(holder));
        match acquire(store, clock, subject, what, terms, told).await {
            Ok(held) => Ok(held),
            Err(LeaseError::Store(error)) => Err(Problem::Store(error)),
            Err(LeaseError::HeldBy(holder)) => {
                let who = described(&holder);
                let pipeline = subject.strip_prefix(PIPELINE);
                let message = match (pipeline, subject.strip_prefix(ACTION)) {
                    (Some(name), _) => format!("the pipeline `{name}` runs already: {who}"),
                    (_, Some(name)) => format!("{name} is at work already: {who}"),
                    _ if subject.starts_with(GROUP) => {
                        format!("a pipeline of the {subject} runs already: {who}")
                    }
                    _ => format!("`{subject}` is being changed by another run: {who}"),
                };
                let help = match what {
                    _ if subject.starts_with(ACTION) => "wait for it: `--wait 10m`",
                    "apply" | "destroy" | "run" => "wait for it: `--wait 10m`",
                    _ => "try again when it has ended",
                };
                Err(Problem::refused(message).help(help))
            }
        }
    }

    pub(super) async fn begin(
        &self,
        kind: RunKind,
        subject: &str,
        parent: Option<RunId>,
        plan_id: Option<String>,
    ) -> Result<RunId, StoreError> {
        self.store.begin(NewRun { plan_id, ..self.new_run(kind, subject, parent) }).await
    }

    pub(super) fn new_run(&self, kind: RunKind, subject: &str, parent: Option<RunId>) -> NewRun {
        let mut nonce = [0; 8];
        self.site.random.fill(&mut nonce);
        NewRun {
            kind,
            subject: subject.to_owned(),
            parent,
            plan_id: None,
            plan: None,
            nonce: nonce.iter().map(|byte| format!("{byte:02x}")).collect(),
            expects: None,
            again: None,
            cause: None,
            events: Vec::new(),
            now: self.now(),
        }
    }

    /// Returns what the tokens of a run begin with: the same when it is gone on with.
    pub(super) fn origin(&self, run: RunId) -> Result<String, StoreError> {
        let nonce = self.store.run(run)?.map(|run| run.nonce).unwrap_or_default();
        Ok(format!("{}{nonce}", self.store.project()))
    }

    fn applying(&self, stack: &str, run: RunId) -> Result<Applying, StoreError> {
        let logs = Logs::new(&self.project.home, run, Arc::clone(&self.site.clock));
        let ground = Ground {
            store: Arc::clone(&self.store),
            kinds: Arc::clone(&self.kinds),
            site: Arc::clone(&self.site),
            sealing: self.sealing(),
            logs: Arc::new(logs),
        };
        Ok(Applying::new(stack, run, self.origin(run)?, ground))
    }
}

/// Opens a saved plan.
pub fn open_plan(text: &str) -> Result<Saved, Problem> {
    Saved::open(text)
        .map_err(|why| Problem::refused(why).help("make it again: windlass plan -o FILE"))
}

pub(super) fn steps(steps: Vec<model::plan::Step>) -> Result<Arc<Steps>, Problem> {
    let steps = Steps::new(steps);
    let steps = steps.map_err(|why| Problem::failed(format!("the plan is damaged: {why}")))?;
    Ok(Arc::new(steps))
}

pub(super) fn report(
    run: RunId,
    subject: &str,
    steps: &Steps,
    ledger: &Ledger,
    stop: Stop,
    took: u64,
) -> Report {
    let mut done: Vec<(Outcome, usize)> = Vec::new();
    let mut troubles = Vec::new();
    let mut complete = true;
    for (id, step) in steps.all().iter().enumerate() {
        let status = ledger.status(id);
        let quiet = matches!(step.work, Work::Join | Work::Outputs(_));
        match status {
            Status::Ended(Ending::Done { what, .. }) if quiet => _ = what,
            Status::Ended(Ending::Done { what, .. }) => {
                match done.iter_mut().find(|(other, _)| other == what) {
                    Some((_, count)) => *count += 1,
                    None => done.push((*what, 1)),
                }
            }
            Status::Ended(Ending::Skipped) => {}
            _ if quiet && fault(status).is_none() => complete = false,
            Status::Ended(ending) => {
                complete = false;
                troubles.push(trouble(step, Some(ending.clone())));
            }
            Status::Waiting | Status::Started => {
                complete = false;
                troubles.push(trouble(step, None));
            }
        }
    }
    let outcome = match (complete, stop) {
        (true, _) => RunOutcome::Done,
        (false, Stop::No) => RunOutcome::Failed,
        (false, _) => RunOutcome::Stopped,
    };
    let (run, subject, held) = (Some(run), subject.to_owned(), Vec::new());
    Report { run, subject, outcome, done, troubles, held, took }
}

fn fault(status: &Status) -> Option<&Fault> {
    match status {
        Status::Ended(ending) => ending.fault(),
        Status::Waiting | Status::Started => None,
    }
}

fn trouble(step: &model::plan::Step, ending: Option<Ending>) -> StepReport {
    let kind = match &step.work {
        Work::Put(put) => put.want.kind.clone(),
        Work::Task(task) => task.does.word().to_owned(),
        _ => String::new(),
    };
    StepReport { address: step.name.to_string(), kind, ending }
}

impl Report {
    fn nothing(stack: &str) -> Self {
        Self {
            run: None,
            subject: stack.to_owned(),
            outcome: RunOutcome::Done,
            done: Vec::new(),
            troubles: Vec::new(),
            held: Vec::new(),
            took: 0,
        }
    }

    /// Returns the report of a run that goes on when a person says so: what lies behind its gates is no
    /// trouble.
    pub(super) fn held(mut self, held: Vec<Held>) -> Self {
        if self.outcome == RunOutcome::Failed && !held.is_empty() {
            self.outcome = RunOutcome::Waiting;
            self.troubles.retain(|trouble| trouble.ending.is_some());
            self.held = held;
        }
        self
    }

    /// Returns how many steps did this.
    pub fn count(&self, what: Outcome) -> usize {
        self.done.iter().find(|(other, _)| *other == what).map_or(0, |(_, count)| *count)
    }

    /// Returns the first reason why it was not done.
    pub fn first_fault(&self) -> Option<(&StepReport, &Fault)> {
        self.troubles.iter().find_map(|trouble| Some((trouble, trouble.ending.as_ref()?.fault()?)))
    }
}
