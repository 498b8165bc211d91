//! What only the world can say about a plan: asked of what is made, changed and destroyed, once the plan
//! stands.
//!
//! It must not change what the plan does: it adds words, and refuses what must never come about.

use std::collections::{HashMap, HashSet};

use model::address::left_over_from;
use model::fault::Nature;
use model::plan::{Action, Item, Plan, Refusal, Work};
use model::record::Record;
use model::{Change, Context, Fault, Object, Registry, Tree, Value};

use super::{Drift, State};
use crate::sealing::Sealing;

/// What a plan is asked about.
pub struct Foresight<'a> {
    /// What is remembered.
    pub state: &'a State,
    /// What is otherwise than remembered.
    pub drift: &'a Drift,
    /// THE list.
    pub kinds: &'a Registry,
    /// What kinds are handed.
    pub context: Context,
    /// What takes secrets out of what they say.
    pub sealing: &'a dyn Sealing,
}

impl Foresight<'_> {
    /// Adds to a plan what its kinds have to say.
    pub async fn add_to(&self, plan: &mut Plan) {
        let claims: HashSet<String> =
            plan.steps.iter().filter_map(|step| self.left(&step.work)).collect();
        let items = std::mem::take(&mut plan.items);
        let mut items: HashMap<String, Item> =
            items.into_iter().map(|item| (item.address.clone(), item)).collect();
        for step in &plan.steps {
            let name = step.name.as_str();
            let address = if items.contains_key(name) { Some(name) } else { left_over_from(name) };
            let Some(item) = address.and_then(|address| items.get_mut(address)) else { continue };
            let context = Context { address: item.address.as_str().into(), ..self.context.clone() };
            match self.said(&context, item.action, &step.work, &claims).await {
                Ok(None) => {}
                Ok(Some(said)) => note(item, &self.sealing.masked(&said)),
                Err(fault) => {
                    let said = self.sealing.masked(&words(&fault));
                    match fault.nature {
                        Nature::Refused | Nature::Futile => {
                            let why = format!("{}: {said}", item.address);
                            plan.refused.push(Refusal::Contradiction(why));
                        }
                        _ => note(item, &said),
                    }
                }
            }
        }
        plan.items = items.into_values().collect();
        plan.items.sort_by(|a, b| a.address.cmp(&b.address));
        plan.refused.sort();
        plan.refused.dedup();
    }

    async fn said(
        &self,
        context: &Context,
        action: Action,
        work: &Work,
        left: &HashSet<String>,
    ) -> Result<Option<String>, Fault> {
        let makes = matches!(action, Action::Create | Action::Replace { .. });
        match work {
            Work::Put(put) if makes && put.want.spec.values().all(Value::is_complete) => {
                let Some(kind) = self.kinds.get(&put.want.kind) else { return Ok(None) };
                let claim = kind.claim(&put.want.spec, &self.context.site.project);
                // What this very plan destroys is in nobody's way.
                if claim.is_some_and(|claim| left.contains(&claim)) {
                    return Ok(None);
                }
                kind.effects.foresee(context, Change::Create(&put.want.spec)).await
            }
            Work::Put(put)
                if action == Action::Update && put.want.spec.values().all(Value::is_complete) =>
            {
                let Some(record) = self.state.record(&put.key) else { return Ok(None) };
                let (Some(kind), Some(object)) =
                    (self.kinds.get(&put.want.kind), self.found(&put.key, &record))
                else {
                    return Ok(None);
                };
                kind.effects.foresee(context, Change::Update(&put.want.spec, object)).await
            }
            Work::Delete { key, .. } => {
                let Some(record) = self.state.record(key) else { return Ok(None) };
                self.said_of_the_end(context, key, &record).await
            }
            _ => Ok(None),
        }
    }

    /// What there is of a resource; None: it is gone.
    fn found<'s>(&'s self, key: &str, record: &'s Record) -> Option<&'s Object> {
        self.drift.get(key).map_or(Some(&record.object), Option::as_ref)
    }

    async fn said_of_the_end(
        &self,
        context: &Context,
        key: &str,
        record: &Record,
    ) -> Result<Option<String>, Fault> {
        let found = self.found(key, record);
        let (Some(kind), Some(object)) = (self.kinds.get(&record.kind), found) else {
            return Ok(None);
        };
        let spec: Option<&Tree> = Some(&record.spec);
        kind.effects.foresee(context, Change::Delete(spec, object)).await
    }

    /// What is destroyed, by its claim.
    fn left(&self, work: &Work) -> Option<String> {
        match work {
            Work::Delete { key, .. } => self.state.rows.get(key)?.claim.clone(),
            _ => None,
        }
    }
}

fn words(fault: &Fault) -> String {
    match &fault.help {
        Some(help) => format!("{} ({help})", fault.message),
        None => fault.message.clone(),
    }
}

fn note(item: &mut Item, said: &str) {
    item.note = Some(match item.note.take() {
        Some(note) => format!("{note}; {said}"),
        None => said.to_owned(),
    });
}
