//! A plan's steps as effects for the walker: each does what it was told, or refuses.
//!
//! It reads no files and asks no planner. It must not do more than the plan said: a change that grew is
//! refused, one that vanished is nothing to do.

mod delete;
mod put;
mod recover;
mod settled;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::context::Site;
use model::event::{Ending, Intent, StateChange, Verb};
use model::kind::{Change, Found, Known, Reads};
use model::plan::{Seen, Source, Step, Want, WantedRead, Work, digest_of_list};
use model::record::{OutputsRecord, Record};
use model::registry::BoxFuture;
use model::value::{Reading, filled};
use model::{Context, Digest, Erased, Fault, Object, Registry, Token, Tree, Value};

pub use recover::{RecoverError, Recovered, recover};

use crate::log::{Logs, StepLog};
use crate::sealing::Sealing;
use crate::store::{RunId, Store};
use crate::walk::{Done, Effects, Live, Prepared};
use settled::settled;

/// What the effects of one stack's run need.
pub struct Applying {
    /// The stack.
    pub stack: String,
    /// The run, whose number is the generation of what it makes.
    pub run: RunId,
    /// Where the state is read from.
    pub store: Arc<dyn Store>,
    /// THE list.
    pub kinds: Arc<Registry>,
    /// What kinds are handed.
    pub site: Arc<Site>,
    /// What takes secrets out.
    pub sealing: Arc<dyn Sealing>,
    /// Where output is kept.
    pub logs: Arc<Logs>,
    /// What steps of this run made of the state, before it is durable and after.
    overlay: Mutex<HashMap<String, Option<Arc<Record>>>>,
}

/// Everything that [`Applying`] is made of.
pub struct Ground {
    /// Where the state is read from.
    pub store: Arc<dyn Store>,
    /// THE list.
    pub kinds: Arc<Registry>,
    /// What kinds are handed.
    pub site: Arc<Site>,
    /// What takes secrets out.
    pub sealing: Arc<dyn Sealing>,
    /// Where output is kept.
    pub logs: Arc<Logs>,
}

impl Applying {
    /// Returns the effects of a run.
    pub fn new(stack: &str, run: RunId, ground: Ground) -> Self {
        let Ground { store, kinds, site, sealing, logs } = ground;
        let overlay = Mutex::default();
        Self { stack: stack.to_owned(), run, store, kinds, site, sealing, logs, overlay }
    }

    fn kind(&self, name: &str) -> Result<&Arc<Erased>, Fault> {
        self.kinds.get(name).ok_or_else(|| {
            Fault::broken(format!("there is no kind `{name}` in this build of windlass"))
        })
    }

    fn record(&self, key: &str) -> Result<Option<Arc<Record>>, Fault> {
        let overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = overlay.get(key) {
            return Ok(record.clone());
        }
        drop(overlay);
        let record = self.store.record(&self.stack, key);
        Ok(record.map_err(|error| Fault::broken(error.to_string()))?.map(Arc::new))
    }

    fn token(&self, step: &str) -> Token {
        Token::of(self.store.project(), &self.stack, step, self.run.0)
    }

    fn context(&self, step: &str, progress: Arc<dyn model::context::Progress>) -> Context {
        let (stack, address) = (self.stack.as_str().into(), step.into());
        Context { stack, address, site: Arc::clone(&self.site), progress }
    }

    /// The object as it is now.
    async fn read(
        &self,
        kind: &Erased,
        record: &Record,
        context: &Context,
    ) -> Result<Option<Object>, Fault> {
        let spec = match kind.reads {
            Reads::Nothing => return Ok(Some(record.object.clone())),
            Reads::ById => None,
            Reads::BySpec => Some(record.spec.clone()),
        };
        let known = Known { id: record.object.id.clone(), sealed: record.sealed(), spec };
        let mut found = kind.effects.read(context, &[known]).await?;
        Ok(found.pop().flatten().map(|object| self.sealing.sealed_object(object)))
    }

    /// The object as it is, which must be as the plan saw it.
    async fn found(
        &self,
        kind: &Erased,
        record: &Record,
        seen: &Seen,
        context: &Context,
    ) -> Result<Option<Object>, Fault> {
        if record.generation != seen.generation {
            return Err(Fault::stale("another run changed it since"));
        }
        let object = self.read(kind, record, context).await?;
        if object.as_ref().map(Object::digest) != seen.object {
            return Err(Fault::stale("it is not what it was when the plan was made"));
        }
        Ok(object)
    }

    /// What is wanted, now that everything that it reads is there.
    fn known_now(&self, want: &Want) -> Result<Tree, Fault> {
        self.filled(&want.spec, &want.reads)
    }

    fn filled(&self, tree: &Tree, reads: &[WantedRead]) -> Result<Tree, Fault> {
        let unknown = |path: &str| format!("`{path}` is not known");
        let mut read = |path: &str| {
            let read = reads.iter().find(|read| read.path == path);
            let Some(Source::Attribute { of, name, list }) = read.map(|read| &read.source) else {
                return Err(unknown(path));
            };
            let mut values = Vec::with_capacity(of.len());
            for address in of {
                values.push(self.attribute(address, name)?.ok_or_else(|| unknown(path))?);
            }
            let one = !*list;
            let value = if one { values.pop().unwrap_or(Value::Null) } else { Value::List(values) };
            match value.is_sealed() {
                true => Err(format!("`{path}` holds a secret in the open and was not kept")),
                false => Ok(Reading::Known(value)),
            }
        };
        let complete = filled(tree, &mut read).map_err(Fault::refused)?;
        match complete.values().all(Value::is_complete) {
            true => Ok(complete),
            false => Err(Fault::refused("something that it needs is still unknown")),
        }
    }

    fn attribute(&self, address: &str, name: &str) -> Result<Option<Value>, String> {
        let Some(record) = self.record(address).map_err(|fault| fault.message)? else {
            return Ok(None);
        };
        Ok(self.kinds.get(&record.kind).map(|kind| record.attribute(kind, name)))
    }

    /// The digest of what was read: of what the plan fixed as it said, of the rest as it is now.
    fn digest_now(&self, source: &Source) -> Option<Digest> {
        let digest = |address: &String, name: &str| {
            self.attribute(address, name).ok().flatten().map(|value| value.digest())
        };
        match source {
            Source::Fixed(digest) => Some(*digest),
            Source::Attribute { of, name, list: false } => digest(of.first()?, name),
            Source::Attribute { of, name, .. } => {
                digest_of_list(of.iter().map(|address| digest(address, name)))
            }
        }
    }

    fn digest_of_want(&self, want: &Want) -> Result<Digest, Fault> {
        let digests = want.reads.iter().map(|read| self.digest_now(&read.source));
        let unknown = || Fault::refused("something that it reads is still unknown");
        want.digest(digests).ok_or_else(unknown)
    }

    fn outputs(&self, outputs: &model::plan::Outputs) -> Result<Done, Fault> {
        let values = self.filled(&outputs.values, &outputs.reads)?;
        let paths = outputs.reads.iter().map(|read| read.path.as_str());
        let digests = outputs.reads.iter().map(|read| self.digest_now(&read.source));
        let digest = model::plan::digest(outputs.shape, paths.zip(digests)).unwrap_or_default();
        let state = vec![StateChange::Outputs(OutputsRecord { digest, values })];
        Ok(Done { what: model::event::Outcome::Remembered, state })
    }

    /// Looks whether what was intended has happened.
    async fn look(
        &self,
        step: &str,
        intent: &Intent,
        token: &Token,
        context: &Context,
    ) -> Result<Option<Done>, Fault> {
        let kind = self.kind(&intent.kind)?;
        let record = self.record(&intent.key)?;
        let change = match (intent.verb, record.as_deref()) {
            (Verb::Create, _) => Change::Create(&intent.spec),
            (Verb::Update, Some(record)) => Change::Update(&intent.spec, &record.object),
            (Verb::Delete, Some(record)) => Change::Delete(Some(&intent.spec), &record.object),
            (Verb::Update | Verb::Delete, None) => return Ok(None),
        };
        match kind.effects.find(context, change, token).await? {
            Found::Nothing => Ok(None),
            Found::Done(object) => {
                let object = object.map(|object| self.sealing.sealed_object(object));
                let (what, state) = settled(step, intent, object, record.as_deref());
                Ok(Some(Done { what, state }))
            }
        }
    }
}

impl Effects for Applying {
    fn prepare(&self, step: &Step) -> Result<Prepared, Fault> {
        let name = step.name.as_str();
        let token = self.token(name);
        let quiet = Prepared { token: token.clone(), intent: None, api: None, idle: false };
        match &step.work {
            Work::Join => Ok(Prepared { idle: true, ..quiet }),
            Work::Put(put) => self.prepare_put(name, put, quiet),
            Work::Delete { key, .. } => self.prepare_delete(key, quiet),
            Work::Forget { .. } | Work::Outputs(_) => Ok(quiet),
            Work::Task(_) => Err(Fault::broken("a stack has no such steps")),
        }
    }

    fn find<'f>(
        &'f self,
        step: &'f Step,
        prepared: &'f Prepared,
        live: &'f Live,
    ) -> BoxFuture<'f, Result<Option<Done>, Fault>> {
        Box::pin(async move {
            let Some(intent) = &prepared.intent else { return Ok(None) };
            let name = step.name.as_str();
            let context = self.context(name, Arc::new(live.clone()));
            self.look(name, intent, &prepared.token, &context).await
        })
    }

    fn apply<'f>(
        &'f self,
        step: &'f Step,
        prepared: &'f Prepared,
        live: &'f Live,
    ) -> BoxFuture<'f, Result<Done, Fault>> {
        Box::pin(async move {
            let name = step.name.as_str();
            let log = StepLog::new(&self.logs, Arc::clone(&self.sealing), live.clone());
            let context = self.context(name, Arc::new(log));
            match &step.work {
                Work::Put(put) => self.put(name, put, prepared, &context).await,
                Work::Delete { key, seen, want } => {
                    self.delete(name, key, seen, want.as_deref(), prepared, &context).await
                }
                Work::Forget { key, seen } => self.forget(key, seen),
                Work::Outputs(outputs) => self.outputs(outputs),
                Work::Join | Work::Task(_) => Err(Fault::broken("there is nothing to apply")),
            }
        })
    }

    fn ended(&self, _: &Step, ending: &Ending) {
        let Ending::Done { state, .. } = ending else { return };
        let mut overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner);
        for change in state {
            match change {
                StateChange::Put { key, record } => {
                    overlay.insert(key.clone(), Some(Arc::new((**record).clone())));
                }
                StateChange::Remove { key } => _ = overlay.insert(key.clone(), None),
                StateChange::Outputs(_) => {}
            }
        }
    }

    fn shown(&self, fault: Fault) -> Fault {
        self.sealing.masked_fault(fault)
    }
}
