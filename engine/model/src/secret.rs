//! Secret text: it can be used, and cannot be shown, kept or compared in the open.
//!
//! It must not know where secrets are stored.

use std::fmt;
use std::sync::Arc;

use language::text::TextPart;
use language::{Text, suggest};
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::mask::Masker;
use crate::value::{Digest, Piece, Value};

/// The text of a secret. It has no `Display` and no `Serialize`, its `Debug` hides it, and its memory
/// is wiped when it is dropped.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes in a text that must not be shown from now on.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text itself, to be handed to where it is needed and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Where secrets come from, and how they are compared without being shown.
pub trait Secrets: Send + Sync {
    /// Returns the text behind a name, if there is one.
    fn reveal(&self, name: &str) -> Option<SecretText>;

    /// Returns why a secret cannot be used although there may be one, and what to do.
    fn problem(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// Returns a hash under the project's own key: equal for equal texts, useless without the key.
    fn hash(&self, text: &str) -> Digest;

    /// Keeps a text that a kind has made, encrypted and durable, under a name of the kind's choice
    /// (letters, digits and `-`; made from the token, so that it can be found again).
    fn keep(&self, name: &str, text: &SecretText) -> Result<(), Fault>;

    /// Forgets a text that was kept; one that is not there is no error.
    fn forget(&self, name: &str) -> Result<(), Fault>;

    /// Returns what covers all that could be revealed.
    fn masker(&self) -> Arc<Masker> {
        Arc::default()
    }

    /// Returns the names that people gave to secrets, for who mistyped one.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Returns what to do about a secret that is not there.
pub fn advice(secrets: &dyn Secrets, name: &str) -> String {
    let names = secrets.names();
    match suggest::nearest(name, names.iter().map(String::as_str).filter(|near| *near != name)) {
        Some(near) => format!("did you mean `{near}`? Or keep it: windlass secret set {name}"),
        None => format!("keep it: windlass secret set {name}"),
    }
}

/// Returns the handle of a secret as a value: what state, plan and journal hold instead of its text.
/// None: there is no such secret.
pub fn handle(secrets: &dyn Secrets, name: &str) -> Option<Value> {
    let text = secrets.reveal(name)?;
    let hash = secrets.hash(text.expose());
    Some(Value::Parts(vec![Piece::Secret { name: name.to_owned(), hash }]))
}

/// Returns the whole text with its secrets put in.
///
/// # Errors
/// The name of a secret that is not there.
pub fn revealed(secrets: &dyn Secrets, text: &Text) -> Result<SecretText, Fault> {
    let mut whole = Zeroizing::new(String::new());
    for part in &text.parts {
        match part {
            TextPart::Literal(literal) => whole.push_str(literal),
            TextPart::Secret(name) => whole.push_str(revealed_name(secrets, name)?.expose()),
        }
    }
    Ok(SecretText(whole))
}

/// Returns the text of one secret.
///
/// # Errors
/// It is not there.
pub fn revealed_name(secrets: &dyn Secrets, name: &str) -> Result<SecretText, Fault> {
    secrets.reveal(name).ok_or_else(|| {
        Fault::broken(format!("there is no secret `{name}`"))
            .help(format!("set it: windlass secret set {name}"))
    })
}

/// Returns a text as it may be kept and compared: plain text as it is, text with secrets in it as a
/// keyed hash of the whole.
pub fn sealed(secrets: &dyn Secrets, text: &Text) -> Value {
    let literal = |part: &TextPart| match part {
        TextPart::Literal(literal) => Some(literal.clone()),
        TextPart::Secret(_) => None,
    };
    match text.parts.iter().map(literal).collect::<Option<String>>() {
        Some(plain) => Value::Text(plain),
        // A secret that is missing has no hash: it differs from whatever was applied.
        None => Value::Sealed(
            revealed(secrets, text).map(|text| secrets.hash(text.expose())).unwrap_or_default(),
        ),
    }
}
