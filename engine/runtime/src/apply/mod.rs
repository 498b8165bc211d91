//! A plan's steps as effects for the walker: each does what it was told, or refuses.
//!
//! It reads no files and asks no planner. It must not do more than the plan said: a change that grew is
//! refused, one that vanished is nothing to do.

mod delete;
mod put;
mod recover;
mod settled;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use model::address::left_over_from;
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
    /// What its tokens begin with.
    pub origin: String,
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
    /// See [`model::plan::Plan::lists`].
    pub lists: BTreeMap<String, Vec<String>>,
    /// What steps of this run made of the state, before it is durable and after.
    overlay: Mutex<HashMap<String, Option<Arc<Record>>>>,
    /// What was read of the rest of it: nobody else changes it while the lease is held.
    read: Mutex<HashMap<String, Option<Arc<Record>>>>,
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
    pub fn new(stack: &str, run: RunId, origin: String, ground: Ground) -> Self {
        let Ground { store, kinds, site, sealing, logs } = ground;
        let (overlay, read, lists) = (Mutex::default(), Mutex::default(), BTreeMap::new());
        let stack = stack.to_owned();
        Self { stack, run, origin, store, kinds, site, sealing, logs, lists, overlay, read }
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
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = read.get(key) {
            return Ok(record.clone());
        }
        let record = self.store.record(&self.stack, key);
        let record = record.map_err(|error| Fault::broken(error.to_string()))?.map(Arc::new);
        read.insert(key.to_owned(), record.clone());
        Ok(record)
    }

    /// What the plan saw and the state no longer knows must be gone because of this run: its own step
    /// removed it, or made it the one that goes beside the new one and found nothing to put there.
    fn removed_here(&self, key: &str) -> Result<(), Fault> {
        let overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = left_over_from(key);
        match overlay.contains_key(key) || replaced.is_some_and(|key| overlay.contains_key(key)) {
            true => Ok(()),
            false => Err(Fault::stale("another run removed it since")),
        }
    }

    fn token(&self, step: &str) -> Token {
        Token::of(&self.origin, &self.stack, step, self.run.0)
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
        let found = found.pop().transpose()?.flatten();
        Ok(found.map(|object| self.sealing.sealed_object(object, Some(&record.object))))
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
        let found = Seen::of(record, object.as_ref(), Some(kind));
        // What had drifted may be put right by now, by another step of this very run: it is as remembered.
        if found != *seen && found != Seen::of(record, Some(&record.object), Some(kind)) {
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
            let attribute =
                |of: &str, name: &str| self.attribute(of, name)?.ok_or_else(|| unknown(path));
            let value = match read.map(|read| &read.source) {
                Some(Source::Attribute { of, name, .. }) => attribute(of, name)?,
                Some(Source::List { block, name, .. }) => Value::List(
                    self.list(block)
                        .iter()
                        .map(|of| attribute(of, name))
                        .collect::<Result<_, _>>()?,
                ),
                _ => return Err(unknown(path)),
            };
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

    /// The addresses of a block that is read as a list.
    fn list(&self, block: &str) -> &[String] {
        self.lists.get(block).map_or(&[], Vec::as_slice)
    }

    /// The digest of what is read, as it is now; None: it is not there.
    fn digest_now(&self, source: &Source) -> Option<Digest> {
        let digest = |address: &str, name: &str| {
            self.attribute(address, name).ok().flatten().map(|value| value.digest())
        };
        match source {
            Source::Fixed(digest) => Some(*digest),
            Source::Output { stack, name, .. } => {
                let outputs = self.store.outputs(stack).ok().flatten()?;
                outputs.values.get(name).map(Value::digest)
            }
            Source::Attribute { of, name, .. } => digest(of, name),
            Source::List { block, name, .. } => {
                digest_of_list(self.list(block).iter().map(|address| digest(address, name)))
            }
        }
    }

    /// The digest that is remembered: of what the plan knew as it said, of the rest as it is now.
    fn digest_remembered(&self, source: &Source) -> Option<Digest> {
        source.known().or_else(|| self.digest_now(source))
    }

    /// What the plan was made with must still be so.
    fn reads_are_as_seen(&self, reads: &[WantedRead]) -> Result<(), Fault> {
        let other = reads.iter().find(|read| {
            let known = read.source.known();
            known.is_some() && self.digest_now(&read.source) != known
        });
        match other {
            Some(read) => {
                let path = &read.path;
                Err(Fault::stale(format!("`{path}` is not what it was when the plan was made")))
            }
            None => Ok(()),
        }
    }

    fn digest_of_want(&self, want: &Want) -> Result<Digest, Fault> {
        let digests = want.reads.iter().map(|read| self.digest_remembered(&read.source));
        let unknown = || Fault::refused("something that it reads is still unknown");
        want.digest(digests).ok_or_else(unknown)
    }

    fn outputs(&self, outputs: &model::plan::Outputs) -> Result<Done, Fault> {
        let values = self.filled(&outputs.values, &outputs.reads)?;
        let paths = outputs.reads.iter().map(|read| read.path.as_str());
        let digests = outputs.reads.iter().map(|read| self.digest_remembered(&read.source));
        let digest = model::plan::digest(outputs.shape, paths.zip(digests)).unwrap_or_default();
        let state = vec![StateChange::Outputs(OutputsRecord { digest, values })];
        Ok(Done { what: model::event::Outcome::Remembered, state })
    }

    fn outputs_are_as_seen(&self, seen: Option<Digest>) -> Result<(), Fault> {
        let now = self.store.outputs(&self.stack);
        let now = now.map_err(|error| Fault::broken(error.to_string()))?;
        match now.map(|outputs| outputs.digest) == seen {
            true => Ok(()),
            false => Err(Fault::stale("another run changed the outputs since")),
        }
    }

    /// Looks whether what was intended has happened.
    async fn look(
        &self,
        step: &str,
        intent: &Intent,
        token: &Token,
        context: &Context,
    ) -> Result<Looked, Fault> {
        let kind = self.kind(&intent.kind)?;
        let record = self.record(&intent.key)?;
        let change = match (intent.verb, record.as_deref()) {
            (Verb::Create, _) => Change::Create(&intent.spec),
            (Verb::Update, Some(record)) => Change::Update(&intent.spec, &record.object),
            (Verb::Delete, Some(record)) => Change::Delete(Some(&intent.spec), &record.object),
            (Verb::Update | Verb::Delete, None) => return Ok(Looked::Nothing),
        };
        match kind.effects.find(context, change, token).await? {
            Found::Nothing => Ok(Looked::Nothing),
            Found::Unknown => Ok(Looked::Unknown),
            Found::Done(object) => {
                let object = object.map(|object| self.sealing.sealed_object(object, None));
                let (what, state) = settled(step, intent, object, record.as_deref());
                Ok(Looked::Done(Done { what, state }))
            }
        }
    }
}

/// What became of an effect in doubt.
enum Looked {
    /// It did not happen.
    Nothing,
    /// Nobody can say how far it came.
    Unknown,
    /// It happened.
    Done(Done),
}

impl Effects for Applying {
    fn prepare(&self, step: &Step) -> Result<Prepared, Fault> {
        let name = step.name.as_str();
        let token = self.token(name);
        let quiet = Prepared {
            token: token.clone(),
            intent: None,
            api: None,
            timeout: step.timeout,
            idle: false,
            held: None,
        };
        self.reads_are_as_seen(step.work.reads())?;
        let prepared = match &step.work {
            Work::Join => Ok(Prepared { idle: true, ..quiet }),
            Work::Put(put) => self.prepare_put(name, put, quiet),
            Work::Delete { key, .. } => self.prepare_delete(key, quiet),
            Work::Outputs(outputs) => self.outputs_are_as_seen(outputs.seen).map(|()| quiet),
            Work::Forget { .. } => Ok(quiet),
            Work::Task(_) => Err(Fault::broken("a stack has no such steps")),
        };
        prepared.map(|mut prepared| {
            if let Some(intent) = &mut prepared.intent {
                intent.timeout = step.timeout;
            }
            prepared
        })
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
            Ok(match self.look(name, intent, &prepared.token, &context).await? {
                Looked::Done(done) => Some(done),
                Looked::Nothing | Looked::Unknown => None,
            })
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
