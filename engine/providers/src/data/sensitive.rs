//! What was read and must not be shown: a handle in the state, the text among the secrets.
//!
//! A plan only looks. It sees by its hash that the text is another one by now; an apply keeps that.

use model::secret::handle;
use model::value::Piece;
use model::{Difference, Fault, Object, Secrets, Value};

use crate::text::keep;

/// Returns the handle of a text that may be another than the one that is kept; there is none of an
/// empty text.
pub(super) fn seen(secrets: &dyn Secrets, name: &str, text: &str) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    Value::Parts(vec![Piece::Secret { name: name.to_owned(), hash: secrets.hash(text) }])
}

/// Keeps a text, and returns its handle.
pub(super) fn kept(secrets: &dyn Secrets, name: &str, text: &str) -> Result<Value, Fault> {
    keep(secrets, name, text)?;
    Ok(seen(secrets, name, text))
}

/// Returns that what was read is not what is kept, under this name.
pub(super) fn difference(
    secrets: &dyn Secrets,
    object: &Object,
    attribute: &'static str,
    name: &str,
) -> Option<Difference> {
    let seen = object.get(attribute);
    let name = match seen.secrets()[..] {
        [(name, _)] => name,
        [] if *seen == Value::Null => name,
        _ => return None,
    };
    let kept = handle(secrets, name).unwrap_or(Value::Null);
    (kept != *seen).then(|| Difference::new(attribute, kept, seen.clone()))
}
