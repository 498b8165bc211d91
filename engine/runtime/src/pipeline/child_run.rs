//! A stack that a step applies or destroys: planned when the step starts, as a run of its own.
//!
//! It must not ask anybody: what a plan refuses fails the step.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use language::render::{Renderer, render};
use model::context::Progress;
use model::event::Ending;
use model::fault::Nature;
use model::ledger::{StepId, Steps};
use model::plan::{Plan, Step, Work};
use model::{Fault, Tree, Value};
use tokio::sync::watch;
use tokio::time::sleep;

use super::Tasks;
use super::task::{Doing, no_end_within};
use crate::engine::{ApplyOptions, PlanRequest, Problem, Report, Wrong};
use crate::lease::Terms;
use crate::log::StepLog;
use crate::project::FileType;
use crate::store::{RunId, RunOutcome};
use crate::walk::{Observer, Stop};

/// How long a step waits for another run of its stack.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);

impl Tasks {
    pub(super) async fn apply_stack(
        &self,
        file: &str,
        name: Option<String>,
        parameters: &Tree,
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        let request = self.request(file, name, parameters)?;
        self.change(&request, false, doing).await
    }

    /// What is asked of the planner for a stack with its parameters.
    pub(super) fn request(
        &self,
        file: &str,
        name: Option<String>,
        parameters: &Tree,
    ) -> Result<PlanRequest, Fault> {
        let file = self.file(file)?;
        // A secret goes on as its handle: its text is put in where it is used, and nowhere before.
        let text = |(name, value): (&String, &Value)| {
            value.as_text().map(|text| (name.clone(), text.to_owned()))
        };
        let given = parameters.iter().filter_map(text).collect();
        let mut secrets = parameters.clone();
        secrets.retain(|_, value| value.as_text().is_none());
        Ok(PlanRequest { name, given, secrets, ..PlanRequest::of(file) })
    }

    pub(super) async fn destroy_stack(&self, stack: &str, doing: Doing<'_>) -> Result<(), Fault> {
        let name = match self.file(stack) {
            Err(_) => stack.to_owned(),
            Ok(file) => self
                .engine
                .with_stack(&file, &BTreeMap::new(), |stack| stack.name.clone())
                .map_err(fault)?,
        };
        self.change(&PlanRequest::destroy(&name), true, doing).await
    }

    pub(super) fn file(&self, named: &str) -> Result<std::path::PathBuf, Fault> {
        let project = &self.engine.project;
        project.locate(named, FileType::Stack, Path::new(&project.root)).ok_or_else(|| {
            Fault::futile(format!("there is no stack file `{named}`"))
                .help("the path is relative to the project's folder")
        })
    }

    pub(super) async fn change(
        &self,
        request: &PlanRequest,
        destroy: bool,
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        self.change_if(request, destroy, doing, |_| Ok(())).await
    }

    /// The same, if a plan is fit.
    pub(super) async fn change_if(
        &self,
        request: &PlanRequest,
        destroy: bool,
        doing: Doing<'_>,
        is_fit: impl Fn(&Plan) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let change = |stop| self.change_until(request, destroy, stop, doing.log, is_fit);
        self.within(doing, change).await
    }

    /// Does a run within this step: it is told to stop when this one is, or when its time is up.
    pub(super) async fn within<W: Future<Output = Result<(), Fault>>>(
        &self,
        doing: Doing<'_>,
        work: impl FnOnce(watch::Receiver<Stop>) -> W,
    ) -> Result<(), Fault> {
        let Doing { step: Step { timeout, .. }, .. } = doing;
        let (sender, stop) = watch::channel(*self.stop.borrow());
        let mut work = pin!(work(stop));
        let mut asked = self.stop.clone();
        let mut time = pin!(sleep(timeout.unwrap_or(Duration::MAX)));
        let mut late = false;
        loop {
            tokio::select! {
                result = &mut work => match (late, timeout) {
                    (true, Some(limit)) => return Err(no_end_within(*limit)),
                    _ => return result,
                },
                Ok(()) = asked.changed() => {
                    sender.send_replace(*asked.borrow_and_update());
                }
                // Everything is left as it is, for the next run to settle.
                () = &mut time, if !late => {
                    late = true;
                    sender.send_replace(Stop::Now);
                }
            }
        }
    }

    /// Plans and applies. Where the world is not what the plan saw by then, once more: nobody has read that
    /// plan, and what it found otherwise was left alone.
    async fn change_until(
        &self,
        request: &PlanRequest,
        destroy: bool,
        stop: watch::Receiver<Stop>,
        log: &Arc<StepLog>,
        is_fit: impl Fn(&Plan) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let engine = self.engine.clone();
        let options = ApplyOptions {
            terms: Terms { patience: PATIENCE, ..ApplyOptions::default().terms },
            parent: Some(self.run),
            destroy,
            ..ApplyOptions::default()
        };
        let mut once_more = true;
        loop {
            let told = Told::new(log);
            let planned = engine.plan(request).await.map_err(fault)?;
            let waiting = |holder: &str| told.waiting(holder);
            let plan = engine.plan_in_turn(request, planned, options.terms, waiting).await;
            let (plan, _) = plan.map_err(fault)?;
            if plan.is_empty() {
                let unchanged = plan.unchanged;
                log.line(&format!("{}: nothing to change, {unchanged} resources", plan.stack));
                return Ok(());
            }
            is_fit(&plan)?;
            // Boxed, since a run may hold a step that holds a run.
            let report = Box::pin(engine.apply(plan, None, &options, Arc::new(told), stop.clone()));
            let report = report.await.map_err(fault)?;
            match report.first_fault() {
                Some((step, why)) if once_more && why.nature == Nature::Stale => {
                    let (address, why) = (&step.address, &why.message);
                    log.line(&format!("{address} {why}; so it is planned once more"));
                    once_more = false;
                }
                _ => return finished(&report),
            }
        }
    }
}

pub(super) fn finished(report: &Report) -> Result<(), Fault> {
    match (report.outcome, report.first_fault()) {
        (RunOutcome::Done, _) => Ok(()),
        (_, Some((step, why))) => Err(Fault {
            message: format!("{} {}: {}", step.kind, step.address, why.message),
            nature: if why.nature == Nature::Futile { Nature::Futile } else { Nature::Refused },
            ..why.clone()
        }),
        _ => Err(Fault::broken(format!("`{}` was stopped", report.subject))),
    }
}

pub(super) fn fault(problem: Problem) -> Fault {
    if let Problem::Files(wrong) = problem {
        let Wrong { diagnostics, sources } = *wrong;
        let text = render(diagnostics, &sources, &Renderer::plain());
        return Fault::futile("the stack's file is wrong").details(text.lines().map(str::to_owned));
    }
    let fault = match problem {
        Problem::Usage { .. } => Fault::futile(problem.message()),
        _ => Fault::refused(problem.message()),
    };
    match problem.advice() {
        Some(advice) => fault.help(advice),
        None => fault,
    }
}

/// Tells the log of the step what the run within it does.
pub(super) struct Told {
    log: Arc<StepLog>,
    /// Those of the run within it.
    steps: OnceLock<Arc<Steps>>,
}

impl Told {
    pub(super) fn new(log: &Arc<StepLog>) -> Self {
        Self { log: Arc::clone(log), steps: OnceLock::new() }
    }
}

impl Observer for Told {
    fn waiting(&self, holder: &str) {
        self.log.status(&format!("waits for {holder}"));
    }

    fn began(&self, run: RunId, subject: &str, steps: &Arc<Steps>) {
        let quiet = |step: &&Step| matches!(step.work, Work::Outputs(_) | Work::Join);
        let count = steps.all().iter().filter(|step| !quiet(step)).count();
        let word = if count == 1 { "step" } else { "steps" };
        self.log.line(&format!("{subject}: run {run}, {count} {word}"));
        _ = self.steps.set(Arc::clone(steps));
    }

    fn running(&self, _: StepId, step: &Step) {
        self.log.status(step.name.as_str());
    }

    fn status(&self, _: StepId, text: &str) {
        self.log.status(text);
    }

    fn line(&self, _: StepId, text: &str) {
        self.log.line(text);
    }

    fn came_of_it(&self, id: StepId, text: &str) {
        let step = self.steps.get().and_then(|steps| steps.all().get(id));
        self.log.came_of(step.map(|step| step.name.as_str()), text);
    }

    fn retrying(&self, _: StepId, step: &Step, fault: &Fault, pause: Duration) {
        let pause = language::Duration(pause).words();
        self.log.line(&format!("{}: {fault}; again in {pause}", step.name));
    }

    fn ended(&self, _: StepId, step: &Step, ending: &Ending, _: u64) {
        if matches!(step.work, Work::Outputs(_) | Work::Join) {
            return;
        }
        let text = match ending {
            Ending::Done { what, .. } => what.word().to_owned(),
            Ending::Failed { fault } | Ending::Errored { fault } => fault.message.clone(),
            Ending::Blocked { by } => format!("not started, since {by} was not done"),
            Ending::Skipped => "skipped".to_owned(),
            Ending::Lost => "had not happened".to_owned(),
        };
        self.log.line(&format!("{} {text}", step.name));
    }
}
