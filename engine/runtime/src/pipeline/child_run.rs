//! A stack that a step applies or destroys: planned when the step starts, as a run of its own.
//!
//! It must not ask anybody: what a plan refuses fails the step.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::Fault;
use model::context::Progress;
use model::event::Ending;
use model::ledger::{StepId, Steps};
use model::plan::{Step, Work};

use super::Tasks;
use crate::engine::{ApplyOptions, PlanRequest, Problem, Report};
use crate::lease::Terms;
use crate::log::StepLog;
use crate::project::FileType;
use crate::store::{RunId, RunOutcome};
use crate::walk::Observer;

/// How long a step waits for another run of its stack.
const PATIENCE: Duration = Duration::from_mins(10);

impl Tasks {
    pub(super) async fn apply_stack(
        &self,
        file: &str,
        name: Option<String>,
        parameters: &BTreeMap<String, String>,
        log: &Arc<StepLog>,
    ) -> Result<(), Fault> {
        let file = self.file(file)?;
        let request = PlanRequest { name, given: parameters.clone(), ..PlanRequest::of(file) };
        self.change(&request, false, log).await
    }

    pub(super) async fn destroy_stack(&self, stack: &str, log: &Arc<StepLog>) -> Result<(), Fault> {
        let name = match self.file(stack) {
            Err(_) => stack.to_owned(),
            Ok(file) => self
                .engine
                .with_stack(&file, &BTreeMap::new(), |stack| stack.name.clone())
                .map_err(fault)?,
        };
        self.change(&PlanRequest::destroy(&name), true, log).await
    }

    fn file(&self, named: &str) -> Result<std::path::PathBuf, Fault> {
        let project = &self.engine.project;
        project.locate(named, FileType::Stack, Path::new(&project.root)).ok_or_else(|| {
            Fault::refused(format!("there is no stack file `{named}`"))
                .help("the path is relative to the project's folder")
        })
    }

    /// Boxed, since a run may hold a step that holds a run.
    async fn change(
        &self,
        request: &PlanRequest,
        destroy: bool,
        log: &Arc<StepLog>,
    ) -> Result<(), Fault> {
        let engine = self.engine.clone();
        let options = ApplyOptions {
            terms: Terms { patience: PATIENCE, ..ApplyOptions::default().terms },
            parent: Some(self.run),
            destroy,
            ..ApplyOptions::default()
        };
        let terms = options.terms;
        if let Some(name) = &request.name {
            engine.settle(name, terms).await.map_err(fault)?;
        }
        let plan = engine.plan(request).await.map_err(fault)?.plan;
        let told = Told { log: Arc::clone(log) };
        if plan.is_empty() {
            log.line(&format!("{}: nothing to change, {} resources", plan.stack, plan.unchanged));
            return Ok(());
        }
        let report = engine.apply(plan, None, &options, Arc::new(told), self.stop.clone());
        finished(&report.await.map_err(fault)?)
    }
}

fn finished(report: &Report) -> Result<(), Fault> {
    match (report.outcome, report.first_fault()) {
        (RunOutcome::Done, _) => Ok(()),
        (_, Some((step, why))) => Err(Fault {
            message: format!("{} {}: {}", step.kind, step.address, why.message),
            ..Fault::refused("")
                .help(why.help.clone().unwrap_or_default())
                .details(why.details.clone())
        }),
        _ => Err(Fault::broken(format!("`{}` was stopped", report.subject))),
    }
}

fn fault(problem: Problem) -> Fault {
    let fault = Fault::refused(problem.message());
    match problem.advice() {
        Some(advice) => fault.help(advice),
        None => fault,
    }
}

/// Tells the log of the step what the run within it does.
struct Told {
    log: Arc<StepLog>,
}

impl Observer for Told {
    fn waiting(&self, holder: &str) {
        self.log.status(&format!("waits for {holder}"));
    }

    fn began(&self, run: RunId, subject: &str, steps: &Arc<Steps>) {
        self.log.line(&format!("{subject}: run {run}, {} steps", steps.all().len()));
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

    fn retrying(&self, _: StepId, step: &Step, fault: &Fault, pause: Duration) {
        self.log.line(&format!("{}: {fault}; again in {} ms", step.name, pause.as_millis()));
    }

    fn ended(&self, _: StepId, step: &Step, ending: &Ending, _: u64) {
        if matches!(step.work, Work::Outputs(_) | Work::Join) {
            return;
        }
        let text = match ending {
            Ending::Done { what, .. } => format!("{what:?}").to_lowercase(),
            Ending::Failed { fault } | Ending::Errored { fault } => fault.message.clone(),
            Ending::Blocked { by } => format!("not started, since {by} was not done"),
            Ending::Skipped => "skipped".to_owned(),
            Ending::Lost => "had not happened".to_owned(),
        };
        self.log.line(&format!("{} {text}", step.name));
    }
}
