//! `data.value`: holds a value in state.
//!
//! It touches nothing. It is also the measure of the engine's own speed, so it must not do more
//! than it needs.

mod spec;

use model::{Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Order, Reads};
use model::{Secrets, Token, Value};

pub use spec::{ValueObject, ValueSpec};

use crate::text::{Sieve, handed_on};

/// Holds a value in state.
pub struct DataValue;

impl Kind for DataValue {
    const NAME: &'static str = "data.value";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const ORDER: Order = Order::CreateFirst;
    const READS: Reads = Reads::Nothing;
    type Spec = ValueSpec;
    type Object = ValueObject;

    fn diff(spec: &ValueSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        let keys = [
            ("input", "output", spec.input.as_ref()),
            ("replace_when", "replace_when", spec.replace_when.as_ref()),
        ];
        let differs = |(key, kept, text): (&'static str, &str, Option<&language::Text>)| {
            let (from, to) = (object.get(kept), value(secrets, text));
            (!from.means(&to)).then(|| Difference::new(key, from.clone(), to))
        };
        keys.into_iter().filter_map(differs).collect()
    }

    async fn read(&self, _: &Context, known: &[Known<ValueSpec>]) -> Result<Vec<Looked>, Fault> {
        // The engine does not ask: there is nothing outside of the state.
        Ok(known.iter().map(|_| Ok(None)).collect())
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, ValueSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let id = change.object().map_or(token.as_str(), |object| object.id.as_str());
        let Some(spec) = change.wanted() else { return Ok(None) };
        // A handle of a secret that is not there would be of no use to anyone.
        Sieve::of(context.secrets(), spec.input.iter().chain(&spec.replace_when))?;
        Ok(Some(kept(spec, id, context.secrets())))
    }

    async fn find(&self, _: &Context, _: Change<'_, ValueSpec>, _: &Token) -> Result<Found, Fault> {
        // Without its record nothing of it is left.
        Ok(Found::Nothing)
    }
}

fn kept(spec: &ValueSpec, id: &str, secrets: &dyn Secrets) -> Object {
    let mut object = Object::new(
        id,
        [
            ("output", value(secrets, spec.input.as_ref())),
            ("serial", Value::text(id.get(..12).unwrap_or(id))),
        ],
    );
    if spec.replace_when.is_some() {
        let kept = value(secrets, spec.replace_when.as_ref());
        object.attributes.insert("replace_when".to_owned(), kept);
    }
    object
}

fn value(secrets: &dyn Secrets, text: Option<&language::Text>) -> Value {
    text.map_or(Value::Null, |text| handed_on(secrets, text))
}
