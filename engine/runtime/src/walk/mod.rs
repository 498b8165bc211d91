//! The one walker: stacks, pipelines and images are all walked here.
//!
//! One task owns every status. Each tick collects what ended and everything that became ready, makes
//! it durable in ONE append, and only then lets the effects begin. It must not perform effects itself,
//! hold a lock, or know what a step does.

mod gates;
mod observe;
mod perform;

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::event::{Ending, Event, Intent, Outcome, StateChange};
use model::kind::Api;
use model::ledger::{Ledger, Status, StepId, Steps};
use model::plan::Step;
use model::registry::BoxFuture;
use model::{Fault, Token};
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::timeout_at;

pub use observe::{Live, Observer, Unobserved};
pub use perform::pause;

use crate::store::{Lease, RunId, Store, StoreError};
use gates::Gates;
use perform::{Performed, perform};

/// Where the effects of steps happen.
pub trait Effects: Send + Sync + 'static {
    /// Says what a step is about to do, when everything that it needs has ended. Quick, and without
    /// any effect.
    fn prepare(&self, step: &Step) -> Result<Prepared, Fault>;

    /// Did what was prepared happen, in an earlier attempt?
    fn find<'f>(
        &'f self,
        step: &'f Step,
        prepared: &'f Prepared,
        live: &'f Live,
    ) -> BoxFuture<'f, Result<Option<Done>, Fault>>;

    /// The only effect.
    fn apply<'f>(
        &'f self,
        step: &'f Step,
        prepared: &'f Prepared,
        live: &'f Live,
    ) -> BoxFuture<'f, Result<Done, Fault>>;

    /// Returns how many steps that share this name may be at work at once, if that is limited.
    fn places(&self, step: &Step) -> Option<(String, usize)> {
        let _ = step;
        None
    }

    /// Takes note of an end that is about to be made durable: what is prepared after it may read it.
    fn ended(&self, step: &Step, ending: &Ending);

    /// Returns a fault that may be kept and shown.
    fn shown(&self, fault: Fault) -> Fault {
        fault
    }
}

/// What a step is about to do.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Names the effect.
    pub token: Token,
    /// What a later run needs to know; None if there is no effect outside of the state.
    pub intent: Option<Box<Intent>>,
    /// The remote that it calls.
    pub api: Option<Api>,
    /// When an attempt is given up; None: never, or what performs it keeps the time itself.
    pub timeout: Option<Duration>,
    /// There is nothing to do: it ends at once, and the journal says nothing of it.
    pub idle: bool,
    /// Somebody else decides when it begins: it waits, and its run ends without it. What is to be noted of
    /// that. None: it may begin.
    pub held: Option<Vec<Event>>,
}

impl Prepared {
    /// Returns what leaves nothing to note but its name.
    pub fn of(token: Token) -> Self {
        Self { token, intent: None, api: None, timeout: None, idle: false, held: None }
    }
}

/// What a step did.
#[derive(Clone, Debug)]
pub struct Done {
    /// In a word.
    pub what: Outcome,
    /// What becomes of the state.
    pub state: Vec<StateChange>,
}

/// How much may happen at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Effects at work.
    pub running: usize,
    /// Steps with a durable intent and no end: how many one append can release. Wider than `running`
    /// so that a thousand short steps cost a few appends; after a crash as many are in doubt.
    pub intents: usize,
}

/// Ctrl-C once, and twice. Both leave a run that can be resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Go on.
    #[default]
    No,
    /// Start nothing more, and wait for what runs.
    StartNothing,
    /// Leave everything as it is.
    Now,
}

/// The journal of one run, and the right to write it.
#[derive(Clone)]
pub struct Journal {
    /// Where it is kept.
    pub store: Arc<dyn Store>,
    /// The run.
    pub run: RunId,
    /// The right.
    pub lease: Lease,
}

/// Everything that a walk is handed.
pub struct Walk<E> {
    /// What is to be done.
    pub steps: Arc<Steps>,
    /// The run's journal.
    pub journal: Journal,
    /// Where effects happen.
    pub effects: Arc<E>,
    /// How much at once.
    pub limits: Limits,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Ctrl-C.
    pub stop: watch::Receiver<Stop>,
}

/// Walks until every step has ended or `stop` says otherwise; resumes whatever the journal holds of
/// this run.
///
/// # Errors
/// A journal that cannot be read or written stops the run at once.
pub async fn walk<E: Effects>(walk: Walk<E>) -> Result<Ledger, StoreError> {
    let events = walk.journal.store.events(walk.journal.run)?;
    let mut walker = Walker::new(walk, &events);
    walker.resume();
    loop {
        let tick = walker.tick();
        if !tick.events.is_empty() {
            let Journal { store, run, lease } = &walker.walk.journal;
            store.append(*run, lease, tick.events).await?;
        }
        walker.tell(&tick.ended);
        tick.released.into_iter().for_each(|(id, prepared)| walker.spawn(id, prepared, false));
        if walker.tasks.is_empty() && walker.ended.is_empty() {
            return Ok(walker.ledger);
        }
        walker.gather().await;
    }
}

/// How long an end may wait for others to share its append, while enough steps with a durable intent
/// wait for a slot: nobody waits for it then.
const LINGER: Duration = Duration::from_millis(10);

/// What is to be made durable now, in causal order, and what may begin once it is.
#[derive(Default)]
struct Tick {
    events: Vec<Event>,
    released: Vec<(StepId, Prepared)>,
    /// What who watches is told once it is durable.
    ended: Vec<(StepId, u64)>,
}

struct Walker<E> {
    walk: Walk<E>,
    gates: Arc<Gates>,
    /// How many needs of each step have not ended: at zero it is ready.
    open_needs: Vec<usize>,
    /// The next one to look at is last.
    ready: Vec<StepId>,
    tasks: JoinSet<Performed>,
    owners: HashMap<task::Id, StepId>,
    /// What ended since the last append.
    ended: Vec<(StepId, Performed)>,
    ledger: Ledger,
}

impl<E: Effects> Walker<E> {
    fn new(walk: Walk<E>, events: &[Event]) -> Self {
        let steps = &walk.steps;
        let ledger = Ledger::fold(steps, events);
        let count = steps.all().len();
        Self {
            gates: Arc::new(Gates::new(walk.limits.running, walk.stop.clone())),
            open_needs: (0..count).map(|id| ledger.open_needs(steps, id)).collect(),
            ready: Vec::new(),
            tasks: JoinSet::new(),
            owners: HashMap::new(),
            ended: Vec::new(),
            ledger,
            walk,
        }
    }

    /// A step that was started and has not ended is in doubt. Its intent is durable already, so it
    /// begins at once, with a look for its token.
    fn resume(&mut self) {
        for id in (0..self.walk.steps.all().len()).rev() {
            match self.ledger.status(id) {
                Status::Started => match self.walk.effects.prepare(&self.walk.steps.all()[id]) {
                    Ok(Prepared { held: Some(_), .. }) => {
                        self.ended.push((id, Performed::not_begun()));
                    }
                    Ok(prepared) => self.spawn(id, prepared, true),
                    Err(fault) => self.ended.push((id, Performed::refused(fault))),
                },
                Status::Waiting if self.open_needs[id] == 0 => self.ready.push(id),
                Status::Waiting => {}
                Status::Ended(ending) => {
                    self.walk.effects.ended(&self.walk.steps.all()[id], ending);
                }
            }
        }
    }

    fn tick(&mut self) -> Tick {
        let mut tick = Tick::default();
        for (id, performed) in std::mem::take(&mut self.ended) {
            self.end(id, performed, &mut tick);
        }
        while self.tasks.len() + tick.released.len() < self.walk.limits.intents
            && *self.walk.stop.borrow() == Stop::No
            && let Some(id) = self.ready.pop()
        {
            match self.ledger.passed_over(&self.walk.steps, id) {
                Some(ending) => self.end(id, Performed::without_running(ending), &mut tick),
                None => self.release(id, &mut tick),
            }
        }
        tick
    }

    fn release(&mut self, id: StepId, tick: &mut Tick) {
        let step = &self.walk.steps.all()[id];
        match self.walk.effects.prepare(step) {
            Err(fault) => self.end(id, Performed::refused(fault), tick),
            Ok(Prepared { held: Some(events), .. }) => tick.events.extend(events),
            Ok(prepared) if prepared.idle => {
                let done = Ending::Done { what: Outcome::Nothing, state: Vec::new() };
                self.ledger.end(id, done);
                self.let_go(id);
            }
            Ok(prepared) => {
                let (token, intent) = (prepared.token.clone(), prepared.intent.clone());
                tick.events.push(Event::Started { step: step.name.clone(), token, intent });
                self.ledger.start(id);
                tick.released.push((id, prepared));
            }
        }
    }

    fn end(&mut self, id: StepId, performed: Performed, tick: &mut Tick) {
        let step = &self.walk.steps.all()[id];
        let Performed { ending, took, log } = performed;
        let ending = match ending {
            Ending::Failed { fault } => Ending::Failed { fault: self.walk.effects.shown(fault) },
            Ending::Errored { fault } => Ending::Errored { fault: self.walk.effects.shown(fault) },
            other => other,
        };
        self.walk.effects.ended(step, &ending);
        self.ledger.end(id, ending.clone());
        tick.events.push(Event::Ended { step: step.name.clone(), ending, took, log });
        if self.ledger.ending(id).is_some() {
            tick.ended.push((id, took));
            self.let_go(id);
        }
    }

    fn tell(&self, ended: &[(StepId, u64)]) {
        for &(id, took) in ended {
            if let Some(ending) = self.ledger.ending(id) {
                self.walk.observer.ended(id, &self.walk.steps.all()[id], ending, took);
            }
        }
    }

    fn let_go(&mut self, id: StepId) {
        for &dependent in self.walk.steps.dependents(id) {
            self.open_needs[dependent] -= 1;
            if self.open_needs[dependent] == 0 && *self.ledger.status(dependent) == Status::Waiting
            {
                self.ready.push(dependent);
            }
        }
    }

    fn spawn(&mut self, id: StepId, prepared: Prepared, in_doubt: bool) {
        let step = &self.walk.steps.all()[id];
        let live = Live::new(id, step, Arc::clone(&self.walk.observer));
        let (steps, effects) = (Arc::clone(&self.walk.steps), Arc::clone(&self.walk.effects));
        let gates = Arc::clone(&self.gates);
        let task = self.tasks.spawn(async move {
            perform(&steps.all()[id], prepared, in_doubt, &*effects, &gates, &live).await
        });
        self.owners.insert(task.id(), id);
    }

    /// Waits for one step to end, then takes all that have: whatever ends while an append is under
    /// way, or soon after while enough is left to do, shares the next one.
    async fn gather(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let first = tokio::select! {
            joined = self.tasks.join_next_with_id() => joined,
            () = told_to_stop_now(&mut self.walk.stop) => return self.tasks.shutdown().await,
        };
        let until = tokio::time::Instant::now() + LINGER;
        let mut next = first;
        while let Some(joined) = next {
            self.take(joined);
            if self.tasks.len() < 2 * self.walk.limits.running {
                break;
            }
            next = timeout_at(until, self.tasks.join_next_with_id()).await.unwrap_or_default();
        }
        while let Some(joined) = self.tasks.try_join_next_with_id() {
            self.take(joined);
        }
    }

    fn take(&mut self, joined: Result<(task::Id, Performed), JoinError>) {
        let (task, performed) = joined.unwrap_or_else(|error| {
            let fault = Fault::broken(format!("windlass itself failed in this step: {error}"));
            (error.id(), Performed::without_running(Ending::Errored { fault }))
        });
        if let Some(id) = self.owners.remove(&task) {
            self.ended.push((id, performed));
        }
    }
}

/// Milliseconds since then, for the length of steps; at least one, since none means that it did not run.
fn since(begun: Instant) -> u64 {
    begun.elapsed().as_millis().max(1) as u64
}

async fn told_to_stop_now(stop: &mut watch::Receiver<Stop>) {
    if stop.wait_for(|stop| *stop == Stop::Now).await.is_err() {
        pending::<()>().await;
    }
}
