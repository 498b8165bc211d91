//! Status of every step as a pure fold of events: the same fold while walking and after a crash.
//!
//! It must not decide what happens next, except for what follows from `when` alone.

use std::collections::HashMap;
use std::fmt;

use crate::address::Address;
use crate::event::{Ending, Event};
use crate::plan::{Step, When};

/// A position among the steps. Used while walking; the journal says addresses.
pub type StepId = usize;

/// Steps in dependency order, and who waits for whom by position.
#[derive(Clone, Debug)]
pub struct Steps {
    steps: Vec<Step>,
    ids: HashMap<Address, StepId>,
    needs: Vec<Vec<StepId>>,
    dependents: Vec<Vec<StepId>>,
}

/// Why steps cannot be walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// This one comes before what it needs.
    BeforeItsNeeds(Address),
    /// There are two of this name.
    Repeated(Address),
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeItsNeeds(step) => write!(f, "{step} comes before what it needs"),
            Self::Repeated(step) => write!(f, "there are two of {step}"),
        }
    }
}

/// Where a step stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It was not begun.
    #[default]
    Waiting,
    /// Its intent is durable.
    Started,
    /// It ended.
    Ended(Ending),
}

/// The status of every step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    statuses: Vec<Status>,
}

impl Steps {
    /// Takes steps in dependency order, as planners make them: a step needs only earlier ones.
    ///
    /// # Errors
    /// The step that needs something unknown or later, or has the name of another one.
    pub fn new(steps: Vec<Step>) -> Result<Self, Misplaced> {
        let mut ids: HashMap<Address, StepId> = HashMap::with_capacity(steps.len());
        let mut needs = Vec::with_capacity(steps.len());
        let mut dependents = vec![Vec::new(); steps.len()];
        for (id, step) in steps.iter().enumerate() {
            let known: Option<Vec<StepId>> =
                step.needs.iter().map(|need| ids.get(need).copied()).collect();
            let known = known.ok_or_else(|| Misplaced::BeforeItsNeeds(step.name.clone()))?;
            known.iter().for_each(|&need| dependents[need].push(id));
            needs.push(known);
            if ids.insert(step.name.clone(), id).is_some() {
                return Err(Misplaced::Repeated(step.name.clone()));
            }
        }
        Ok(Self { steps, ids, needs, dependents })
    }

    /// Returns all steps, in dependency order.
    pub fn all(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the position of a step.
    pub fn id(&self, name: &str) -> Option<StepId> {
        self.ids.get(name).copied()
    }

    /// Returns what a step needs.
    pub fn needs(&self, id: StepId) -> &[StepId] {
        &self.needs[id]
    }

    /// Returns what needs a step.
    pub fn dependents(&self, id: StepId) -> &[StepId] {
        &self.dependents[id]
    }
}

impl Ledger {
    /// Folds the events of a run; those of steps that are not among these say nothing here.
    pub fn fold<'a>(steps: &Steps, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut ledger = Self { statuses: vec![Status::Waiting; steps.steps.len()] };
        for event in events {
            if let Some(id) = steps.id(event.step().as_str()) {
                ledger.apply(id, event);
            }
        }
        ledger
    }

    /// Takes in one more event.
    fn apply(&mut self, id: StepId, event: &Event) {
        match event {
            Event::Started { .. } => self.statuses[id] = Status::Started,
            Event::Ended { ending, .. } => self.end(id, ending.clone()),
            Event::Asked { .. } | Event::Decided { .. } => {}
        }
    }

    /// Takes in that the intent of a step is on its way to the journal.
    pub fn start(&mut self, id: StepId) {
        self.statuses[id] = Status::Started;
    }

    /// Takes in the end of a step, however it came. One that turned out not to have happened waits as
    /// before.
    pub fn end(&mut self, id: StepId, ending: Ending) {
        self.statuses[id] = match ending {
            Ending::Lost => Status::Waiting,
            other => Status::Ended(other),
        };
    }

    /// Returns where a step stands.
    pub fn status(&self, id: StepId) -> &Status {
        &self.statuses[id]
    }

    /// Returns the end of a step that has ended.
    pub fn ending(&self, id: StepId) -> Option<&Ending> {
        match &self.statuses[id] {
            Status::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    /// Returns how many of the step's needs have not ended.
    pub fn open_needs(&self, steps: &Steps, id: StepId) -> usize {
        let open = |&&need: &&StepId| !matches!(self.statuses[need], Status::Ended(_));
        steps.needs(id).iter().filter(open).count()
    }

    /// Returns, for a step whose needs have all ended, how it ends without running, if its `when`
    /// says so.
    pub fn passed_over(&self, steps: &Steps, id: StepId) -> Option<Ending> {
        let (mut failed, mut skipped) = (None, false);
        for &need in steps.needs(id) {
            match &self.statuses[need] {
                Status::Ended(Ending::Done { .. }) => {}
                Status::Ended(Ending::Skipped) => skipped = true,
                Status::Ended(Ending::Blocked { by }) => failed = failed.or(Some(by.clone())),
                _ => failed = failed.or_else(|| Some(steps.steps[need].name.clone())),
            }
        }
        match (steps.steps[id].when, failed) {
            (When::Success, Some(by)) => Some(Ending::Blocked { by }),
            (When::Success, None) if skipped => Some(Ending::Skipped),
            (When::Failure, None) => Some(Ending::Skipped),
            _ => None,
        }
    }

    /// Returns how many ends satisfy a condition.
    pub fn count(&self, wanted: impl Fn(&Ending) -> bool) -> usize {
        let ended = |status: &&Status| matches!(status, Status::Ended(ending) if wanted(ending));
        self.statuses.iter().filter(ended).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Work;

    fn step(name: &str, needs: &[&str]) -> Step {
        let needs = needs.iter().map(|need| (*need).into()).collect();
        Step { needs, ..Step::new(name, Work::Join) }
    }

    #[test]
    fn steps_that_cannot_be_walked_are_refused() {
        assert!(Steps::new(vec![step("a", &[]), step("b", &["a"])]).is_ok());
        let early = Steps::new(vec![step("b", &["a"]), step("a", &[])]);
        assert_eq!(early.err(), Some(Misplaced::BeforeItsNeeds("b".into())));
        let twice = Steps::new(vec![step("a", &[]), step("a", &[])]);
        assert_eq!(twice.err(), Some(Misplaced::Repeated("a".into())));
    }
}
