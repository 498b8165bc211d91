//! Looking at what is remembered, and changing it by hand.
//!
//! It must not touch the world.

use model::address::is_address;
use model::event::{Ending, Event, Outcome, StateChange};
use model::kind::{Known, Reads};
use model::plan::Work;
use model::record::Record;
use model::{Digest, Value};

use super::{ApplyOptions, Engine, PlanRequest, Problem};
use crate::lease::HeldLease;
use crate::store::{RunKind, RunOutcome};

/// A resource as it is remembered.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its key.
    pub address: String,
    /// The name of its kind.
    pub kind: String,
    /// How its kind finds it.
    pub id: String,
    /// The run that changed it last.
    pub run: u64,
}

impl Engine {
    /// Returns the resources of a stack, by address.
    pub fn resources(&self, stack: &str) -> Result<Vec<Resource>, Problem> {
        let rows = self.store.rows(stack)?;
        let resource = |(address, row): (String, model::record::Row)| Resource {
            address,
            kind: row.kind,
            id: row.id,
            run: row.generation,
        };
        Ok(rows.into_iter().map(resource).collect())
    }

    /// Returns one resource in full.
    pub fn resource(&self, stack: &str, address: &str) -> Result<Record, Problem> {
        match self.store.record(stack, address)? {
            Some(record) => Ok(record),
            None => Err(self.no_resource(stack, address)?),
        }
    }

    fn no_resource(&self, stack: &str, address: &str) -> Result<Problem, Problem> {
        let rows = self.store.rows(stack)?;
        let near = language::suggest::nearest(address, rows.iter().map(|(key, _)| key.as_str()));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("`windlass state list {stack}` lists what is remembered"),
        };
        let message = format!("nothing is remembered as `{address}` in the stack `{stack}`");
        Ok(Problem::usage(message).help(help))
    }

    /// Gives a resource another address in the state.
    pub async fn rename(&self, stack: &str, from: &str, to: &str) -> Result<(), Problem> {
        let changes = || {
            let record = self.resource(stack, from)?;
            if !is_address(to) {
                let message = format!("`{to}` cannot be the address of a resource");
                return Err(Problem::usage(message).help("such as `web`, `web[0]` or `web[one]`"));
            }
            self.not_remembered(stack, to)?;
            let put = StateChange::Put { key: to.to_owned(), record: Box::new(record) };
            Ok(vec![StateChange::Remove { key: from.to_owned() }, put])
        };
        self.change_state(stack, to, changes).await
    }

    /// Forgets a resource; what it stands for goes on to exist.
    pub async fn forget(&self, stack: &str, address: &str) -> Result<(), Problem> {
        let changes = || {
            self.resource(stack, address)?;
            Ok(vec![StateChange::Remove { key: address.to_owned() }])
        };
        self.change_state(stack, address, changes).await
    }

    /// Takes something that exists into the state, as the resource that the file says it is.
    pub async fn import(
        &self,
        request: &PlanRequest,
        address: &str,
        id: &str,
    ) -> Result<Record, Problem> {
        let plan = self.plan(request).await?.plan;
        self.not_remembered(&plan.stack, address)?;
        let wanted = plan.steps.iter().find_map(|step| match &step.work {
            Work::Put(put) if step.name.as_str() == address => Some(&put.want),
            _ => None,
        });
        let want = wanted.ok_or_else(|| {
            Problem::usage(format!("no resource `{address}` is waiting to be made"))
                .help("write its block first: an import says what exists, the file what is wanted")
        })?;
        if !want.spec.values().all(Value::is_complete) {
            let message = format!("`{address}` reads values that are not known yet");
            return Err(Problem::usage(message).help("import or apply what it refers to first"));
        }
        let kind = self.kinds.get(&want.kind).ok_or_else(|| Problem::failed("its kind is gone"))?;
        let spec = (kind.reads == Reads::BySpec).then(|| want.spec.clone());
        let sealed = want.spec.values().any(|value| !value.secrets().is_empty());
        let known = [Known { id: id.to_owned(), sealed, spec }];
        let found = match kind.reads {
            Reads::Nothing => {
                let message = format!("{} has nothing outside of the state to import", kind.name);
                return Err(Problem::usage(message));
            }
            _ => kind.effects.read(&self.context(&plan.stack), &known).await,
        };
        let found = found.and_then(|mut found| found.pop().transpose());
        let object = found.map_err(Problem::Failed)?.flatten().ok_or_else(|| {
            let missing = Problem::failed(format!("there is no {} `{id}`", kind.name));
            match (kind.identity)(&want.spec).filter(|own| own != id) {
                Some(own) => missing.help(format!("by its block it is `{own}`")),
                None => missing.help("an import takes in what exists; `windlass apply` makes it"),
            }
        })?;
        let record = Record {
            kind: want.kind.clone(),
            generation: 0,
            // Of nothing: the next plan looks at it as a whole.
            digest: Digest::default(),
            spec: want.spec.clone(),
            object: self.sealing().sealed_object(object, None),
            needs: want.needs.clone(),
            protect: want.protect,
            claim: kind.claim(&want.spec, &self.project.root),
        };
        let changes = || {
            self.not_remembered(&plan.stack, address)?;
            let record = Box::new(record.clone());
            Ok(vec![StateChange::Put { key: address.to_owned(), record }])
        };
        self.change_state(&plan.stack, address, changes).await?;
        Ok(record)
    }

    fn not_remembered(&self, stack: &str, address: &str) -> Result<(), Problem> {
        match self.store.record(stack, address)? {
            Some(_) => {
                let message = format!("`{address}` is remembered already in the stack `{stack}`");
                Err(Problem::usage(message).help("`windlass state show` prints it"))
            }
            None => Ok(()),
        }
    }

    async fn change_state(
        &self,
        stack: &str,
        step: &str,
        changes: impl FnOnce() -> Result<Vec<StateChange>, Problem>,
    ) -> Result<(), Problem> {
        let terms = ApplyOptions::default().terms;
        let held = self.lease(stack, "state", terms, |_| {}).await?;
        let changed = self.change_with(stack, step, changes, &held).await;
        held.release().await;
        changed
    }

    /// What a dead run left in doubt is settled before anybody looks at what is remembered: this change
    /// must not pass for the end of an effect.
    async fn change_with(
        &self,
        stack: &str,
        step: &str,
        changes: impl FnOnce() -> Result<Vec<StateChange>, Problem>,
        held: &HeldLease,
    ) -> Result<(), Problem> {
        self.settle_with(stack, held, |_| {}).await?;
        let state = changes()?;
        let run = self.begin(RunKind::State, stack, None, None).await?;
        let ending = Ending::Done { what: Outcome::Remembered, state };
        let event = Event::Ended { step: step.into(), ending, took: 0, log: None };
        let appended = self.store.append(run, &held.lease, vec![event]).await;
        let outcome = if appended.is_ok() { RunOutcome::Done } else { RunOutcome::Failed };
        let finished = self.store.finish(run, outcome, self.now()).await;
        Ok(appended.and(finished)?)
    }
}
