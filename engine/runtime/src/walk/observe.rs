//! Who watches a walk, and what they are told while it goes on. Lossy: nothing may depend on it.
//!
//! It must not hold what the journal holds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::context::Progress;
use model::event::{Ending, LogRange};
use model::ledger::{StepId, Steps};
use model::plan::Step;
use model::{Address, Fault};

use crate::store::{Run, RunId};

/// Is told what happens, as it happens.
pub trait Observer: Send + Sync {
    /// Somebody else holds the lease, or what an earlier run left in doubt is looked for.
    fn waiting(&self, holder: &str);
    /// An earlier run that had not ended is given up; these steps of it still ran, and were ended.
    fn gave_up(&self, _run: &Run, _ended: &[String]) {}
    /// A run began.
    fn began(&self, run: RunId, subject: &str, steps: &Arc<Steps>);
    /// A step took its slot and is at work.
    fn running(&self, id: StepId, step: &Step);
    /// What it waits for or does now.
    fn status(&self, id: StepId, text: &str);
    /// A line of its output.
    fn line(&self, id: StepId, text: &str);
    /// A line of its output that says what came of it.
    fn came_of_it(&self, id: StepId, text: &str) {
        self.line(id, text);
    }
    /// An attempt failed in passing; another follows after the pause.
    fn retrying(&self, id: StepId, step: &Step, fault: &Fault, pause: Duration);
    /// It ended, after so many milliseconds.
    fn ended(&self, id: StepId, step: &Step, ending: &Ending, took: u64);
}

/// Nobody watches.
pub struct Unobserved;

impl Observer for Unobserved {
    fn waiting(&self, _: &str) {}
    fn began(&self, _: RunId, _: &str, _: &Arc<Steps>) {}
    fn running(&self, _: StepId, _: &Step) {}
    fn status(&self, _: StepId, _: &str) {}
    fn line(&self, _: StepId, _: &str) {}
    fn retrying(&self, _: StepId, _: &Step, _: &Fault, _: Duration) {}
    fn ended(&self, _: StepId, _: &Step, _: &Ending, _: u64) {}
}

/// One step's way to say what it is doing.
#[derive(Clone)]
pub struct Live {
    id: StepId,
    step: Address,
    observer: Arc<dyn Observer>,
    wrote: Arc<Mutex<Option<LogRange>>>,
    /// What it said last of what it waits for or does.
    said: Arc<Mutex<String>>,
}

impl Live {
    pub(super) fn new(id: StepId, step: &Step, observer: Arc<dyn Observer>) -> Self {
        let step = step.name.clone();
        Self { id, step, observer, wrote: Arc::default(), said: Arc::default() }
    }

    /// Returns whose it is.
    pub(crate) fn step(&self) -> &str {
        self.step.as_str()
    }

    pub(super) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    pub(super) fn id(&self) -> StepId {
        self.id
    }

    /// Says where its output is kept, however it ends.
    pub fn wrote(&self, range: LogRange) {
        *self.wrote.lock().unwrap_or_else(PoisonError::into_inner) = Some(range);
    }

    /// Returns what it said last of what it waits for or does; empty if nothing.
    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns where its output is kept, once it is known.
    pub(crate) fn log(&self) -> Option<LogRange> {
        self.wrote.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Progress for Live {
    fn status(&self, text: &str) {
        text.clone_into(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
        self.observer.status(self.id, text);
    }

    fn line(&self, text: &str) {
        self.observer.line(self.id, text);
    }

    fn came_of_it(&self, text: &str) {
        self.observer.came_of_it(self.id, text);
    }
}
