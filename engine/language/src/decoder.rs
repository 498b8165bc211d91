//! Reading a document as a spec: notes every error, follows references, bounds aliases.

use std::borrow::Cow;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::{Content, Document, Node};
use crate::keys::Keys;
use crate::scope::{Found, Scope};
use crate::shape::{Layout, ScalarShape, Shape};
use crate::source::Span;
use crate::spec::{Record, Spec};
use crate::suggest;
use crate::template::{self, Part, Reference};

/// By how much aliases may make a document larger than it is.
const MOST_GROWTH: usize = 20;
/// A small document may grow to this in any case.
const FEW_VALUES: usize = 100_000;
/// Deeper than this go only aliases and references that lead to themselves: the parser itself stops
/// at 255 levels.
const MOST_LEVELS: usize = 400;

pub struct Decoder<'s> {
    scope: &'s dyn Scope,
    diagnostics: &'s mut Diagnostics,
    waiting: Vec<Reference>,
    /// The keys on the way to the current value.
    trail: Vec<Span>,
    /// The reference whose value is being read.
    followed: Option<Span>,
    values_left: usize,
    level: usize,
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
        level: 0,
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
            if scalar.is_null() {
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
                Part::Reference(secret) => return self.misplaced_secret(&secret),
            }
        }
        Some(Cow::Owned(text))
    }

    /// Returns the parts of a text in which only references to secrets are left.
    pub fn parts(&mut self, node: Node<'_>) -> Option<Vec<Part>> {
        let split = self.split(node)?;
        let put_in: Vec<Option<Part>> = split.into_iter().map(|part| self.put_in(part)).collect();
        put_in.into_iter().collect()
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
        let (Content::Scalar(scalar), Shape::Choice(choices)) = (node.content(), shape) else {
            return self.mismatch(node, shape);
        };
        let names = || choices.iter().map(|choice| choice.name);
        let chosen = names().position(|name| name == scalar.text);
        if chosen.is_none() {
            let message = format!("`{}` is none of the choices here", scalar.text);
            let error = self.error(Code::BadValue, node, message);
            self.note(match suggest::nearest(scalar.text, names()) {
                Some(near) => error.label(format!("did you mean `{near}`?")),
                None => error.label(format!("expected {}", shape.expected())),
            });
        }
        chosen
    }

    /// Reads an entry of a map whose keys the author invents.
    pub fn entry<T: Spec>(&mut self, key: Node<'_>, value: Node<'_>) -> Option<(String, T)> {
        let Some(name) = key.scalar() else {
            self.note(Diagnostic::new(Code::WrongType, key.span(), "a key is text"));
            return None;
        };
        let value = self.under(key, |decoder| decoder.read(value));
        Some((name.text.to_owned(), value?))
    }

    /// Returns the innermost key on the way here, for errors about what is not there.
    pub(crate) fn place(&self) -> Option<Span> {
        self.trail.last().copied()
    }

    /// Notes that the value has another form than the spec.
    pub fn mismatch<T>(&mut self, node: Node<'_>, expected: Shape) -> Option<T> {
        let message = format!("expected {}", expected.expected());
        let mut error = self.error(Code::WrongType, node, message).label(found(node));
        if let (Shape::List(_), Content::Scalar(scalar)) = (expected, node.content()) {
            error = error.help(format!("write `[{}]`", scalar.text));
        }
        self.note(error);
        None
    }

    /// Starts an error about a value; if it came by alias, the error shows where from.
    pub fn error(&self, code: Code, node: Node<'_>, message: impl Into<String>) -> Diagnostic {
        let error = Diagnostic::new(code, first_line(node), message);
        match node.defined_at() {
            Some(origin) => error.also(origin, "the value comes from here"),
            None => error,
        }
    }

    pub fn note(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(match self.followed {
            Some(reference) => diagnostic.used_at(reference),
            None => diagnostic,
        });
    }

    /// Notes that a map was expected, and which keys would tell.
    pub(crate) fn not_a_map<T>(&mut self, node: Node<'_>, layout: &'static Layout) -> Option<T> {
        let keys: Vec<&str> = match &layout.cases[..] {
            [] => {
                layout.fields.iter().filter(|field| field.required).map(|field| field.key).collect()
            }
            cases => cases.iter().map(|case| case.key()).collect(),
        };
        let with =
            if keys.is_empty() { String::new() } else { format!(" with {}", suggest::list(keys)) };
        let error = self.error(Code::WrongType, node, format!("expected a map{with}"));
        self.note(error.label(found(node)));
        None
    }

    pub(crate) fn under<T>(&mut self, key: Node<'_>, read: impl FnOnce(&mut Self) -> T) -> T {
        self.trail.push(key.span());
        let value = read(self);
        self.trail.pop();
        value
    }

    fn count(&mut self, node: Node<'_>) -> Option<()> {
        let too_deep = self.level == MOST_LEVELS;
        if too_deep || self.values_left == 1 {
            let message = "aliases or references expand this to too much";
            self.note(Diagnostic::new(Code::AliasBomb, first_line(node), message));
        }
        self.values_left = self.values_left.saturating_sub(1);
        (!too_deep && self.values_left > 0).then_some(())
    }

    fn split(&mut self, node: Node<'_>) -> Option<Vec<Part>> {
        let text = node.scalar()?.text;
        match template::split(text, node.written(), node.span()) {
            None => Some(vec![Part::Literal(text.to_owned())]),
            Some(Ok(parts)) => Some(parts),
            Some(Err(malformed)) => {
                let error = Diagnostic::new(
                    Code::BadReference,
                    malformed.span,
                    "this reference cannot be read",
                );
                self.note(error.label(malformed.why));
                None
            }
        }
    }

    fn follow<T: Spec>(&mut self, reference: &Reference) -> Option<T> {
        let scope = self.scope;
        match scope.find(reference) {
            Found::Known(value) => {
                let outer = self.followed;
                self.followed = outer.or(Some(reference.span));
                let value = self.read(value);
                self.followed = outer;
                value
            }
            other => self.unavailable(reference, other),
        }
    }

    fn put_in(&mut self, part: Part) -> Option<Part> {
        let Part::Reference(reference) = &part else { return Some(part) };
        if reference.secret().is_some() {
            return Some(part);
        }
        let scope = self.scope;
        match scope.find(reference) {
            Found::Known(value) => match value.scalar() {
                Some(scalar) => Some(Part::Literal(scalar.text.to_owned())),
                None => {
                    let message =
                        format!("`{}` is not text and cannot stand inside text", reference.path);
                    self.note(
                        Diagnostic::new(Code::BadReference, reference.span, message)
                            .label(found(value)),
                    );
                    None
                }
            },
            other => self.unavailable(reference, other),
        }
    }

    fn unavailable<T>(&mut self, reference: &Reference, found: Found<'_>) -> Option<T> {
        match found {
            Found::Unknown { names } => {
                let message = format!("nothing is called `{}`", reference.path);
                let mut error = Diagnostic::new(Code::UnknownName, reference.span, message);
                if let Some(near) =
                    suggest::nearest(&reference.path, names.iter().map(String::as_str))
                {
                    error = error.label(format!("did you mean `{near}`?"));
                }
                self.note(error);
            }
            _ => self.waiting.push(reference.clone()),
        }
        None
    }

    fn nothing<T>(&mut self, node: Node<'_>, shape: Shape) -> Option<T> {
        let place = self.place().unwrap_or(node.span());
        self.note(
            Diagnostic::new(Code::WrongType, place, "no value is given")
                .label(format!("expected {}", shape.expected()))
                .help("leave the key out to use its default; put `null` in quotes if it is meant as text"),
        );
        None
    }

    fn quoted<T>(&mut self, node: Node<'_>, shape: &'static ScalarShape) -> Option<T> {
        let message = format!("expected {}", Shape::Scalar(shape).expected());
        let error = self.error(Code::WrongType, node, message).label("the quotes make this text");
        self.note(error.help("remove the quotes"));
        None
    }

    fn must_be_literal<T>(&mut self, node: Node<'_>) -> Option<T> {
        let error = self.error(Code::BadReference, node, "no reference can stand here");
        self.note(error.label("this shapes the graph itself, so it must be written out"));
        None
    }

    fn misplaced_secret<T>(&mut self, secret: &Reference) -> Option<T> {
        self.note(
            Diagnostic::new(Code::MisplacedSecret, secret.span, "a secret cannot be used here")
                .label("this value is shown in plans and kept in state"),
        );
        None
    }
}

/// Returns "found …" as a person would say it.
fn found(node: Node<'_>) -> String {
    match node.content() {
        Content::Scalar(scalar) if scalar.is_null() => "found nothing".to_owned(),
        Content::Scalar(_) => "found a single value".to_owned(),
        Content::List(_) => "found a list".to_owned(),
        Content::Map(_) => "found a map".to_owned(),
    }
}

/// Returns the span of a value, or where a long one begins.
pub(crate) fn first_line(node: Node<'_>) -> Span {
    let span = node.span();
    let length = node.written().find(['\r', '\n']).unwrap_or(node.written().len());
    Span { end: span.start + length as u32, ..span }
}
