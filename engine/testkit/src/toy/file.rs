//! Stands at one place, so that the old one must go before the new one comes.

use std::sync::Arc;

use language::Spec;
use model::{Difference, Digest, Kind, Object, Secrets, Value};

use super::in_a_world;
use crate::world::World;

pub(super) struct ToyFile(pub Arc<World>);

/// A file.
#[derive(Debug, Spec)]
pub(super) struct FileSpec {
    /// Where it stands.
    #[spec(replaces)]
    path: String,
    /// What stands in it.
    content: String,
    /// Its mode.
    #[spec(default = "0644")]
    mode: String,
}

/// What it gives.
#[derive(Debug, Spec)]
#[expect(dead_code, reason = "a declaration: nobody makes one")]
pub(super) struct FileObject {
    /// The hash of the content.
    #[spec(follows = "content")]
    hash: String,
}

impl Kind for ToyFile {
    const NAME: &'static str = "toy.file";
    const EXAMPLE: &'static str = "kind: toy.file\npath: /a\ncontent: text\n";
    type Spec = FileSpec;
    type Object = FileObject;

    fn identity(spec: &FileSpec) -> Option<String> {
        Some(spec.path.clone())
    }

    fn diff(spec: &FileSpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        Difference::among(object, keys(spec))
    }

    in_a_world!(ToyFile: FileSpec, made);
}

fn made(spec: &FileSpec, _: Option<&Object>, id: String, _: &dyn Secrets) -> Object {
    let hash = Digest::of(spec.content.as_bytes()).to_string();
    let mut object = Object::new(id, keys(spec));
    object.attributes.insert("hash".to_owned(), hash[..8].into());
    object
}

fn keys(spec: &FileSpec) -> [(&'static str, Value); 3] {
    let keys = [("path", &spec.path), ("content", &spec.content), ("mode", &spec.mode)];
    keys.map(|(key, text)| (key, Value::text(text)))
}
