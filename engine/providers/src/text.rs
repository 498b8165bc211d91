//! Text with secrets in it, as values: handles for what others read, whole text for the one who
//! needs it, and a sieve for what must not show it.
//!
//! It must not keep revealed text longer than its caller does.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use language::Text;
use language::text::TextPart;
use model::mask::{Covered, Masker, SHORTEST, is_too_short};
use model::secret::{revealed, revealed_name, sealed};
use model::value::Piece;
use model::{Fault, SecretText, Secrets, Tree, Value};

/// Returns a text as others may read it: plain text as it is, text with secrets as a handle whose
/// parts are put in where it is used.
pub(crate) fn handed_on(secrets: &dyn Secrets, text: &Text) -> Value {
    if let Some(plain) = plain(text) {
        return Value::Text(plain);
    }
    let piece = |part: &TextPart| match part {
        TextPart::Literal(text) => Piece::Literal(text.clone()),
        TextPart::Secret(name) => {
            // A secret that is missing has no hash: it differs from whatever was applied.
            let hash = secrets.reveal(name).map(|text| secrets.hash(text.expose()));
            Piece::Secret { name: name.clone(), hash: hash.unwrap_or_default() }
        }
    };
    Value::Parts(text.parts.iter().map(piece).collect())
}

/// Returns the text if no secret is in it.
pub(crate) fn plain(text: &Text) -> Option<String> {
    match &text.parts[..] {
        [TextPart::Literal(whole)] => Some(whole.clone()),
        parts if parts.iter().all(|part| matches!(part, TextPart::Literal(_))) => {
            Some(parts.iter().map(literal).collect())
        }
        _ => None,
    }
}

fn literal(part: &TextPart) -> &str {
    match part {
        TextPart::Literal(text) => text,
        TextPart::Secret(_) => "",
    }
}

/// Returns a map of texts as it may be kept and compared.
pub(crate) fn sealed_map(secrets: &dyn Secrets, texts: &BTreeMap<String, Text>) -> Value {
    let sealed = |(key, text): (&String, &Text)| (key.clone(), sealed(secrets, text));
    Value::Map(texts.iter().map(sealed).collect::<Tree>())
}

/// Returns a map of texts with their secrets put in.
pub(crate) fn revealed_map(
    secrets: &dyn Secrets,
    texts: &BTreeMap<String, Text>,
) -> Result<Vec<(String, SecretText)>, Fault> {
    let reveal = |(key, text): (&String, &Text)| Ok((key.clone(), revealed(secrets, text)?));
    texts.iter().map(reveal).collect()
}

/// Keeps a text that a command or a server has said as a secret, or forgets the one before if there
/// is nothing to keep.
///
/// # Errors
/// It is too short to be a secret.
pub(crate) fn keep(secrets: &dyn Secrets, name: &str, text: &str) -> Result<(), Fault> {
    match text.len() {
        0 => secrets.forget(name),
        _ if !is_too_short(text) => secrets.keep(name, &SecretText::new(text)),
        length => {
            let bytes = if length == 1 { "1 byte".to_owned() } else { format!("{length} bytes") };
            Err(Fault::refused(format!(
                "what it said has {bytes}, too short for a secret: it could not be covered in logs"
            ))
            .help(format!("let it say {SHORTEST} bytes or more, or leave `sensitive` out")))
        }
    }
}

/// What must not show up in what a command or a server says.
#[derive(Default)]
pub(crate) struct Sieve {
    own: Vec<Covered>,
    /// What covers everything that the engine knows.
    known: Arc<Masker>,
    built: OnceLock<Built>,
}

/// Made only where something was said.
struct Built {
    own: Masker,
    all: Arc<Masker>,
}

impl Sieve {
    /// Takes in every secret of these texts.
    pub(crate) fn of<'t>(
        secrets: &dyn Secrets,
        texts: impl IntoIterator<Item = &'t Text>,
    ) -> Result<Self, Fault> {
        let parts = texts.into_iter().flat_map(|text| &text.parts);
        let names = parts.filter_map(|part| match part {
            TextPart::Secret(name) => Some(name),
            TextPart::Literal(_) => None,
        });
        let one = |name: &String| Ok(Covered::named(name, revealed_name(secrets, name)?));
        let own = names.map(one).collect::<Result<_, Fault>>()?;
        Ok(Self { own, known: secrets.masker(), built: OnceLock::new() })
    }

    /// Returns the name of a secret of these texts that shows in the text, in any of its forms.
    pub(crate) fn shows(&self, text: &str) -> Option<&str> {
        self.built().own.shown(text)?.name()
    }

    /// Returns the text with `(secret name)` in the place of each secret.
    pub(crate) fn strain(&self, text: &str) -> String {
        self.masker().masked(text)
    }

    /// Returns what covers every secret.
    pub(crate) fn masker(&self) -> Arc<Masker> {
        Arc::clone(&self.built().all)
    }

    fn built(&self) -> &Built {
        self.built.get_or_init(|| {
            let own = Masker::default().with(self.own.clone());
            let all = Arc::new(self.known.beside(&own));
            Built { own, all }
        })
    }
}
