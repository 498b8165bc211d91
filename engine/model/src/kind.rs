//! What a provider writes: a kind of resource, typed by its spec.
//!
//! A kind says what exists, what differs, and how to make it so. It must not say what follows from a
//! difference: whether it forces a replacement, and which attributes become unknown, stands in the
//! declarations of its spec and object.
//!
//! Adding a kind is one folder (`mod.rs`, `spec.rs`, `example.yml`, `cases/*.yml`, `life.yml`) and one
//! line in the list of `providers`: `engine/ARCHITECTURE.md` says how.

use std::future::Future;

use language::{Record, Spec};
use serde::{Deserialize, Serialize};

use crate::action::ErasedAction;
use crate::address::Token;
use crate::context::Context;
use crate::fault::Fault;
use crate::secret::Secrets;
use crate::value::{Digest, Tree, Value};

/// A kind of resource.
pub trait Kind: Send + Sync + 'static {
    /// `provider.noun`, as it stands in files.
    const NAME: &'static str;
    /// The commented example: the reference page, the text of `windlass explain` and a test.
    const EXAMPLE: &'static str;
    /// What its identities share with those of other kinds: two kinds of one space cannot have the same
    /// one either, such as two that write files.
    const SPACE: &'static str = Self::NAME;
    /// Whether two of it can stand side by side, so that the new one can be made before the old goes.
    const ORDER: Order = Order::DestroyFirst;
    /// What its `read` needs.
    const READS: Reads = Reads::ById;
    /// The remote that its calls go to, and what that allows; None: this machine.
    const API: Option<Api> = None;

    /// Of kinds whose resources may share a name: the name that a spec says, and whether this one must be
    /// alone under it, such as a CNAME.
    const SHARED_NAME: Option<fn(&Self::Spec) -> Option<(String, bool)>> = None;

    /// Whether one that is made is called `STACK/ADDRESS` in the world: it goes by that name for good, also
    /// where it is moved, and no other one can be made under it.
    const NAMED_BY_ADDRESS: bool = false;

    /// Attributes that become others as time passes: that nobody has touched it shows all the same.
    const AGES: &'static [&'static str] = &[];

    /// Its keys; `#[spec(replaces)]` marks those that cannot change in place.
    type Spec: Spec + Record + Send + Sync;
    /// Its attributes, beside its keys; `#[spec(follows = "…")]` says which changes reach them. Every
    /// attribute that is declared here can be referred to. An object may hold more: what `diff` needs.
    type Object: Record;

    /// Returns what the resource is in the world, if the spec says it (a path, a name): two
    /// resources of one [`Kind::SPACE`] must not have the same. A path within the project may be
    /// absolute or relative to it.
    fn identity(spec: &Self::Spec) -> Option<String> {
        let _ = spec;
        None
    }

    /// Returns what differs from what is wanted. Pure, and complete: it sees no holes.
    fn diff(spec: &Self::Spec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference>;

    /// Returns the keys, with their values, that bring back what there was before the last change: where
    /// that still stands by, and is only to be turned to. Pure.
    fn back(object: &Object) -> Option<Tree> {
        _ = object;
        None
    }

    /// Returns what there is now, one answer for each of `known` and in their order, many at once. Never
    /// asked where `READS` is [`Reads::Nothing`].
    ///
    /// # Errors
    /// Nothing can be asked at all. What fails for one alone is that one's answer.
    fn read(
        &self,
        context: &Context,
        known: &[Known<Self::Spec>],
    ) -> impl Future<Output = Result<Vec<Looked>, Fault>> + Send;

    /// Returns what a person should know before something is made, changed or destroyed, and only the
    /// world can say: what is in the way of the new one, what goes along with the old one. Asked while it
    /// is planned, of what is known in full; it only looks, and what it says binds nobody.
    ///
    /// # Errors
    /// It must never come about: a plan with what is [`Fault::refused`] here is not applied.
    fn foresee(
        &self,
        context: &Context,
        change: Change<'_, Self::Spec>,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send {
        _ = (context, change);
        async { Ok(None) }
    }

    /// Returns what its resources can do beside being there.
    fn actions() -> Vec<ErasedAction> {
        Vec::new()
    }

    /// Brings a change about: the only effect. Returns what there is afterwards; None after a
    /// deletion. It is handed the same token on every attempt at the same change and must bring it
    /// about once. Deleting what is gone is no error.
    fn apply(
        &self,
        context: &Context,
        change: Change<'_, Self::Spec>,
        token: &Token,
    ) -> impl Future<Output = Result<Option<Object>, Fault>> + Send;

    /// Returns whether the change with this token has happened, after a crash or a lost answer. What
    /// an earlier attempt left running or half made is cleared away here, before the answer
    /// [`Found::Nothing`].
    fn find(
        &self,
        context: &Context,
        change: Change<'_, Self::Spec>,
        token: &Token,
    ) -> impl Future<Output = Result<Found, Fault>> + Send;
}

/// What there is of one resource; None: it is gone. Or why it cannot be looked at.
pub type Looked = Result<Option<Object>, Fault>;

/// What exists, as far as its kind can see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// How the kind finds it again.
    pub id: String,
    /// Everything that others may read or that `diff` compares with; never the text of a secret.
    pub attributes: Tree,
}

/// A change to bring about.
#[derive(Debug)]
pub enum Change<'c, S> {
    /// There is none yet.
    Create(&'c S),
    /// It is there, and something about it differs.
    Update(&'c S, &'c Object),
    /// It is to go. The spec that was applied last is there if it can still be read.
    Delete(Option<&'c S>, &'c Object),
}

/// What is known about an effect in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It did not happen, and nothing is left of the attempt.
    Nothing,
    /// It may have begun, nothing of it runs any more, and how far it came cannot be told: it is brought
    /// about once more, and people are told so.
    Unknown,
    /// It happened, and this is what there is; None after a deletion.
    Done(Option<Object>),
}

/// A resource to be read.
#[derive(Debug)]
pub struct Known<S> {
    /// How the kind finds it.
    pub id: String,
    /// Its spec holds secrets: no text that may contain them must get into the object, only
    /// [`Value::Sealed`].
    pub sealed: bool,
    /// The spec that was applied last, where the kind reads [`Reads::BySpec`].
    pub spec: Option<S>,
}

/// What the reading of a kind needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// There is nothing outside of the state.
    Nothing,
    /// Ids are enough.
    ById,
    /// It asks what its spec says (a URL, a command).
    BySpec,
}

/// A remote and what it allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Api {
    /// Calls to the same name share the limits.
    pub name: &'static str,
    /// Calls at once.
    pub concurrency: usize,
    /// Calls a second.
    pub per_second: u32,
}

/// Whether the new one or the old one goes first: two can stand side by side, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Make the new one, move everything over, then destroy the old one.
    CreateFirst,
    /// Destroy the old one, then make the new one.
    DestroyFirst,
}

/// A key whose desired value is not what there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key, as it stands in files.
    pub key: &'static str,
    /// What there is.
    pub from: Value,
    /// What is wanted.
    pub to: Value,
    /// Where the declaration cannot say whether it forces a replacement (a disk that only grows).
    pub forces: Option<bool>,
}

impl Difference {
    /// Returns a difference whose consequence is the key's own mark.
    pub fn new(key: &'static str, from: impl Into<Value>, to: impl Into<Value>) -> Self {
        Self { key, from: from.into(), to: to.into(), forces: None }
    }

    /// Returns what differs among keys whose values an object holds under the same names.
    pub fn among<const N: usize>(object: &Object, keys: [(&'static str, Value); N]) -> Vec<Self> {
        let differs = |(key, to): &(&'static str, Value)| !object.get(key).means(to);
        let keys = keys.into_iter().filter(differs);
        keys.map(|(key, to)| Self::new(key, object.get(key).clone(), to)).collect()
    }
}

impl Object {
    /// Returns an object with these attributes.
    pub fn new<const N: usize>(id: impl Into<String>, attributes: [(&str, Value); N]) -> Self {
        let attributes =
            attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { id: id.into(), attributes }
    }

    /// Returns an attribute; `Null` if there is none.
    pub fn get(&self, name: &str) -> &Value {
        self.attributes.get(name).unwrap_or(&Value::Null)
    }

    /// Returns an attribute that is plain text; empty if it is not.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).as_text().unwrap_or_default()
    }

    /// Returns what tells this object from a changed one.
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(self.id.as_bytes());
        bytes.push(0);
        Value::write_tree(&self.attributes, &mut bytes);
        Digest::of(&bytes)
    }
}

impl<'c, S> Change<'c, S> {
    /// Returns what is wanted afterwards; None for a deletion.
    pub fn wanted(&self) -> Option<&'c S> {
        match self {
            Self::Create(spec) | Self::Update(spec, _) => Some(spec),
            Self::Delete(..) => None,
        }
    }

    /// Returns what there is before.
    pub fn object(&self) -> Option<&'c Object> {
        match self {
            Self::Create(_) => None,
            Self::Update(_, object) | Self::Delete(_, object) => Some(object),
        }
    }
}
