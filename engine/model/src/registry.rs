//! Kinds without their types, by name: what joins providers and engine.
//!
//! It must not know any kind by name.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use language::decoder::decode;
use language::scope::Unresolved;
use language::{Diagnostics, Document, Field, Keys, Layout, Record, Spec};

use crate::action::ErasedAction;
use crate::address::Token;
use crate::context::Context;
use crate::fault::Fault;
use crate::kind::{Api, Change, Difference, Found, Kind, Known, Looked, Object, Order, Reads};
use crate::secret::Secrets;
use crate::value::{Tree, Value, document};

/// A future that can be moved between threads.
pub type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// A kind without its types.
#[derive(Clone)]
pub struct Erased {
    /// `provider.noun`.
    pub name: &'static str,
    /// The commented example.
    pub example: &'static str,
    /// What its identities share with those of other kinds.
    pub space: &'static str,
    /// What goes first in a replacement.
    pub order: Order,
    /// What reading needs.
    pub reads: Reads,
    /// The remote and its limits.
    pub api: Option<Api>,
    /// Attributes that become others as time passes.
    pub ages: &'static [&'static str],
    /// Its keys.
    pub spec: fn() -> &'static Layout,
    /// Its attributes.
    pub object: fn() -> &'static Layout,
    /// Reads one resource's keys as its author wrote them, for the errors alone.
    pub check: fn(&mut Keys<'_, '_, '_>),
    /// Whether a complete tree is a spec of this kind; every error in it, in one line.
    pub fits: fn(&Tree) -> Result<(), String>,
    /// What the resource is in the world, if its spec can be read and says it.
    pub identity: fn(&Tree) -> Option<String>,
    /// Whether one that is made goes by the name `STACK/ADDRESS`.
    pub named_by_address: bool,
    /// The name that it may share with others of its kind, and whether it must be alone there.
    pub shared_name: Option<SharedName>,
    /// What differs.
    pub diff: fn(&Tree, &Object, &dyn Secrets) -> Result<Vec<Difference>, String>,
    /// What its resources can do beside being there.
    pub actions: Vec<ErasedAction>,
    /// See [`Kind::back`].
    pub back: fn(&Object) -> Option<Tree>,
    /// What touches the world: swapped in tests.
    pub effects: Arc<dyn Effects>,
}

/// See [`Kind::SHARED_NAME`].
pub type SharedName = fn(&Tree) -> Option<(String, bool)>;

fn shared_name<K: Kind>(tree: &Tree) -> Option<(String, bool)> {
    K::SHARED_NAME?(&typed::<K::Spec>(tree).ok()?)
}

/// The part of a kind that touches the world.
pub trait Effects: Send + Sync {
    /// See [`Kind::read`].
    fn read<'f>(
        &'f self,
        context: &'f Context,
        known: &'f [Known<Tree>],
    ) -> BoxFuture<'f, Result<Vec<Looked>, Fault>>;

    /// See [`Kind::foresee`].
    fn foresee<'f>(
        &'f self,
        context: &'f Context,
        change: Change<'f, Tree>,
    ) -> BoxFuture<'f, Result<Option<String>, Fault>> {
        _ = (context, change);
        Box::pin(async { Ok(None) })
    }

    /// See [`Kind::apply`].
    fn apply<'f>(
        &'f self,
        context: &'f Context,
        change: Change<'f, Tree>,
        token: &'f Token,
    ) -> BoxFuture<'f, Result<Option<Object>, Fault>>;

    /// See [`Kind::find`].
    fn find<'f>(
        &'f self,
        context: &'f Context,
        change: Change<'f, Tree>,
        token: &'f Token,
    ) -> BoxFuture<'f, Result<Found, Fault>>;
}

impl Erased {
    /// Takes the types away from a kind.
    pub fn of<K: Kind>(kind: K) -> Self {
        Self {
            name: K::NAME,
            example: K::EXAMPLE,
            space: K::SPACE,
            order: K::ORDER,
            reads: K::READS,
            api: K::API,
            ages: K::AGES,
            spec: K::Spec::layout,
            object: K::Object::layout,
            check: |keys| _ = K::Spec::take(keys),
            fits: |tree| typed::<K::Spec>(tree).map(|_| ()),
            identity: |tree| K::identity(&typed::<K::Spec>(tree).ok()?),
            named_by_address: K::NAMED_BY_ADDRESS,
            shared_name: K::SHARED_NAME.map(|_| shared_name::<K> as SharedName),
            diff: |tree, object, secrets| Ok(K::diff(&typed::<K::Spec>(tree)?, object, secrets)),
            actions: K::actions(),
            back: K::back,
            effects: Arc::new(Typed(kind)),
        }
    }

    /// Returns what a resource is in the world, in one line: the space of its kind, a blank, and its
    /// identity. No two resources may have the same one, whichever stacks they belong to.
    pub fn claim(&self, spec: &Tree, project: &Path) -> Option<String> {
        let identity = (self.identity)(spec)?;
        // A path may be written either way.
        let within = Path::new(&identity).strip_prefix(project).ok().and_then(Path::to_str);
        Some(format!("{} {}", self.space, within.unwrap_or(&identity)))
    }

    /// Returns the action of this verb.
    pub fn action(&self, verb: &str) -> Option<&ErasedAction> {
        self.actions.iter().find(|action| action.verb == verb)
    }

    /// Returns what is the same as long as nobody changes the resource: all but what time alone brings
    /// about, see [`Kind::AGES`].
    pub fn lasting(&self, object: &Object) -> Object {
        let mut object = object.clone();
        object.attributes.retain(|name, _| !self.ages.contains(&name.as_str()));
        object
    }

    /// Returns the declaration of a key.
    pub fn key(&self, key: &str) -> Option<&'static Field> {
        (self.spec)().field(key)
    }

    /// Returns the declaration of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&'static Field> {
        (self.object)().field(name)
    }

    /// Returns keys and attributes: what a reference may name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        (self.spec)().keys().chain((self.object)().keys())
    }

    /// Returns what a key stands for when nobody writes it.
    pub fn default(&self, key: &str) -> Value {
        let default = self.key(key).and_then(|field| field.default);
        default.map_or(Value::Null, |text| Value::literal(Document::value(text).root()))
    }
}

struct Typed<K>(K);

impl<K: Kind> Effects for Typed<K> {
    fn read<'f>(
        &'f self,
        context: &'f Context,
        known: &'f [Known<Tree>],
    ) -> BoxFuture<'f, Result<Vec<Looked>, Fault>> {
        Box::pin(async move {
            // One whose spec cannot be read is no reason not to look at the others.
            let typed: Vec<Result<Known<K::Spec>, Fault>> = known.iter().map(known_typed).collect();
            let unread: Vec<Option<Fault>> =
                typed.iter().map(|known| known.as_ref().err().cloned()).collect();
            let known: Vec<Known<K::Spec>> = typed.into_iter().filter_map(Result::ok).collect();
            let found = self.0.read(context, &known).await?;
            // One answer less would be that of another: what is there would pass for gone.
            if found.len() != known.len() {
                return Err(Fault::broken(format!(
                    "{} was asked for {} objects and answered for {}: this is a fault of windlass",
                    K::NAME,
                    known.len(),
                    found.len()
                )));
            }
            let mut found = found.into_iter();
            let answer = |unread: Option<Fault>| match unread {
                Some(fault) => Some(Err(fault)),
                None => found.next(),
            };
            Ok(unread.into_iter().filter_map(answer).collect())
        })
    }

    fn foresee<'f>(
        &'f self,
        context: &'f Context,
        change: Change<'f, Tree>,
    ) -> BoxFuture<'f, Result<Option<String>, Fault>> {
        Box::pin(async move {
            let spec = spec_of::<K::Spec>(&change)?;
            self.0.foresee(context, typed_change(&change, spec.as_ref())?).await
        })
    }

    fn apply<'f>(
        &'f self,
        context: &'f Context,
        change: Change<'f, Tree>,
        token: &'f Token,
    ) -> BoxFuture<'f, Result<Option<Object>, Fault>> {
        Box::pin(async move {
            let spec = spec_of::<K::Spec>(&change)?;
            self.0.apply(context, typed_change(&change, spec.as_ref())?, token).await
        })
    }

    fn find<'f>(
        &'f self,
        context: &'f Context,
        change: Change<'f, Tree>,
        token: &'f Token,
    ) -> BoxFuture<'f, Result<Found, Fault>> {
        Box::pin(async move {
            let spec = spec_of::<K::Spec>(&change)?;
            self.0.find(context, typed_change(&change, spec.as_ref())?, token).await
        })
    }
}

fn known_typed<S: Spec>(known: &Known<Tree>) -> Result<Known<S>, Fault> {
    let spec = known.spec.as_ref().map(typed::<S>).transpose().map_err(Fault::broken)?;
    Ok(Known { id: known.id.clone(), sealed: known.sealed, spec })
}

/// The spec of a change. What is to be deleted may have been written for an older declaration.
fn spec_of<S: Spec>(change: &Change<'_, Tree>) -> Result<Option<S>, Fault> {
    match change {
        Change::Create(tree) | Change::Update(tree, _) => {
            typed::<S>(tree).map(Some).map_err(Fault::refused)
        }
        Change::Delete(tree, _) => Ok(tree.and_then(|tree| typed::<S>(tree).ok())),
    }
}

fn typed_change<'c, S>(
    change: &Change<'c, Tree>,
    spec: Option<&'c S>,
) -> Result<Change<'c, S>, Fault> {
    Ok(match (change, spec) {
        (Change::Create(_), Some(spec)) => Change::Create(spec),
        (Change::Update(_, object), Some(spec)) => Change::Update(spec, object),
        (Change::Delete(_, object), spec) => Change::Delete(spec, object),
        _ => return Err(Fault::broken("its spec cannot be read")),
    })
}

/// Decodes a typed spec from a complete tree.
///
/// # Errors
/// Every error in it, in one line.
pub fn typed<S: Spec>(tree: &Tree) -> Result<S, String> {
    let mut diagnostics = Diagnostics::default();
    let value = decode::<S>(&document(tree), &Unresolved, &mut diagnostics).value;
    match value {
        // What a check across several keys refuses has a value all the same.
        Some(value) if diagnostics.is_empty() => Ok(value),
        _ => {
            let errors = diagnostics.sorted().into_iter().map(|error| error.message);
            Err(errors.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Kinds by name: THE list.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Arc<Erased>>);

impl Registry {
    /// Returns a registry of these kinds.
    pub fn new(kinds: impl IntoIterator<Item = Erased>) -> Self {
        Self(kinds.into_iter().map(|kind| (kind.name, Arc::new(kind))).collect())
    }

    /// Returns the kind of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Erased>> {
        self.0.get(name)
    }

    /// Returns the names of all kinds, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// Returns all kinds, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Arc<Erased>> {
        self.0.values()
    }
}
