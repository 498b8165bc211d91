//! An in-memory reality: objects by kind and id, for the kinds of any registry.
//!
//! It is deliberately unforgiving: what happens twice, what is made where something is already, what is
//! changed or destroyed though it is gone, and what happens without a durable intent is noted as a
//! violation, which a test reads at its end. It must not know plans.

mod imagined;
mod reality;
mod sample;
mod script;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use model::event::Verb;
use model::{Context, Erased, Fault, Found, Object, Registry, Token, Tree, Value};
use runtime::store::Store;
use tokio::time::sleep;

use crate::fuse::Fuse;
use imagined::Imagined;
pub(crate) use imagined::verb;
use reality::Reality;
pub use script::Script;

/// See the module.
#[derive(Default)]
pub struct World {
    reality: Mutex<Reality>,
    setting: Mutex<Setting>,
}

/// What surrounds the objects and is not one of them.
#[derive(Clone, Default)]
struct Setting {
    fuse: Fuse,
    /// By block: how it answers; others work.
    scripts: HashMap<String, Script>,
    /// Where the intent of every effect must be found.
    witness: Option<Weak<dyn Store>>,
    /// Effects take up to so many milliseconds.
    pace: u64,
    /// How long it takes to look for an effect.
    patience: Duration,
    /// Reads answer for one object less than they are asked for.
    short: bool,
    /// Where the token of every effect is written as it happens.
    echo: Option<Arc<File>>,
}

/// One effect that is asked for.
pub struct Call<'c> {
    /// The name of the kind.
    pub kind: &'static str,
    /// What is to happen.
    pub verb: Verb,
    /// What there is before; None for what is made.
    pub old: Option<&'c Object>,
    /// Where the thing stands, if that is told by its spec.
    pub identity: Option<String>,
    /// What there will be, given its id.
    pub make: &'c (dyn Fn(String) -> Object + Sync),
}

impl World {
    /// Returns an empty world.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Returns another world that is as this one is now, without its fuse.
    pub fn copy(&self) -> Arc<Self> {
        let setting = Setting { fuse: Fuse::default(), witness: None, ..self.setting().clone() };
        let reality = Mutex::new(self.reality().clone());
        Arc::new(Self { reality, setting: Mutex::new(setting) })
    }

    /// Returns a registry of the same kinds whose effects happen here and nowhere else.
    pub fn over(self: &Arc<Self>, kinds: &Registry) -> Registry {
        let imagined = |kind: &Arc<Erased>| Erased {
            effects: Arc::new(Imagined { world: Arc::clone(self), kind: Arc::clone(kind) }),
            ..(**kind).clone()
        };
        Registry::new(kinds.kinds().map(imagined))
    }

    /// From now on the process may die at any effect.
    pub fn set_fuse(&self, fuse: &Fuse) {
        self.setting().fuse = fuse.clone();
    }

    /// From now on every effect must find its intent in this store.
    pub fn set_witness(&self, store: &Arc<dyn Store>) {
        self.setting().witness = Some(Arc::downgrade(store));
    }

    /// From now on each effect takes its own time, up to so many milliseconds.
    pub fn set_pace(&self, most: u64) {
        self.setting().pace = most;
    }

    /// From now on reads answer for one object less than they are asked for.
    pub fn set_short(&self) {
        self.setting().short = true;
    }

    /// From now on each look for an effect takes so long.
    pub fn set_patience(&self, patience: Duration) {
        self.setting().patience = patience;
    }

    /// From now on the token of every effect is written here as it happens, a line each.
    pub fn set_echo(&self, file: File) {
        self.setting().echo = Some(Arc::new(file));
    }

    /// From now on what the resources of a block ask for is answered like this.
    pub fn set_script(&self, block: &str, script: Script) {
        self.setting().scripts.insert(block.to_owned(), script);
    }

    /// Returns all objects by kind and id.
    pub fn objects(&self) -> BTreeMap<(String, String), Tree> {
        self.reality().objects.clone()
    }

    /// Returns what must never happen and did.
    pub fn violations(&self) -> Vec<String> {
        self.reality().violations.clone()
    }

    /// Takes the effects since the last time, in their order, as a person would say them.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.reality().log)
    }

    /// Returns how many batches were read.
    pub fn reads(&self) -> usize {
        self.reality().reads
    }

    /// Returns how many effects were found by their token.
    pub fn found(&self) -> usize {
        self.reality().found
    }

    /// Destroys an object behind the engine's back.
    pub fn lose(&self, kind: &str, id: &str) {
        let lost = self.reality().objects.remove(&(kind.to_owned(), id.to_owned()));
        assert!(lost.is_some(), "there is no {kind} {id}");
    }

    /// Changes an attribute behind the engine's back.
    pub fn disturb(&self, kind: &str, id: &str, key: &str, value: impl Into<Value>) {
        let mut reality = self.reality();
        let object = reality.objects.get_mut(&(kind.to_owned(), id.to_owned()));
        let object = object.unwrap_or_else(|| panic!("there is no {kind} {id}"));
        object.insert(key.to_owned(), value.into());
    }

    /// Makes something that nobody asked for.
    pub fn place(&self, kind: &str, object: Object) {
        let key = (kind.to_owned(), object.id);
        assert!(self.reality().objects.insert(key, object.attributes).is_none());
    }

    /// Reads many at once.
    pub fn read<'i>(&self, kind: &str, ids: impl Iterator<Item = &'i str>) -> Vec<Option<Object>> {
        let short = usize::from(self.setting().short);
        let mut reality = self.reality();
        reality.reads += 1;
        ids.skip(short).map(|id| reality.object(kind, id)).collect()
    }

    /// Brings an effect about, or answers as its script says.
    pub async fn apply(
        &self,
        context: &Context,
        call: Call<'_>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let setting = self.setting().clone();
        let block = model::address::block_of(&context.address);
        let script = setting.scripts.get(block).copied().unwrap_or_default();
        let first = self.reality().first_call(token);
        if setting.pace > 0 {
            let span = context.address.bytes().map(u64::from).sum::<u64>() * 7 % setting.pace;
            sleep(Duration::from_millis(span)).await;
        }
        script.before(first)?;
        setting.fuse.burn().await;
        self.witnessed(&setting, &context.stack, token);
        if let Some(echo) = &setting.echo {
            (&**echo).write_all(format!("{token}\n").as_bytes()).unwrap();
        }
        let verb = call.verb;
        let happened = self.reality().happen(context, call, token);
        setting.fuse.burn().await;
        script.after(first, verb).await?;
        happened
    }

    /// Returns what is known of an effect.
    pub async fn find(&self, token: &Token) -> Found {
        let Setting { fuse, patience, .. } = self.setting().clone();
        fuse.burn().await;
        if !patience.is_zero() {
            sleep(patience).await;
        }
        self.reality().find(token)
    }

    fn witnessed(&self, setting: &Setting, stack: &str, token: &Token) {
        let Some(store) = setting.witness.as_ref().and_then(Weak::upgrade) else { return };
        let doubts = store.doubts(stack).unwrap();
        if doubts.iter().all(|doubt| doubt.token != *token) {
            let violation = format!("{token} of {stack} happened without a durable intent");
            self.reality().violations.push(violation);
        }
    }

    fn reality(&self) -> MutexGuard<'_, Reality> {
        self.reality.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn setting(&self) -> MutexGuard<'_, Setting> {
        self.setting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
