//! Covers secrets in text: as they are, and in the forms in which they usually leak (base64, URL,
//! JSON, shell quotes, hexadecimal), also where lines are broken.
//!
//! There is one masker for all that writes logs, and one way to use it: as a stream. Out of its reach are
//! texts that were changed otherwise: compressed, encrypted, reversed, coded twice, or with the colours
//! of a terminal in their middle. It must not keep what it has covered.

mod breaks;
mod filter;
mod forms;
mod lines;
mod search;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::secret::SecretText;
use breaks::joined;
use forms::{Form, forms};
pub use lines::Lines;
use search::Search;
pub use stream::Stream;

/// Shorter texts occur by chance: they cannot be covered without covering everything. In bytes, without
/// line ends and the blanks around.
pub const SHORTEST: usize = 6;

/// Returns whether a text is too short to be covered, and so to be used as a secret.
pub fn is_too_short(text: &str) -> bool {
    joined(text.trim().as_bytes()).len() < SHORTEST
}

/// A text that must not be seen, and what is seen instead.
#[derive(Clone)]
pub struct Covered {
    text: SecretText,
    name: Option<Arc<str>>,
}

/// Knows the forms of all secrets that were used.
///
/// In layers, each at least twice as large as the next: one more secret costs a small layer, and a
/// text goes into a larger one only when as many others have come.
#[derive(Clone, Default)]
pub struct Masker {
    layers: Vec<Arc<Layer>>,
}

struct Layer {
    texts: Vec<Covered>,
    searches: Vec<Search>,
}

impl Covered {
    /// Returns a text in whose place stands `(secret)`.
    pub fn new(text: SecretText) -> Self {
        Self { text, name: None }
    }

    /// Returns a text in whose place stands `(secret name)`.
    pub fn named(name: &str, text: SecretText) -> Self {
        Self { text, name: Some(name.into()) }
    }

    /// Returns its name, if it is known.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn cover(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"(secret");
        if let Some(name) = &self.name {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
        }
        out.push(b')');
    }
}

impl Masker {
    /// Returns a masker that knows these texts too.
    pub fn with(&self, mut texts: Vec<Covered>) -> Self {
        let mut layers = self.layers.clone();
        if texts.is_empty() {
            return Self { layers };
        }
        while let Some(last) = layers.pop_if(|last| last.texts.len() < texts.len() * 2) {
            texts.extend(last.texts.iter().cloned());
        }
        layers.push(Arc::new(Layer::new(texts)));
        Self { layers }
    }

    /// Returns a masker that knows what both know.
    pub fn beside(&self, other: &Self) -> Self {
        Self { layers: [&self.layers[..], &other.layers[..]].concat() }
    }

    /// Returns a secret that stands in the text.
    pub fn shown(&self, text: &str) -> Option<&Covered> {
        self.searches().find_map(|(layer, search)| {
            let mut found = None;
            search.read(&mut search.head(0), text.as_bytes(), &mut |one| found = Some(one.owner));
            found.map(|owner| self.owner(layer, owner))
        })
    }

    /// Returns the text with every secret covered.
    pub fn masked(self: &Arc<Self>, text: &str) -> String {
        let (mut stream, mut out) = (Stream::new(Arc::clone(self)), Vec::with_capacity(text.len()));
        stream.push(text.as_bytes(), &mut out);
        stream.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// All that is looked for, each with the number of its layer.
    fn searches(&self) -> impl Iterator<Item = (usize, &Search)> {
        let layers = self.layers.iter().enumerate();
        layers.flat_map(|(at, layer)| layer.searches.iter().map(move |search| (at, search)))
    }

    fn owner(&self, layer: usize, owner: u32) -> &Covered {
        &self.layers[layer].texts[owner as usize]
    }
}

impl Layer {
    fn new(texts: Vec<Covered>) -> Self {
        let (mut whole, mut broken) = (Vec::new(), Vec::new());
        for (owner, text) in (0..).zip(&texts) {
            for Form { bytes, breaks } in forms(text.text.expose()) {
                if breaks { &mut broken } else { &mut whole }.push((bytes, owner));
            }
        }
        let searches = [Search::of(&whole, false), Search::of(&broken, true)];
        Self { texts, searches: searches.into_iter().flatten().collect() }
    }
}
