//! Six kinds to plan with: a value in state, a certificate, a file, a link, a disk, a login.
//!
//! Each stands for a whole class of real ones: nothing outside of the state; two that can stand side
//! by side and say something only once they are there; one place for one thing, also of two kinds; a change whose
//! consequence no mark can say; a remote that repeats a secret in the open. Their effects happen in a
//! [`World`]. They must not show off.

mod cert;
mod disk;
mod file;
mod link;
mod login;
mod value;

use std::sync::Arc;

use model::{Change, Context, Erased, Fault, Known, Object, Registry, Token, Value};

use crate::world::{Call, World, verb};

/// Returns the toy kinds over a world.
pub fn registry(world: &Arc<World>) -> Registry {
    let world = || Arc::clone(world);
    Registry::new([
        Erased::of(value::ToyValue(world())),
        Erased::of(cert::ToyCert(world())),
        Erased::of(file::ToyFile(world())),
        Erased::of(link::ToyLink(world())),
        Erased::of(disk::ToyDisk(world())),
        Erased::of(login::ToyLogin(world())),
    ])
}

/// Text that may hold a secret leaves only as a hash.
fn read<S>(
    world: &World,
    kind: &str,
    context: &Context,
    known: &[Known<S>],
) -> Vec<Option<Object>> {
    let mut found = world.read(kind, known.iter().map(|known| known.id.as_str()));
    for (found, _) in found.iter_mut().zip(known).filter(|(_, known)| known.sealed) {
        if let Some(url) = found.as_mut().and_then(|object| object.attributes.get_mut("url"))
            && let Some(text) = url.as_text()
        {
            *url = Value::Sealed(context.secrets().hash(text));
        }
    }
    found
}

/// Brings a change about; what there will be is up to `make`, given the spec, what there is and an id.
async fn apply<S: Sync>(
    (world, kind): (&World, &'static str),
    context: &Context,
    change: Change<'_, S>,
    identity: Option<String>,
    token: &Token,
    make: impl Fn(&S, Option<&Object>, String) -> Object + Sync,
) -> Result<Option<Object>, Fault> {
    let old = change.object();
    let make = |id: String| match change.wanted() {
        Some(spec) => make(spec, old, id),
        None => Object { id, ..old.cloned().unwrap_or_else(|| Object::new("", [])) },
    };
    let call = Call { kind, verb: verb(&change), old, identity, make: &make };
    world.apply(context, call, token).await
}

/// The part of a toy that is the same for all: everything but what differs and what is made.
macro_rules! in_a_world {
    ($toy:ident: $spec:ty, $make:ident) => {
        async fn read(
            &self,
            context: &model::Context,
            known: &[model::Known<$spec>],
        ) -> Result<Vec<model::kind::Looked>, model::Fault> {
            Ok(super::read(&self.0, Self::NAME, context, known).into_iter().map(Ok).collect())
        }

        async fn apply(
            &self,
            context: &model::Context,
            change: model::Change<'_, $spec>,
            token: &model::Token,
        ) -> Result<Option<model::Object>, model::Fault> {
            let identity = change.wanted().and_then(Self::identity);
            let secrets = context.secrets();
            let make =
                |spec: &$spec, old: Option<&model::Object>, id| $make(spec, old, id, secrets);
            super::apply((&self.0, Self::NAME), context, change, identity, token, make).await
        }

        async fn find(
            &self,
            _: &model::Context,
            _: model::Change<'_, $spec>,
            token: &model::Token,
        ) -> Result<model::Found, model::Fault> {
            Ok(self.0.find(token).await)
        }
    };
}
use in_a_world;
