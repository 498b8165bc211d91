//! Reading a document as a spec: notes every error, follows references, bounds aliases.
//!
//! What it says about wrong values is in `mismatch.rs`, what it does with references in
//! `follow.rs`. It must not know any kind of resource.

use std::borrow::Cow;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::{Content, Document, Node};
use crate::keys::Keys;
use crate::mismatch::first_line;
use crate::scope::Scope;
use crate::shape::{Layout, ScalarShape, Shape};
use crate::source::{MOST_BYTES, Span};
use crate::spec::{Leaf, Record, Spec};
use crate::suggest;
use crate::template::{Part, Reference};

/// By how much aliases may make a document larger than it is.
const MOST_GROWTH: usize = 20;
/// A small document may grow to this in any case.
const FEW_VALUES: usize = 100_000;
/// Deeper than this go only aliases and references that lead to themselves: a file itself ends at 128.
const MOST_LEVELS: usize = 200;

/// Reads one document, value by value.
pub struct Decoder<'s> {
    pub(crate) scope: &'s dyn Scope,
    pub(crate) diagnostics: &'s mut Diagnostics,
    pub(crate) waiting: Vec<Reference>,
    /// The keys on the way to the current value.
    trail: Vec<Span>,
    /// The reference whose value is being read.
    pub(crate) followed: Option<Span>,
    values_left: usize,
    /// How many bytes references may still put into texts.
    pub(crate) bytes_left: usize,
    pub(crate) level: usize,
    said_too_much: bool,
}

/// What was read of a document.
pub struct Decoded<T> {
    /// None if there was an error or if something is still awaited.
    pub value: Option<T>,
    /// References to values that come with a later step.
    pub waiting: Vec<Reference>,
}

/// Reads a whole document.
pub fn decode<T: Spec>(
    document: &Document,
    scope: &dyn Scope,
    diagnostics: &mut Diagnostics,
) -> Decoded<T> {
    read_with(document, scope, diagnostics, |decoder| decoder.read(document.root()))
}

/// Reads a part of a document: how is up to `read`.
pub fn read_with<T>(
    document: &Document,
    scope: &dyn Scope,
    diagnostics: &mut Diagnostics,
    read: impl FnOnce(&mut Decoder<'_>) -> Option<T>,
) -> Decoded<T> {
    let mut decoder = Decoder {
        scope,
        diagnostics,
        waiting: Vec::new(),
        trail: Vec::new(),
        followed: None,
        values_left: FEW_VALUES + document.len() * MOST_GROWTH,
        bytes_left: MOST_BYTES,
        level: 0,
        said_too_much: false,
    };
    let value = read(&mut decoder);
    Decoded { value, waiting: decoder.waiting }
}

impl<'s> Decoder<'s> {
    /// Reads a value, wherever it comes from: written here, by alias, or by reference.
    pub fn read<T: Spec>(&mut self, node: Node<'_>) -> Option<T> {
        if node.is_broken() {
            return None;
        }
        self.count(node)?;
        self.level += 1;
        let value = self.read_counted(node);
        self.level -= 1;
        value
    }

    fn read_counted<T: Spec>(&mut self, node: Node<'_>) -> Option<T> {
        if let Some(scalar) = node.scalar() {
            if scalar.is_null() && !matches!(T::shape(), Shape::Any) {
                return self.nothing(node, T::shape());
            }
            if scalar.text.contains("${") {
                if T::shape().is_literal() {
                    return self.must_be_literal(node);
                }
                if let [Part::Reference(whole)] = &self.split(node)?[..]
                    && whole.secret().is_none()
                {
                    return self.follow(whole);
                }
            }
        }
        T::decode(node, self)
    }

    /// Reads the default of a key that is not there; `place` is where it is missing.
    pub(crate) fn read_default<T: Spec>(&mut self, default: &Document, place: Span) -> Option<T> {
        let outer = self.followed;
        self.followed = outer.or(Some(place));
        let value = self.read(default.root());
        self.followed = outer;
        value
    }

    /// Returns the text of a scalar with its references put in.
    pub fn text<'n>(
        &mut self,
        node: Node<'n>,
        shape: &'static ScalarShape,
    ) -> Option<Cow<'n, str>> {
        let Content::Scalar(scalar) = node.content() else {
            return self.mismatch(node, Shape::Scalar(shape));
        };
        if !scalar.text.contains("${") {
            if !scalar.plain && !shape.json.contains(&"string") {
                return self.quoted(node, shape);
            }
            return Some(Cow::Borrowed(scalar.text));
        }
        let mut text = String::new();
        for part in self.parts(node)? {
            match part {
                Part::Literal(literal) => text.push_str(&literal),
                Part::Reference(secret) => return self.misplaced_secret(node, &secret),
            }
        }
        Some(Cow::Owned(text))
    }

    /// Returns the parts of a text in which only references to secrets are left.
    pub fn parts(&mut self, node: Node<'_>) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        let split = self.split(node)?;
        self.put_in_all(split, &mut parts).then_some(parts)
    }

    /// Returns the text of a file that a value names, where it has been read.
    pub fn file(&self, path: &str) -> Option<Arc<str>> {
        self.scope.file(path)
    }

    /// Reads a map that we define.
    pub fn record<R: Record>(&mut self, node: Node<'_>) -> Option<R> {
        let mut keys = self.open(node, vec![R::layout()])?;
        let value = R::take(&mut keys);
        keys.close();
        value
    }

    /// Opens a map from which several records take their keys.
    pub fn open<'k, 'd>(
        &'k mut self,
        node: Node<'d>,
        layouts: Vec<&'static Layout>,
    ) -> Option<Keys<'k, 'd, 's>> {
        let mut keys = self.open_partly(node, layouts)?;
        keys.settle_unknown();
        Some(keys)
    }

    /// Opens a map of which only some keys can be judged.
    pub fn open_partly<'k, 'd>(
        &'k mut self,
        node: Node<'d>,
        layouts: Vec<&'static Layout>,
    ) -> Option<Keys<'k, 'd, 's>> {
        Keys::open(self, node, layouts)
    }

    /// Returns which of a few words stands here.
    pub fn choice(&mut self, node: Node<'_>, shape: Shape) -> Option<usize> {
        let (Content::Scalar(_), Shape::Choice(choices)) = (node.content(), shape) else {
            return self.mismatch(node, shape);
        };
        let text: String = self
            .parts(node)?
            .into_iter()
            .map(|part| match part {
                Part::Literal(text) => Some(text),
                Part::Reference(secret) => self.misplaced_secret(node, &secret),
            })
            .collect::<Option<_>>()?;
        let names = || choices.iter().map(|choice| choice.name);
        let chosen = names().position(|name| name == text);
        if chosen.is_none() {
            let message = format!("{} is none of the choices here", suggest::quoted(&text));
            let error = self.error(Code::BadValue, node, message);
            self.note(match suggest::nearest(&text, names()) {
                Some(near) => error.label(format!("did you mean `{near}`?")),
                None => error.label(format!("expected {}", shape.expected())),
            });
        }
        chosen
    }

    /// Reads an entry of a map whose keys the author invents.
    pub fn entry<K: Leaf, T: Spec>(&mut self, key: Node<'_>, value: Node<'_>) -> Option<(K, T)> {
        let name = self.key(key);
        let value = self.under(key, |decoder| decoder.read(value));
        Some((name?, value?))
    }

    fn key<K: Leaf>(&mut self, key: Node<'_>) -> Option<K> {
        let Some(name) = key.scalar() else {
            self.note(Diagnostic::new(Code::WrongType, first_line(key), "a key is text"));
            return None;
        };
        let refuse = |why: String| {
            let message = format!("{} is not {}", suggest::quoted(name.text), K::SHAPE.name);
            self.note(Diagnostic::new(Code::BadValue, first_line(key), message).label(why));
        };
        K::parse(name.text).map_err(refuse).ok()
    }

    /// Returns the innermost key on the way here, for errors about what is not there.
    pub(crate) fn place(&self) -> Option<Span> {
        self.trail.last().copied()
    }

    /// Starts an error about a value; if it came by alias, the error shows where from.
    pub fn error(&self, code: Code, node: Node<'_>, message: impl Into<String>) -> Diagnostic {
        let error = Diagnostic::new(code, first_line(node), message);
        match node.defined_at() {
            Some(origin) => error.also(origin, "the value comes from here"),
            None => error,
        }
    }

    /// Notes a finding. What is wrong in the value of a reference is shown at the reference.
    pub fn note(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(match self.followed {
            Some(reference) => diagnostic.used_at(reference),
            None => diagnostic,
        });
    }

    pub(crate) fn under<T>(&mut self, key: Node<'_>, read: impl FnOnce(&mut Self) -> T) -> T {
        self.trail.push(key.span());
        let value = read(self);
        self.trail.pop();
        value
    }

    /// Returns None where aliases or references lead too deep or to too much, which is noted.
    pub(crate) fn count(&mut self, node: Node<'_>) -> Option<()> {
        if self.level == MOST_LEVELS || self.values_left == 0 {
            self.too_much(node);
            return None;
        }
        self.values_left -= 1;
        Some(())
    }

    /// Says it once: what comes after is too much for the same reason.
    pub(crate) fn too_much(&mut self, node: Node<'_>) {
        if std::mem::replace(&mut self.said_too_much, true) {
            return;
        }
        let message = "aliases or references expand this to too much";
        let error = Diagnostic::new(Code::AliasBomb, first_line(node), message);
        self.note(error.help("write out what repeats itself, or repeat it less often"));
    }
}
