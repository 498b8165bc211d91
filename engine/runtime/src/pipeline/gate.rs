//! `gate`: a step that waits for a person, while no process does.
//!
//! What is asked is durable, with a digest of everything that lies behind the gate. An approval holds for
//! exactly that. It must not decide who may approve: that is asked where somebody answers.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use model::context::Progress;
use model::event::{Decision, Event, Question};
use model::file::pipeline::GateTask;
use model::ledger::{StepId, Steps};
use model::plan::{Step, Work};
use model::{Digest, Fault};

use super::Tasks;
use super::behind::files;
use super::commit::commit;
use super::task::Doing;
use crate::engine::Engine;
use crate::store::StoreError;
use crate::walk::Prepared;

/// A gate that nobody has opened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The step.
    pub step: String,
    /// What is asked.
    pub question: Question,
    /// Why an approval that was given does not hold.
    pub why: Option<String>,
}

/// What was asked and answered at one gate; the last of each counts.
pub fn conversation(events: &[Event], gate: &str) -> (Option<Question>, Option<Decision>) {
    let (mut asked, mut said) = (None, None);
    for event in events.iter().filter(|event| event.step().as_str() == gate) {
        match event {
            Event::Asked { question, .. } => asked = Some((**question).clone()),
            Event::Decided { decision, .. } => said = Some(decision.clone()),
            Event::Started { .. } | Event::Ended { .. } => {}
        }
    }
    (asked, said)
}

/// Returns what lies behind a gate, by name: what is approved when it is.
///
/// # Errors
/// A file that is there cannot be read.
pub fn about(
    engine: &Engine,
    steps: &Steps,
    gate: StepId,
) -> Result<BTreeMap<String, Digest>, Fault> {
    let behind = behind(steps, gate);
    let text = serde_json::to_string(&behind).unwrap_or_default();
    let mut about = BTreeMap::from([("its steps".to_owned(), Digest::of(text.as_bytes()))]);
    if let Some(commit) = commit(&engine.project.root) {
        about.insert("the commit".to_owned(), Digest::of(commit.as_bytes()));
    }
    for step in behind {
        let Work::Task(task) = &step.work else { continue };
        for path in files(engine, &task.does)? {
            let bytes = fs::read(engine.project.root.join(&path)).map_err(|error| {
                Fault::broken(format!("{} cannot be read: {error}", path.display()))
            })?;
            about.insert(path.display().to_string(), Digest::of(&bytes));
        }
    }
    Ok(about)
}

/// Everything that waits for a step, in dependency order.
fn behind(steps: &Steps, gate: StepId) -> Vec<&Step> {
    let mut is_behind = vec![false; steps.all().len()];
    for id in gate + 1..steps.all().len() {
        is_behind[id] = steps.needs(id).iter().any(|&need| need == gate || is_behind[need]);
    }
    steps.all().iter().zip(is_behind).filter(|(_, behind)| *behind).map(|(step, _)| step).collect()
}

/// Returns what is another than it was, in words; None: all is the same.
pub fn difference(
    then: &BTreeMap<String, Digest>,
    now: &BTreeMap<String, Digest>,
) -> Option<String> {
    let names = then.keys().chain(now.keys().filter(|name| !then.contains_key(*name)));
    let other: Vec<&str> =
        names.filter(|name| then.get(*name) != now.get(*name)).map(String::as_str).collect();
    (!other.is_empty()).then(|| format!("{} changed since the gate was reached", other.join(", ")))
}

impl Tasks {
    /// Whether a gate may be passed now; if not, what is to be noted of that.
    pub(super) fn at_gate(
        &self,
        step: &Step,
        gate: &GateTask,
        quiet: Prepared,
    ) -> Result<Prepared, Fault> {
        let name = step.name.as_str();
        let events = self.engine.store.events(self.run).map_err(unread)?;
        let id = self.steps.id(name).unwrap_or_default();
        let now = crate::lease::millis(&*self.engine.site.clock);
        let (asked, said) = conversation(&events, name);
        let held = |question: Question, why: Option<String>, events: Vec<Event>| {
            self.hold(Held { step: name.to_owned(), question, why });
            Ok(Prepared { held: Some(events), ..quiet.clone() })
        };
        match (asked, said) {
            (None, _) => {
                let question = Question {
                    at: now,
                    until: now.saturating_add(gate.expires.as_millis() as u64),
                    approvers: gate.approvers.clone(),
                    message: gate.message.clone(),
                    about: about(&self.engine, &self.steps, id)?,
                };
                let asked = Box::new(question.clone());
                held(
                    question,
                    None,
                    vec![Event::Asked { step: step.name.clone(), question: asked }],
                )
            }
            (Some(question), None) if now >= question.until => Err(expired(gate.expires)),
            (Some(question), None) => held(question, None, Vec::new()),
            (Some(_), Some(said)) if !said.approved => Err(rejected(&said)),
            (Some(question), Some(said)) => {
                let now = about(&self.engine, &self.steps, id)?;
                let why = match said.about == question.digest() {
                    true => difference(&question.about, &now),
                    false => Some("something else was approved".to_owned()),
                };
                match why {
                    None => Ok(quiet),
                    Some(why) => {
                        let why = format!("the approval by {} does not hold: {why}", said.by);
                        held(question, Some(why), Vec::new())
                    }
                }
            }
        }
    }

    /// Says in the log who opened it.
    pub(super) fn pass_gate(&self, doing: Doing<'_>) -> Result<(), Fault> {
        let events = self.engine.store.events(self.run).map_err(unread)?;
        if let (_, Some(said)) = conversation(&events, doing.step.name.as_str()) {
            let note = said.note.map(|note| format!(": {note}")).unwrap_or_default();
            doing.log.line(&format!("approved by {}{note}", said.by));
        }
        Ok(())
    }

    /// Returns the gates at which the walk stopped, and forgets them.
    pub fn take_held(&self) -> Vec<Held> {
        std::mem::take(&mut *self.held())
    }

    /// Returns whether somebody has answered one of them since.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn is_answered(&self, held: &[Held]) -> Result<bool, StoreError> {
        if held.is_empty() {
            return Ok(false);
        }
        let events = self.engine.store.events(self.run)?;
        let mut open = held.iter().filter(|held| held.why.is_none());
        Ok(open.any(|held| conversation(&events, &held.step).1.is_some()))
    }

    fn hold(&self, held: Held) {
        self.held().push(held);
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn unread(error: StoreError) -> Fault {
    Fault::broken(error.to_string())
}

fn expired(limit: Duration) -> Fault {
    let limit = language::Duration(limit).words();
    Fault::refused(format!("nobody approved it within {limit}"))
        .help("start the pipeline again; `expires` of the gate says how long it waits")
}

fn rejected(said: &Decision) -> Fault {
    let note = said.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    Fault::refused(format!("rejected by {}{note}", said.by))
}
