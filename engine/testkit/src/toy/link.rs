//! Stands where a file could stand: never both at one place.

use std::sync::Arc;

use language::Spec;
use model::{Difference, Kind, Object, Secrets, Value};

use super::file::ToyFile;
use super::in_a_world;
use crate::world::World;

pub(super) struct ToyLink(pub Arc<World>);

/// A link.
#[derive(Debug, Spec)]
pub(super) struct LinkSpec {
    /// Where it stands.
    #[spec(replaces)]
    path: String,
    /// Where it leads.
    to: String,
}

/// What it gives.
#[derive(Debug, Spec)]
pub(super) struct LinkObject {}

impl Kind for ToyLink {
    const NAME: &'static str = "toy.link";
    const EXAMPLE: &'static str = "kind: toy.link\npath: /a\nto: /b\n";
    const SPACE: &'static str = ToyFile::NAME;
    type Spec = LinkSpec;
    type Object = LinkObject;

    fn identity(spec: &LinkSpec) -> Option<String> {
        Some(spec.path.clone())
    }

    fn diff(spec: &LinkSpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        Difference::among(object, keys(spec))
    }

    in_a_world!(ToyLink: LinkSpec, made);
}

fn made(spec: &LinkSpec, _: Option<&Object>, id: String, _: &dyn Secrets) -> Object {
    Object::new(id, keys(spec))
}

fn keys(spec: &LinkSpec) -> [(&'static str, Value); 2] {
    [("path", &spec.path), ("to", &spec.to)].map(|(key, text)| (key, Value::text(text)))
}
