//! A kind whose effects happen in a world: what it would make is made up from its declarations.
//!
//! It must not know any kind by name.

use std::sync::Arc;

use model::event::Verb;
use model::registry::{BoxFuture, Effects};
use model::{Change, Context, Erased, Fault, Found, Known, Looked, Object, Token, Tree};

use super::{Call, World, sample};

pub(super) struct Imagined {
    pub world: Arc<World>,
    pub kind: Arc<Erased>,
}

impl Effects for Imagined {
    fn read<'f>(
        &'f self,
        _: &'f Context,
        known: &'f [Known<Tree>],
    ) -> BoxFuture<'f, Result<Vec<Looked>, Fault>> {
        let ids = known.iter().map(|known| known.id.as_str());
        Box::pin(
            async move { Ok(self.world.read(self.kind.name, ids).into_iter().map(Ok).collect()) },
        )
    }

    fn apply<'f>(
        &'f self,
        context: &'f Context,
        change: Change<'f, Tree>,
        token: &'f Token,
    ) -> BoxFuture<'f, Result<Option<Object>, Fault>> {
        Box::pin(async move {
            if let Some(spec) = change.wanted() {
                (self.kind.fits)(spec).map_err(Fault::refused)?;
            }
            let make = |id| match (change.wanted(), change.object()) {
                (Some(spec), _) => sample::object(&self.kind, spec, id, context.secrets()),
                (None, old) => Object { id, ..old.cloned().unwrap_or_else(nothing) },
            };
            let identity = change.wanted().and_then(|spec| (self.kind.identity)(spec));
            let call = Call {
                kind: self.kind.name,
                verb: verb(&change),
                old: change.object(),
                identity,
                make: &make,
            };
            self.world.apply(context, call, token).await
        })
    }

    fn find<'f>(
        &'f self,
        _: &'f Context,
        _: Change<'f, Tree>,
        token: &'f Token,
    ) -> BoxFuture<'f, Result<Found, Fault>> {
        Box::pin(async move { Ok(self.world.find(token).await) })
    }
}

fn nothing() -> Object {
    Object::new("", [])
}

/// Returns what a change asks for, in a word.
pub(crate) fn verb<S>(change: &Change<'_, S>) -> Verb {
    match change {
        Change::Create(_) => Verb::Create,
        Change::Update(..) => Verb::Update,
        Change::Delete(..) => Verb::Delete,
    }
}
