//! Gates of runs: which wait, and what a person says to them.
//!
//! It must not go on with a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use language::suggest;
use model::event::{Decision, Event, Question};
use model::ledger::{Ledger, Steps};

use super::apply::steps;
use super::{Engine, Problem};
use crate::pipeline::{Held, about, conversation, difference};
use crate::store::{Run, RunId, RunKind};

/// What a person says to a gate.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whether it goes on.
    pub approved: bool,
    /// Who says so.
    pub by: String,
    /// Why, in words.
    pub note: Option<String>,
    /// Whether what lies behind the gate is at hand, so that what is otherwise by now is said at once. The
    /// run looks in any case before it goes on.
    pub at_hand: bool,
}

/// Names of people, by the name of their group.
pub type Groups = BTreeMap<String, Vec<String>>;

impl Engine {
    /// Returns the gates of a run that wait for an answer.
    pub fn gates(&self, run: RunId) -> Result<Vec<Held>, Problem> {
        let Some(run) = self.store.run(run)? else { return Ok(Vec::new()) };
        match steps_of(&run)? {
            None => Ok(Vec::new()),
            Some(steps) => self.gates_of(&run, &steps),
        }
    }

    /// Keeps what a person says to a gate; where only one of the run waits, it need not be named. The
    /// run goes on when somebody goes on with it. Returns the name of the step.
    pub async fn answer(
        &self,
        id: RunId,
        step: Option<&str>,
        answer: Answer,
        groups: &Groups,
    ) -> Result<String, Problem> {
        let run = self.store.run(id)?.ok_or_else(|| {
            Problem::usage(format!("there is no run {id}")).help("`windlass runs` lists them")
        })?;
        let Some(steps) = steps_of(&run)? else {
            let message = format!("run {id} waits for nobody: it has ended");
            return Err(Problem::usage(message).help(format!("windlass runs show {id}")));
        };
        let gate = chosen(id, step, self.gates_of(&run, &steps)?)?;
        may(&gate, &answer.by, groups)?;
        if answer.approved {
            self.in_time(&run, &gate)?;
        }
        if answer.approved && answer.at_hand {
            self.still_stands(&run, &steps, &gate)?;
        }
        let decision = Decision {
            approved: answer.approved,
            by: answer.by,
            at: self.now(),
            about: gate.question.digest(),
            note: answer.note,
        };
        let event = Event::Decided { step: gate.step.as_str().into(), decision };
        self.store.note(id, event).await?;
        Ok(gate.step)
    }

    fn gates_of(&self, run: &Run, steps: &Steps) -> Result<Vec<Held>, Problem> {
        let events = self.store.events(run.id)?;
        let ledger = Ledger::fold(steps, &events);
        let open = |(id, step): (usize, &model::plan::Step)| {
            let name = step.name.as_str();
            let (Some(question), said) = conversation(&events, name) else { return None };
            // An approval that does not hold can be taken back.
            let is_open = said.is_none_or(|said| said.approved) && ledger.ending(id).is_none();
            is_open.then(|| Held { step: name.to_owned(), question, why: None })
        };
        Ok(steps.all().iter().enumerate().filter_map(open).collect())
    }

    fn in_time(&self, run: &Run, gate: &Held) -> Result<(), Problem> {
        if self.now() < gate.question.until {
            return Ok(());
        }
        let Run { id, subject, .. } = run;
        let message =
            format!("`{}` of run {id} can no longer be approved: its time was up", gate.step);
        Err(Problem::refused(message).help(format!(
            "`windlass run {subject} --resume` ends the run; start again: `windlass run {subject}`"
        )))
    }

    fn still_stands(&self, run: &Run, steps: &Steps, gate: &Held) -> Result<(), Problem> {
        let Held { step, question, .. } = gate;
        let id = steps.id(step).unwrap_or_default();
        let now = about(self, steps, id).map_err(Problem::Failed)?;
        match difference(&question.about, &now) {
            None => Ok(()),
            Some(why) => {
                let message = format!("`{step}` of run {} cannot be approved: {why}", run.id);
                let again = format!("start again: `windlass run {}`", run.subject);
                Err(Problem::refused(message).help(format!("put back what was there, or {again}")))
            }
        }
    }
}

/// The steps of a pipeline's run that has not ended.
fn steps_of(run: &Run) -> Result<Option<Arc<Steps>>, Problem> {
    if run.kind != RunKind::Pipeline || run.ended.is_some() {
        return Ok(None);
    }
    let stored = run.plan.as_deref().and_then(|plan| serde_json::from_str(plan).ok());
    stored.map(steps).transpose()
}

fn chosen(run: RunId, named: Option<&str>, gates: Vec<Held>) -> Result<Held, Problem> {
    let names = suggest::list(gates.iter().map(|gate| gate.step.as_str()));
    let count = gates.len();
    let mut meant = gates.into_iter().filter(|gate| named.is_none_or(|named| named == gate.step));
    match (meant.next(), named) {
        (None, _) if count == 0 => {
            let message = format!("no gate of run {run} waits for an answer");
            Err(Problem::usage(message).help(format!("windlass runs show {run}")))
        }
        (None, Some(named)) => {
            let message = format!("no gate `{named}` of run {run} waits for an answer");
            Err(Problem::usage(message).help(format!("there is {names}")))
        }
        (Some(_), None) if count > 1 => {
            let message = format!("{count} gates of run {run} wait for an answer");
            Err(Problem::usage(message).help(format!("name one of {names}")))
        }
        (Some(gate), _) => Ok(gate),
        (None, None) => Err(Problem::usage(format!("run {run} waits for nobody"))),
    }
}

/// A name that is that of a group stands for its members.
fn may(gate: &Held, by: &str, groups: &Groups) -> Result<(), Problem> {
    let Question { approvers, .. } = &gate.question;
    let is = |name: &String| match groups.get(name) {
        Some(members) => members.iter().any(|member| member == by),
        None => name == by,
    };
    if approvers.is_empty() || approvers.iter().any(is) {
        return Ok(());
    }
    let names = suggest::list(approvers.iter().map(String::as_str));
    let message = format!("`{}` is answered by {names}, and `{by}` is none of them", gate.step);
    Err(Problem::refused(message).help("`--by NAME` says who answers"))
}
