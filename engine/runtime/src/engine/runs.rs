//! Runs of pipelines, and what is remembered of all runs.
//!
//! It must not know what steps do.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use language::suggest;
use model::event::{Decision, Ending, Event, LogRange, Question};
use model::plan::Step;
use reports::{Results, Source, merge};
use tokio::sync::watch;

use super::apply::{report, steps};
use super::{ApplyOptions, Engine, Loaded, Problem, Report, Wrong};
use crate::annotations::Annotation;
use crate::lease::{HeldLease, is_held};
use crate::log::{Line, Logs, Reading, folder, read};
use crate::parameters::{Given, NONE, Outside};
use crate::pipeline::given;
use crate::pipeline::{Again, GRACE, NotAgain, Tasks, Told, Trace, cut_off, kept, load, token};
use crate::project::FileType;
use crate::store::{Cause, GROUP, NewRun, Run, RunId, RunKind, RunOutcome, StoreError};
use crate::walk::{Limits, Observer, Stop, Walk, walk};

/// What a run of a pipeline is asked for.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// The pipeline file, relative to the project.
    pub file: PathBuf,
    /// Parameters.
    pub given: Given,
    /// What of it.
    pub course: Course,
    /// What it is started for: a run for the same that has not ended is gone on with, and one that
    /// has ended is not begun again.
    pub cause: Option<Box<Cause>>,
}

/// What of a pipeline is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// All of it.
    Whole,
    /// What the last run left, if its process is gone: that run goes on.
    Resume,
    /// A part of an earlier run, in a new one.
    Again {
        /// Which part.
        part: Again,
        /// Of which run; None: of the last one.
        of: Option<RunId>,
    },
}

/// Where a run comes from.
enum Start<'r> {
    /// It begins.
    New(&'r RunRequest),
    /// It began, and goes on: this one, or the newest that can.
    Resume(Option<RunId>),
}

/// One run in full.
#[derive(Clone, Debug)]
pub struct RunDetails {
    /// The run.
    pub run: Run,
    /// Its steps, in the order in which they ended or began.
    pub steps: Vec<StepDetails>,
}

/// What is remembered of one step of a run.
#[derive(Clone, Debug)]
pub struct StepDetails {
    /// The step.
    pub step: String,
    /// How it ended; None: it began, and nobody knows.
    pub ending: Option<Ending>,
    /// In milliseconds.
    pub took: u64,
    /// Where its output is.
    pub log: Option<LogRange>,
    /// Of a gate: what was asked, and what was answered.
    pub asked: (Option<Question>, Option<Decision>),
}

impl Engine {
    /// Runs a pipeline to its end.
    pub async fn run(
        &self,
        request: &RunRequest,
        options: &ApplyOptions,
        observer: Arc<dyn Observer>,
        stop: watch::Receiver<Stop>,
    ) -> Result<Report, Problem> {
        let name = self.pipeline_name(&request.file)?;
        let start = match request.course {
            Course::Resume if request.cause.is_none() => Start::Resume(None),
            _ => Start::New(request),
        };
        self.run_in_turn(start, &name, options, observer, stop).await
    }

    /// Goes on with one run that has not ended: one that was stopped, whose process is gone, or that
    /// waits for a person who has answered.
    pub async fn resume(
        &self,
        run: &Run,
        options: &ApplyOptions,
        observer: Arc<dyn Observer>,
        stop: watch::Receiver<Stop>,
    ) -> Result<Report, Problem> {
        self.run_in_turn(Start::Resume(Some(run.id)), &run.subject, options, observer, stop).await
    }

    async fn run_in_turn(
        &self,
        start: Start<'_>,
        name: &str,
        options: &ApplyOptions,
        observer: Arc<dyn Observer>,
        stop: watch::Receiver<Stop>,
    ) -> Result<Report, Problem> {
        let waiting = |holder: &str| observer.waiting(holder);
        let lease = RunKind::Pipeline.scope(name);
        let held = self.lease(&lease, "run", options.terms, waiting).await?;
        // Always after its own lease, so that no two pipelines wait for each other.
        let group = match self.group(&start, name) {
            None => None,
            Some(group) => {
                let lease = format!("{GROUP}{group}");
                match self.lease(&lease, "run", options.terms, waiting).await {
                    Ok(group) => Some(group),
                    Err(problem) => {
                        held.release().await;
                        return Err(problem);
                    }
                }
            }
        };
        let report = self.run_with(start, name, options, &held, observer, stop).await;
        if let Some(group) = group {
            group.release().await;
        }
        held.release().await;
        report
    }

    /// The group whose runs take turns with this one, as its file says now.
    fn group(&self, start: &Start<'_>, name: &str) -> Option<String> {
        let file = match start {
            Start::New(request) => request.file.clone(),
            Start::Resume(_) => {
                self.project.locate(name, FileType::Pipeline, &self.project.root)?
            }
        };
        let loaded = Loaded::read(&self.project, &file).ok()?;
        let group = loaded.document.root().get("concurrency")?.get("group")?;
        Some(group.scalar()?.text.to_owned())
    }

    async fn run_with(
        &self,
        start: Start<'_>,
        name: &str,
        options: &ApplyOptions,
        held: &HeldLease,
        observer: Arc<dyn Observer>,
        stop: watch::Receiver<Stop>,
    ) -> Result<Report, Problem> {
        let began = self.now();
        let (run, tasks) = self.begin_or_resume(start, name, options, &*observer).await?;
        let steps = steps(tasks)?;
        observer.began(run, name, &steps);
        let logs = Logs::new(&self.project.home, run, Arc::clone(&self.site.clock));
        let effects = Tasks {
            engine: self.clone(),
            pipeline: name.to_owned(),
            run,
            origin: self.origin(run)?,
            cause: self.cause(run)?,
            logs: Arc::new(logs),
            trace: self.trace(run)?,
            steps: Arc::clone(&steps),
            held: Mutex::default(),
            failed: Mutex::default(),
            stop: stop.clone(),
        };
        let effects = Arc::new(effects);
        loop {
            let walked = walk(Walk {
                steps: Arc::clone(&steps),
                journal: self.journal(run, held),
                effects: Arc::clone(&effects),
                limits: Limits { running: options.running, intents: 64.max(options.running) },
                observer: Arc::clone(&observer),
                stop: stop.clone(),
            });
            let (ledger, gates) = (walked.await?, effects.take_held());
            let took = self.now().saturating_sub(began);
            let report = report(run, name, &steps, &ledger, *stop.borrow(), took).held(gates);
            self.leave(&report, run, name).await?;
            // Somebody may have answered while other steps were at work: who answers later finds that
            // the run waits.
            if report.outcome != RunOutcome::Waiting || !effects.is_answered(&report.held)? {
                return Ok(report);
            }
            self.store.wait(run, false).await?;
        }
    }

    /// A run that was stopped, or that waits for a person, keeps what it takes to go on.
    async fn leave(&self, report: &Report, run: RunId, name: &str) -> Result<(), Problem> {
        match report.outcome {
            RunOutcome::Stopped => {}
            RunOutcome::Waiting => self.store.wait(run, true).await?,
            outcome => {
                self.store.finish(run, outcome, self.now()).await?;
                self.tidy(&RunKind::Pipeline.scope(name)).await;
            }
        }
        Ok(())
    }

    fn cause(&self, run: RunId) -> Result<Cause, Problem> {
        let cause = self.store.run(run)?.and_then(|run| run.cause);
        Ok(cause.map(|cause| *cause).unwrap_or_default())
    }

    fn trace(&self, run: RunId) -> Result<Trace, Problem> {
        let folder = folder(&self.project.home, run);
        Trace::open(&folder).map_err(|error| {
            Problem::failed(format!("cannot write to {}: {error}", folder.display()))
        })
    }

    /// An earlier run that has not ended is gone on with, or given up. One that waits for a person is
    /// left to wait: nothing of it is at work.
    async fn begin_or_resume(
        &self,
        start: Start<'_>,
        name: &str,
        options: &ApplyOptions,
        observer: &dyn Observer,
    ) -> Result<(RunId, Vec<Step>), Problem> {
        let unended = self.store.unended(&RunKind::Pipeline.scope(name))?;
        let request = match start {
            Start::Resume(wanted) => return self.take_up(wanted, name, unended).await,
            Start::New(request) => request,
        };
        if let Some(cause) = &request.cause
            && let Some(run) = self.store.run_for(&cause.id)?
        {
            return match run.ended {
                None => self.take_up(Some(run.id), name, unended).await,
                Some(_) => Err(StoreError::CauseUsed { run: run.id }.into()),
            };
        }
        if request.course == Course::Resume {
            return self.take_up(None, name, Vec::new()).await;
        }
        for run in unended.iter().filter(|run| run.outcome != Some(RunOutcome::Waiting)) {
            self.give_up(run, observer).await?;
        }
        self.check_pipeline(&request.file, &request.given)?;
        let begun = match &request.course {
            Course::Again { part, of } => self.begin_again(request, part, *of, name, options).await,
            Course::Whole | Course::Resume => self.begin_pipeline(request, name, options).await,
        };
        let (run, steps) = begun?;
        let document = Loaded::read(&self.project, &request.file)?.document;
        let folder = folder(&self.project.home, run);
        // Where it cannot be kept, it is not compared.
        _ = given::note(&folder, &request.given, &document, &*self.vault);
        Ok((run, steps))
    }

    /// Takes up the run that is wanted, or the newest; one that only waits comes last.
    async fn take_up(
        &self,
        wanted: Option<RunId>,
        name: &str,
        unended: Vec<Run>,
    ) -> Result<(RunId, Vec<Step>), Problem> {
        let meant = unended.into_iter().filter(|run| wanted.is_none_or(|id| run.id == id));
        let run = meant.min_by_key(|run| run.outcome == Some(RunOutcome::Waiting));
        let stored = run.and_then(|run| Some((run.id, serde_json::from_str(&run.plan?).ok()?)));
        match (stored, wanted) {
            (Some((id, steps)), _) => {
                self.store.wait(id, false).await?;
                Ok((id, steps))
            }
            (None, None) => {
                let message = format!("no run of `{name}` can be gone on with");
                Err(Problem::usage(message).help("start a new one without `--resume`"))
            }
            (None, Some(run)) => {
                let message = format!("run {run} of `{name}` cannot be gone on with");
                Err(Problem::usage(message).help(format!("windlass runs show {run}")))
            }
        }
    }

    /// Ends what a run left running, before another does the same beside it.
    async fn give_up(&self, run: &Run, observer: &dyn Observer) -> Result<(), Problem> {
        let origin = self.origin(run.id)?;
        let mut swept = Vec::new();
        for step in cut_off(&folder(&self.project.home, run.id)) {
            let token = token(&origin, &run.subject, &step, run.id);
            let ended = child::sweep(token.as_str(), GRACE).await.map_err(|error| {
                Problem::failed(format!("step {step} of run {} still runs: {error}", run.id))
                    .help("see what keeps it, and end it")
            })?;
            if ended > 0 {
                swept.push(step);
            }
        }
        self.store.finish(run.id, RunOutcome::Abandoned, self.now()).await?;
        observer.gave_up(run, &swept);
        Ok(())
    }

    /// Steps may name the number of their run, which is known once it has begun: another run may take
    /// the one that they were told.
    async fn begin_pipeline(
        &self,
        request: &RunRequest,
        name: &str,
        options: &ApplyOptions,
    ) -> Result<(RunId, Vec<Step>), Problem> {
        loop {
            let next = self.store.runs(None, 1)?.first().map_or(1, |run| run.id.0 + 1);
            let steps = self.pipeline_steps(request, next)?;
            let plan = serde_json::to_string(&steps).ok();
            let new = self.new_run(RunKind::Pipeline, name, options.parent);
            let cause = request.cause.clone();
            let new = NewRun { plan, expects: Some(RunId(next)), cause, ..new };
            match self.store.begin(new).await {
                Err(StoreError::Overtaken) => {}
                began => return Ok((began?, steps)),
            }
        }
    }

    /// What is not done anew ends before the run begins, in one write with it.
    async fn begin_again(
        &self,
        request: &RunRequest,
        again: &Again,
        of: Option<RunId>,
        name: &str,
        options: &ApplyOptions,
    ) -> Result<(RunId, Vec<Step>), Problem> {
        let before = self.repeated(of, name)?;
        at_one_commit(&before, request.cause.as_deref(), name)?;
        self.given_the_same(&before, request, name)?;
        let first = before.again.unwrap_or(before.id);
        let steps = self.pipeline_steps(request, first.0)?;
        let ended = self.run_details(before.id)?.steps;
        let done: HashSet<&str> = ended
            .iter()
            .filter(|step| step.ending.as_ref().is_some_and(Ending::is_done))
            .map(|step| step.step.as_str())
            .collect();
        let ends = again.ends(&steps, |step| done.contains(step));
        let events = ends.map_err(|why| not_again(name, &before, again, why))?;
        let plan = serde_json::to_string(&steps).ok();
        let new = self.new_run(RunKind::Pipeline, name, options.parent);
        let cause = request.cause.clone();
        let new = NewRun { plan, again: Some(first), events, cause, ..new };
        let run = self.store.begin(new).await?;
        Ok((run, steps))
    }

    /// What was done with some parameters does not count with others.
    fn given_the_same(
        &self,
        before: &Run,
        request: &RunRequest,
        name: &str,
    ) -> Result<(), Problem> {
        let document = Loaded::read(&self.project, &request.file)?.document;
        let folder = folder(&self.project.home, before.id);
        let others = given::differing(&folder, &request.given, &document, &*self.vault);
        if others.is_empty() {
            return Ok(());
        }
        let (run, others) = (before.id, suggest::list(others.iter().map(String::as_str)));
        Err(Problem::refused(format!(
            "run {run} was given another {others}: what was done with that is not done with this"
        ))
        .help(format!(
            "give it the same (`--param NAME=VALUE`), or run all of it: `windlass run {name}`"
        )))
    }

    /// The run of which a part is done again.
    fn repeated(&self, of: Option<RunId>, name: &str) -> Result<Run, Problem> {
        let Some(wanted) = of else {
            let newest = self.store.runs_in(&RunKind::Pipeline.scope(name), 1)?.into_iter().next();
            return newest.ok_or_else(|| {
                let message = format!("`{name}` has not run yet, so nothing can be done again");
                Problem::usage(message).help(format!("windlass run {name}"))
            });
        };
        let found = self.store.run(wanted)?;
        match found.filter(|run| run.kind == RunKind::Pipeline && run.subject == name) {
            Some(run) if run.ended.is_some() => Ok(run),
            Some(run) => {
                let message = format!("run {wanted} of `{name}` has not ended");
                let help = match run.outcome {
                    Some(RunOutcome::Waiting) => {
                        format!("answer its gate: windlass approve {wanted}")
                    }
                    _ => format!("windlass run {name} --resume"),
                };
                Err(Problem::refused(message).help(help))
            }
            None => {
                let message =
                    format!("`{name}` has no run {wanted}, so nothing of it can be done again");
                Err(Problem::usage(message).help(format!("`windlass runs {name}` lists its runs")))
            }
        }
    }

    /// Returns the name that a pipeline file gives to its pipeline.
    pub fn pipeline_name(&self, file: &Path) -> Result<String, Problem> {
        let loaded = Loaded::read(&self.project, file)?;
        let name = loaded.document.root().get("pipeline").and_then(language::Node::scalar);
        match name {
            Some(name) => Ok(name.text.to_owned()),
            None if loaded.diagnostics.has_errors() => {
                let Loaded { diagnostics, sources, .. } = loaded;
                Err(Problem::Files(Box::new(Wrong { diagnostics, sources })))
            }
            None => {
                let file = file.display();
                Err(Problem::usage(format!("{file} is no pipeline: it has no `pipeline:`")))
            }
        }
    }

    pub(super) fn pipeline_steps(
        &self,
        request: &RunRequest,
        run: u64,
    ) -> Result<Vec<Step>, Problem> {
        let mut loaded = Loaded::read(&self.project, &request.file)?;
        loaded.refuse_namesakes(&self.project, &request.file, FileType::Pipeline, None);
        let shared = loaded.shared(&self.project);
        let Loaded { sources, document, mut diagnostics } = loaded;
        let vault = &*self.vault;
        let keep = |_: &str, text: &str| vault.keep_parameter(text);
        let (given, project) = (&request.given, &*self.project.root);
        let outside = Outside { given, secrets: NONE, keep: &keep, project, complete: true };
        let told = Told::of(run, request.cause.as_deref());
        match load(&document, &outside, &told, &shared, vault, &mut diagnostics) {
            Some((_, steps)) if !diagnostics.has_errors() => Ok(steps),
            _ => Err(Problem::Files(Box::new(Wrong { diagnostics, sources }))),
        }
    }

    /// Returns whether somebody is at work on a run that has no end; if not, its process is gone.
    pub fn is_at_work(&self, run: &Run) -> Result<bool, Problem> {
        let subject = run.kind.scope(&run.subject);
        Ok(run.ended.is_none() && is_held(&*self.store, &*self.site.clock, &subject)?)
    }

    /// Returns one run in full.
    pub fn run_details(&self, id: RunId) -> Result<RunDetails, Problem> {
        let run = self.store.run(id)?.ok_or_else(|| {
            Problem::usage(format!("there is no run {id}")).help("`windlass runs` lists them")
        })?;
        if run.pruned {
            let message = format!("what run {id} did is no longer kept");
            let help = match self.is_served() {
                true => "`keep` in the server's windlass.yml says which are",
                false => {
                    "the last 100 runs of each stack and pipeline are, or what `windlass runs \
                          prune` left"
                }
            };
            return Err(Problem::usage(message).help(help));
        }
        let mut steps: Vec<StepDetails> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for event in self.store.events(id)? {
            let at = *places.entry(event.step().to_string()).or_insert_with(|| {
                let step = event.step().to_string();
                let asked = (None, None);
                steps.push(StepDetails { step, ending: None, took: 0, log: None, asked });
                steps.len() - 1
            });
            let step = &mut steps[at];
            match event {
                Event::Ended { ending, took, log, .. } => {
                    (step.ending, step.took, step.log) = (Some(ending), took, log);
                }
                Event::Asked { question, .. } => step.asked.0 = Some(*question),
                Event::Decided { decision, .. } => step.asked.1 = Some(decision),
                Event::Started { .. } => {}
            }
        }
        Ok(RunDetails { run, steps })
    }

    /// Returns what the reports of a run say, merged. Where it did a part of another run again, the
    /// reports of the other steps are those that they left last.
    pub fn results(&self, id: RunId) -> Result<Results, Problem> {
        let mut reports = self.reports_of(id)?;
        let run = self.store.run(id)?;
        if let Some(first) = run.as_ref().and_then(|run| run.again) {
            for earlier in self.store.parts(first)?.iter().filter(|run| run.id < id) {
                let known: HashSet<String> =
                    reports.iter().map(|(source, _)| source.step.clone()).collect();
                let more = self.reports_of(earlier.id)?.into_iter();
                reports.extend(more.filter(|(source, _)| !known.contains(&source.step)));
            }
        }
        Ok(merge(&reports))
    }

    /// Returns what the steps of a run said about files, and of what came of them.
    pub fn annotations(&self, run: RunId) -> Result<Vec<Annotation>, Problem> {
        crate::annotations::kept(&folder(&self.project.home, run))
            .map_err(|error| Problem::failed(format!("the annotations of run {run}: {error}")))
    }

    fn reports_of(&self, run: RunId) -> Result<Vec<(Source, reports::Report)>, Problem> {
        kept(&folder(&self.project.home, run))
            .map_err(|error| Problem::failed(format!("the reports of run {run}: {error}")))
    }

    /// Returns a reader of what the steps of a run write, while they write it.
    pub fn reading(&self, run: RunId) -> Reading {
        Reading::new(&self.project.home, run)
    }

    /// Shows what one step of a run wrote, line by line, however much it is.
    pub fn log(
        &self,
        run: RunId,
        step: &StepDetails,
        see: &mut dyn FnMut(Line),
    ) -> Result<(), Problem> {
        let Some(range) = &step.log else { return Ok(()) };
        let lines = read(&self.project.home, run, range);
        let seen = lines.and_then(|mut lines| lines.try_for_each(|line| line.map(&mut *see)));
        seen.map_err(|error| {
            let step = &step.step;
            Problem::failed(format!("the log of {step} in run {run} cannot be read: {error}"))
        })
    }
}

/// What a run did at one commit does not count at another, where both are known. By hand none is: people
/// do a part again just because they have changed something.
fn at_one_commit(before: &Run, cause: Option<&Cause>, name: &str) -> Result<(), Problem> {
    let (Some(then), Some(now)) = (before.cause.as_deref(), cause) else { return Ok(()) };
    if then.commit.is_empty() || now.commit.is_empty() || then.commit == now.commit {
        return Ok(());
    }
    let (run, then, now) = (before.id, then.short_commit(), now.short_commit());
    Err(Problem::refused(format!(
        "run {run} was of commit {then}, and this one is of {now}: what was done there is not done here"
    ))
    .help(format!("run all of it: `windlass run {name}`; or name a run of {now}: `--of RUN`")))
}

fn not_again(name: &str, before: &Run, again: &Again, why: NotAgain) -> Problem {
    let run = before.id;
    match (why, again) {
        (NotAgain::NothingFailed, _) => Problem::usage(format!(
            "everything of run {run} succeeded: nothing is to be done again"
        ))
        .help(format!("`windlass run {name} --from STEP` does a part of it again")),
        (NotAgain::NoStep(near), Again::From(step)) => {
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("`windlass runs show {run}` lists its steps"),
            };
            Problem::usage(format!("`{name}` has no step `{step}`")).help(help)
        }
        (NotAgain::NoStep(_), Again::Failed) => Problem::usage(format!("`{name}` has no steps")),
        (NotAgain::Needs(step, need), _) => {
            let message = format!("`{step}` needs `{need}`, which did not succeed in run {run}");
            Problem::usage(message)
                .help(format!("begin there: `windlass run {name} --from '{need}'`"))
        }
    }
}
