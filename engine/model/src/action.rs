//! What a resource can do beside being there: a verb of its kind, such as the `backup` of a job.
//!
//! An action works with what was applied, not with what a file says. What it must know later its kind
//! keeps in a note: an action changes no state, and no plan is different after it, unless its kind
//! refuses it. It must not know how it was asked for.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use language::{Layout, Record, Spec};

use crate::address::Token;
use crate::context::Context;
use crate::fault::Fault;
use crate::kind::{Kind, Object};
use crate::registry::{BoxFuture, typed};
use crate::value::Tree;

/// A verb of a kind of resource.
pub trait Action: Send + Sync + 'static {
    /// What it is a verb of.
    type Kind: Kind;
    /// How people call it.
    const VERB: &'static str;
    /// What may be done with it.
    const CONDUCT: Conduct;
    /// What it is told.
    type Args: Spec + Record + Send + Sync;

    /// Does it, and returns what came of it, for programs; people read what it says on its way. When
    /// the future is dropped, everything that it started is ended. Of an earlier one that was killed
    /// the engine has ended what carried its token; what else is left of it this one settles first.
    fn perform(
        &self,
        context: &Context,
        on: On<'_, <Self::Kind as Kind>::Spec>,
        args: &Self::Args,
    ) -> impl Future<Output = Result<Tree, Fault>> + Send;
}

/// What may be done with an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// It only looks: no run, no lease.
    Looks,
    /// It may be begun again when nobody knows how far it came.
    Repeats,
    /// It must not be.
    Once,
}

/// What an action is about.
#[derive(Debug)]
pub struct On<'o, S> {
    /// The resource's keys as they were applied.
    pub spec: &'o S,
    /// What there was afterwards.
    pub object: &'o Object,
    /// What all resources of all stacks are in the world, see [`crate::Erased::claim`].
    pub claims: &'o [String],
    /// What everything that it starts carries.
    pub token: &'o Token,
}

/// It is told nothing.
#[derive(Clone, Copy, Debug, Spec)]
pub struct NoArguments {}

/// An action without its types.
#[derive(Clone)]
pub struct ErasedAction {
    /// How people call it.
    pub verb: &'static str,
    /// What may be done with it.
    pub conduct: Conduct,
    /// What it is told.
    pub args: fn() -> &'static Layout,
    /// Does it.
    pub performs: Arc<dyn Performs>,
}

/// The part of an action that touches the world.
pub trait Performs: Send + Sync {
    /// See [`Action::perform`].
    fn perform<'f>(
        &'f self,
        context: &'f Context,
        on: On<'f, Tree>,
        args: &'f Tree,
    ) -> BoxFuture<'f, Result<Tree, Fault>>;
}

impl ErasedAction {
    /// Takes the types away from an action.
    pub fn of<A: Action>(action: A) -> Self {
        Self {
            verb: A::VERB,
            conduct: A::CONDUCT,
            args: A::Args::layout,
            performs: Arc::new(Typed(action, PhantomData::<A::Kind>)),
        }
    }
}

struct Typed<A, K>(A, PhantomData<K>);

impl<K: Kind, A: Action<Kind = K>> Performs for Typed<A, K> {
    fn perform<'f>(
        &'f self,
        context: &'f Context,
        on: On<'f, Tree>,
        args: &'f Tree,
    ) -> BoxFuture<'f, Result<Tree, Fault>> {
        Box::pin(async move {
            let spec = typed::<K::Spec>(on.spec).map_err(|why| {
                Fault::refused(format!("what was applied cannot be read any more: {why}"))
                    .help("apply it once more, then do this again")
            })?;
            let args = typed::<A::Args>(args).map_err(Fault::refused)?;
            let On { object, claims, token, .. } = on;
            self.0.perform(context, On { spec: &spec, object, claims, token }, &args).await
        })
    }
}
