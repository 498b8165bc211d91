//! Two can stand side by side, and its fingerprint is known only when it is there.

use std::sync::Arc;

use language::Spec;
use model::{Difference, Digest, Kind, Object, Order, Secrets, Value};

use super::in_a_world;
use crate::world::World;

pub(super) struct ToyCert(pub Arc<World>);

/// A certificate.
#[derive(Debug, Spec)]
pub(super) struct CertSpec {
    /// The names that it is valid for.
    #[spec(replaces)]
    names: Vec<String>,
    /// A remark.
    #[spec(default = "none")]
    note: String,
}

/// What it gives.
#[derive(Debug, Spec)]
#[expect(dead_code, reason = "a declaration: nobody makes one")]
pub(super) struct CertObject {
    /// The hash of the certificate.
    #[spec(follows = "names")]
    fingerprint: String,
}

impl Kind for ToyCert {
    const NAME: &'static str = "toy.cert";
    const EXAMPLE: &'static str = "kind: toy.cert\nnames: [a.test]\n";
    const ORDER: Order = Order::CreateFirst;
    type Spec = CertSpec;
    type Object = CertObject;

    fn diff(spec: &CertSpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        Difference::among(object, keys(spec))
    }

    in_a_world!(ToyCert: CertSpec, made);
}

fn made(spec: &CertSpec, old: Option<&Object>, id: String, _: &dyn Secrets) -> Object {
    let fresh = || {
        let whole = Digest::of(format!("{id} {:?}", spec.names).as_bytes()).to_string();
        Value::text(&whole[..8])
    };
    let fingerprint = old.map_or_else(fresh, |old| old.get("fingerprint").clone());
    let mut object = Object::new(id, keys(spec));
    object.attributes.insert("fingerprint".to_owned(), fingerprint);
    object
}

fn keys(spec: &CertSpec) -> [(&'static str, Value); 2] {
    [("names", spec.names.clone().into()), ("note", spec.note.as_str().into())]
}
