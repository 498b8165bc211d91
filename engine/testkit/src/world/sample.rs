//! What an object of a kind could look like, made up from the declarations of the kind.
//!
//! Keys are there as they were applied, attributes hold something of the right shape. Then the kind's
//! own `diff` is asked: what it says that there is, is put where it was found, until it is content.
//! It must not know any kind by name.

use language::Shape;
use model::value::Piece;
use model::{Digest, Erased, Object, Secrets, Tree, Value};

/// How often `diff` is asked before it is left as it is.
const ROUNDS: usize = 4;

/// Returns an object as the spec wants it.
pub(super) fn object(kind: &Erased, spec: &Tree, id: String, secrets: &dyn Secrets) -> Object {
    let mut object = Object { id, attributes: Tree::new() };
    for key in (kind.spec)().keys() {
        let value = spec.get(key).cloned().unwrap_or_else(|| kind.default(key));
        object.attributes.insert(key.to_owned(), as_kept(value, secrets));
    }
    for field in &(kind.object)().fields {
        let follows = field.follows.map(|keys| keys.iter().filter_map(|key| spec.get(*key)));
        let seed: Vec<&Value> = follows.into_iter().flatten().collect();
        let seed = Digest::of(format!("{} {} {seed:?}", object.id, field.key).as_bytes());
        object.attributes.insert(field.key.to_owned(), sample((field.shape)(), field.key, seed));
    }
    for _ in 0..ROUNDS {
        let Ok(differences) = (kind.diff)(spec, &object, secrets) else { break };
        if differences.is_empty() {
            break;
        }
        for one in differences {
            let place =
                |(name, value): (&String, &Value)| (*value == one.from).then(|| name.clone());
            let own = object.attributes.get(one.key).is_some_and(|value| *value == one.from);
            let name = match own {
                true => Some(one.key.to_owned()),
                false => object.attributes.iter().find_map(place),
            };
            object.attributes.insert(name.unwrap_or_else(|| one.key.to_owned()), one.to);
        }
    }
    object
}

/// What may be kept of a value: of text with secrets only a hash.
fn as_kept(value: Value, secrets: &dyn Secrets) -> Value {
    match value {
        Value::Parts(pieces) => {
            let whole = Value::Parts(pieces);
            Value::Sealed(secrets.hash(&format!("{:?}", whole.digest())))
        }
        Value::List(items) => {
            Value::List(items.into_iter().map(|item| as_kept(item, secrets)).collect())
        }
        Value::Map(tree) => Value::Map(
            tree.into_iter().map(|(key, value)| (key, as_kept(value, secrets))).collect(),
        ),
        other => other,
    }
}

fn sample(shape: Shape, name: &str, seed: Digest) -> Value {
    match shape {
        Shape::Scalar(scalar) => match (scalar.examples.first(), scalar.json) {
            (_, ["integer" | "number", ..]) => Value::Plain((seed.0 % 1_000).to_string()),
            (_, ["boolean", ..]) => Value::Plain("true".to_owned()),
            (Some(example), _) if let Some(name) = secret(example) => {
                Value::Parts(vec![Piece::Secret { name: name.to_owned(), hash: seed }])
            }
            (Some(example), _) if scalar.pattern.is_some() => Value::text(*example),
            _ => Value::text(format!("{name}-{}", &seed.to_string()[..8])),
        },
        Shape::Choice(choices) => Value::text(choices.first().map_or("", |choice| choice.name)),
        Shape::List(item) => Value::List(vec![sample(item(), name, seed)]),
        _ => Value::Map(Tree::new()),
    }
}

/// The name of the secret that an example stands for: what looks like it is a secret.
fn secret(example: &str) -> Option<&str> {
    example.strip_prefix("${secret.")?.strip_suffix('}')
}
