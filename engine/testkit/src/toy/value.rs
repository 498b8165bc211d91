//! A value in state: nothing to read, nothing that drifts.

use std::sync::Arc;

use language::{Spec, Text, TextPart};
use model::value::Piece;
use model::{Difference, Kind, Object, Reads, Secrets, Value, secret};

use super::in_a_world;
use crate::world::World;

pub(super) struct ToyValue(pub Arc<World>);

/// A value that is kept.
#[derive(Debug, Spec)]
pub(super) struct ValueSpec {
    /// The value.
    input: Option<Text>,
    /// A change of it makes a new one.
    #[spec(replaces)]
    replace_when: Option<Text>,
}

/// What it gives.
#[derive(Debug, Spec)]
#[expect(dead_code, reason = "a declaration: nobody makes one")]
pub(super) struct ValueObject {
    /// The value, once it is applied.
    #[spec(follows = "input")]
    output: Option<Text>,
    /// Which one it is.
    #[spec(follows = "")]
    serial: String,
}

impl Kind for ToyValue {
    const NAME: &'static str = "toy.value";
    const EXAMPLE: &'static str = "kind: toy.value\ninput: text\n";
    const READS: Reads = Reads::Nothing;
    type Spec = ValueSpec;
    type Object = ValueObject;

    fn diff(spec: &ValueSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        Difference::among(object, keys(spec, secrets))
    }

    in_a_world!(ToyValue: ValueSpec, made);
}

fn made(spec: &ValueSpec, _: Option<&Object>, id: String, secrets: &dyn Secrets) -> Object {
    let serial = Value::text(id.as_str());
    let mut object = Object::new(id, keys(spec, secrets));
    let output = spec.input.as_ref().map_or(Value::Null, |text| handed_on(secrets, text));
    object.attributes.insert("output".to_owned(), output);
    object.attributes.insert("serial".to_owned(), serial);
    object
}

fn keys(spec: &ValueSpec, secrets: &dyn Secrets) -> [(&'static str, Value); 2] {
    let kept = |text: &Option<Text>| {
        text.as_ref().map_or(Value::Null, |text| secret::sealed(secrets, text))
    };
    [("input", kept(&spec.input)), ("replace_when", kept(&spec.replace_when))]
}

/// Text as others may read it: secrets stay handles.
fn handed_on(secrets: &dyn Secrets, text: &Text) -> Value {
    if let Some(plain) = text.literal() {
        return Value::text(plain);
    }
    let piece = |part: &TextPart| match part {
        TextPart::Literal(text) => Piece::Literal(text.clone()),
        TextPart::Secret(name) => {
            let hash = secrets.reveal(name).map(|text| secrets.hash(text.expose()));
            Piece::Secret { name: name.clone(), hash: hash.unwrap_or_default() }
        }
    };
    Value::Parts(text.parts.iter().map(piece).collect())
}
