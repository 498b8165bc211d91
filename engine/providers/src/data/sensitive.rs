//! What was read and must not be shown: a handle in the state, the text among the secrets.
//!
//! A plan only looks. It sees by its hash that the text is another one by now; an apply keeps that.

use model::secret::handle;
use model::value::Piece;
use model::{Difference, Fault, Object, SecretText, Secrets, Value};

/// Returns the handle of a text that may be another than the one that is kept.
pub(super) fn seen(secrets: &dyn Secrets, name: &str, text: &str) -> Value {
    Value::Parts(vec![Piece::Secret { name: name.to_owned(), hash: secrets.hash(text) }])
}

/// Keeps a text, and returns its handle.
pub(super) fn kept(secrets: &dyn Secrets, name: &str, text: &str) -> Result<Value, Fault> {
    secrets.keep(name, &SecretText::new(text))?;
    Ok(seen(secrets, name, text))
}

/// Returns that what was read is not what is kept.
pub(super) fn difference(
    secrets: &dyn Secrets,
    object: &Object,
    attribute: &'static str,
) -> Option<Difference> {
    let seen = object.get(attribute);
    let [(name, _)] = seen.secrets()[..] else { return None };
    let kept = handle(secrets, name).unwrap_or(Value::Null);
    (kept != *seen).then(|| Difference::new(attribute, kept, seen.clone()))
}
