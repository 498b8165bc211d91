//! Actions on resources: the lease of the resource, what a killed one left, one step, its run.
//!
//! The stack's own lease is left alone: a backup that takes an hour keeps nobody from applying. An
//! action works with what was applied when it began. It must not know what an action does.

use std::sync::{Arc, Mutex, PoisonError};

use model::action::{Conduct, ErasedAction, On};
use model::context::Progress;
use model::event::{Ending, Event, Outcome};
use model::file::pipeline::{Task, TaskWork};
use model::plan::{Step, Work};
use model::record::Record;
use model::registry::BoxFuture;
use model::{Context, Erased, Fault, Token, Tree};
use tokio::sync::watch;

use super::apply::{report, steps};
use super::{ApplyOptions, Engine, Problem, Report};
use crate::lease::HeldLease;
use crate::log::{Logs, StepLog};
use crate::pipeline::GRACE;
use crate::store::{NewRun, Run, RunId, RunKind, RunOutcome};
use crate::walk::{Done, Effects, Limits, Live, Observer, Prepared, Stop, Walk, walk};

/// What a resource is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActRequest {
    /// Its stack.
    pub stack: String,
    /// Its address.
    pub resource: String,
    /// The verb of its kind.
    pub verb: String,
    /// What the verb is told.
    pub args: Tree,
}

/// What came of an action.
#[derive(Clone, Debug)]
pub struct Acted {
    /// The run.
    pub report: Report,
    /// What it says for programs; None: it was not done.
    pub said: Option<Tree>,
}

impl ActRequest {
    /// Returns what its runs are about.
    pub fn subject(&self) -> String {
        format!("{}/{}", self.stack, self.resource)
    }
}

/// A resource that was applied, and what it is asked to do.
struct Able {
    kind: Arc<Erased>,
    action: ErasedAction,
    record: Record,
    claims: Vec<String>,
}

impl Engine {
    /// Returns every resource whose kind has this verb, as stack and address.
    pub fn able(&self, verb: &str) -> Result<Vec<(String, String)>, Problem> {
        let knows =
            |kind: &str| self.kinds.get(kind).is_some_and(|kind| kind.action(verb).is_some());
        let mut able = Vec::new();
        for stack in self.store.stacks()? {
            for (address, row) in self.store.rows(&stack)? {
                if knows(&row.kind) {
                    able.push((stack.clone(), address));
                }
            }
        }
        Ok(able)
    }

    /// Does what only looks: no run, no lease.
    pub async fn ask(&self, request: &ActRequest) -> Result<Tree, Problem> {
        let able = self.able_to(request)?;
        if able.action.conduct != Conduct::Looks {
            let message = format!("`{}` of {} does more than look", request.verb, able.kind.name);
            return Err(Problem::usage(message));
        }
        let context = self.context_of(request);
        let mut nonce = [0; 16];
        self.site.random.fill(&mut nonce);
        let origin: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = Token::of(&origin, &request.stack, &request.resource, 0);
        let said = able.perform(&context, &request.args, &token).await;
        said.map_err(|fault| Problem::Failed(self.sealing().masked_fault(fault)))
    }

    /// Lets a resource do something as a part of a step: no run of its own, no lease. What it starts
    /// carries the token of the step, which may be begun again.
    pub async fn act_within(
        &self,
        request: &ActRequest,
        progress: Arc<dyn Progress>,
        token: &Token,
    ) -> Result<Tree, Problem> {
        let able = self.able_to(request)?;
        if able.action.conduct == Conduct::Once {
            let message = format!("`{}` of {} is a run of its own", request.verb, able.kind.name);
            return Err(Problem::usage(message));
        }
        let context = Context { progress, ..self.context_of(request) };
        let said = able.perform(&context, &request.args, token).await;
        said.map_err(|fault| Problem::Failed(self.sealing().masked_fault(fault)))
    }

    /// Lets a resource do something, as a run of its own.
    pub async fn act(
        &self,
        request: &ActRequest,
        options: &ApplyOptions,
        observer: Arc<dyn Observer>,
        stop: watch::Receiver<Stop>,
    ) -> Result<Acted, Problem> {
        self.able_to(request)?;
        let scope = RunKind::Action.scope(&request.subject());
        let waiting = |holder: &str| observer.waiting(holder);
        let held = self.lease(&scope, &request.verb, options.terms, waiting).await?;
        let acted = self.act_with(request, options, &held, observer, stop).await;
        held.release().await;
        acted
    }

    async fn act_with(
        &self,
        request: &ActRequest,
        options: &ApplyOptions,
        held: &HeldLease,
        observer: Arc<dyn Observer>,
        stop: watch::Receiver<Stop>,
    ) -> Result<Acted, Problem> {
        let subject = request.subject();
        let killed = self.end_killed(&subject, &*observer).await?;
        let able = self.able_to(request)?;
        // Of a step that is begun again, not of one that a person asks for anew.
        let again = |run: &Run| options.parent.is_some() && run.parent == options.parent;
        if able.action.conduct == Conduct::Once && killed.iter().any(again) {
            let message = "windlass ended while it ran, so nobody knows how far it came";
            return Err(Problem::refused(message).help("look, then start the pipeline again"));
        }
        let began = self.now();
        let new = self.new_run(RunKind::Action, &subject, options.parent);
        let plan = serde_json::to_string(&request.work()).ok();
        let run = self.store.begin(NewRun { plan, ..new }).await?;
        let step = Step::new(&*request.resource, request.work());
        let steps = steps(vec![step])?;
        observer.began(run, &subject, &steps);
        let logs = Logs::new(&self.project.home, run, Arc::clone(&self.site.clock));
        let acting = Arc::new(Acting {
            engine: self.clone(),
            request: request.clone(),
            able,
            token: Token::of(&self.origin(run)?, &request.stack, &request.resource, run.0),
            logs: Arc::new(logs),
            said: Mutex::default(),
        });
        let walked = walk(Walk {
            steps: Arc::clone(&steps),
            journal: self.journal(run, held),
            effects: Arc::clone(&acting),
            limits: Limits { running: 1, intents: 1 },
            observer,
            stop: stop.clone(),
        });
        let ledger = walked.await?;
        let took = self.now().saturating_sub(began);
        let report = report(run, &subject, &steps, &ledger, *stop.borrow(), took);
        self.store.finish(run, report.outcome, self.now()).await?;
        self.tidy(&RunKind::Action.scope(&subject)).await;
        let said = acting.said.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Acted { report, said })
    }

    /// Ends what actions of this resource left running whose engine was killed, and gives them up
    /// aloud. What they left half done the next action of the resource settles.
    async fn end_killed(
        &self,
        subject: &str,
        observer: &dyn Observer,
    ) -> Result<Vec<Run>, Problem> {
        let killed = self.store.unended(&RunKind::Action.scope(subject))?;
        for run in &killed {
            let mut swept = Vec::new();
            for (step, token) in self.begun(run.id)? {
                let ended = child::sweep(token.as_str(), GRACE).await.map_err(|error| {
                    Problem::failed(format!("run {} of {subject} still works: {error}", run.id))
                        .help("see what keeps it, and end it")
                })?;
                if ended > 0 {
                    swept.push(step);
                }
            }
            self.store.finish(run.id, RunOutcome::Abandoned, self.now()).await?;
            observer.gave_up(run, &swept);
        }
        Ok(killed)
    }

    /// The steps of a run that began, with what they started carries.
    fn begun(&self, run: RunId) -> Result<Vec<(String, Token)>, Problem> {
        let begun = |event: Event| match event {
            Event::Started { step, token, .. } => Some((step.to_string(), token)),
            Event::Ended { .. } | Event::Asked { .. } | Event::Decided { .. } => None,
        };
        Ok(self.store.events(run)?.into_iter().filter_map(begun).collect())
    }

    fn able_to(&self, request: &ActRequest) -> Result<Able, Problem> {
        let record = self.resource(&request.stack, &request.resource)?;
        let kind = self.kinds.get(&record.kind).cloned();
        let kind = kind.ok_or_else(|| {
            Problem::failed(format!("there is no kind `{}` in this build", record.kind))
        })?;
        let Some(action) = kind.action(&request.verb).cloned() else {
            let (subject, verb) = (request.subject(), &request.verb);
            let problem =
                Problem::usage(format!("{subject} is a {}, which has no `{verb}`", kind.name));
            let able = self.able(verb)?.into_iter().map(|(stack, one)| format!("{stack}/{one}"));
            let able: Vec<String> = able.collect();
            return Err(match able.is_empty() {
                true => {
                    problem.help("`windlass explain` lists kinds; none that was applied has it")
                }
                false => problem.help(format!("those that have: {}", able.join(", "))),
            });
        };
        let claims = self.store.claims()?.into_iter().map(|claim| claim.claim).collect();
        Ok(Able { kind, action, record, claims })
    }

    fn context_of(&self, request: &ActRequest) -> Context {
        Context { address: request.resource.as_str().into(), ..self.context(&request.stack) }
    }
}

impl ActRequest {
    fn work(&self) -> Work {
        let Self { stack, resource, verb, args } = self.clone();
        Work::Task(Box::new(Task {
            env: Tree::new(),
            idempotent: true,
            retry: 0,
            limit: None,
            takes: Vec::new(),
            does: TaskWork::Act { stack, resource, verb, args },
        }))
    }
}

impl Able {
    async fn perform(&self, context: &Context, args: &Tree, token: &Token) -> Result<Tree, Fault> {
        let (spec, object) = (&self.record.spec, &self.record.object);
        let on = On { spec, object, claims: &self.claims, token };
        self.action.performs.perform(context, on, args).await
    }
}

/// The effect of one action.
struct Acting {
    engine: Engine,
    request: ActRequest,
    able: Able,
    token: Token,
    logs: Arc<Logs>,
    said: Mutex<Option<Tree>>,
}

impl Effects for Acting {
    fn prepare(&self, step: &Step) -> Result<Prepared, Fault> {
        let (token, timeout) = (self.token.clone(), step.timeout);
        Ok(Prepared { timeout, ..Prepared::of(token) })
    }

    fn find<'f>(
        &'f self,
        _: &'f Step,
        _: &'f Prepared,
        _: &'f Live,
    ) -> BoxFuture<'f, Result<Option<Done>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn apply<'f>(
        &'f self,
        _: &'f Step,
        prepared: &'f Prepared,
        live: &'f Live,
    ) -> BoxFuture<'f, Result<Done, Fault>> {
        Box::pin(async move {
            let log = StepLog::new(&self.logs, self.engine.sealing(), live.clone());
            let context =
                Context { progress: Arc::new(log), ..self.engine.context_of(&self.request) };
            let said = self.able.perform(&context, &self.request.args, &prepared.token).await?;
            *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
            Ok(Done { what: Outcome::Succeeded, state: Vec::new() })
        })
    }

    fn ended(&self, _: &Step, _: &Ending) {}

    fn shown(&self, fault: Fault) -> Fault {
        self.engine.sealing().masked_fault(fault)
    }
}
