//! The keys of one map: each is taken once, and none is overlooked.

use std::sync::LazyLock;

use crate::decoder::Decoder;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Content, Document, Node};
use crate::mismatch::first_line;
use crate::shape::{EXTENSION, Layout};
use crate::source::Span;
use crate::spec::Spec;
use crate::suggest;

/// An open map.
pub struct Keys<'k, 'd, 's> {
    decoder: &'k mut Decoder<'s>,
    layouts: Vec<&'static Layout>,
    entries: Vec<Entry<'d>>,
    place: Span,
    cut_short: bool,
    /// The key of the case that applies.
    chosen: Option<&'static str>,
}

struct Entry<'d> {
    /// The key as the author meant it.
    name: &'d str,
    key: Node<'d>,
    value: Node<'d>,
    taken: bool,
}

impl<'k, 'd, 's> Keys<'k, 'd, 's> {
    pub(crate) fn open(
        decoder: &'k mut Decoder<'s>,
        node: Node<'d>,
        layouts: Vec<&'static Layout>,
    ) -> Option<Self> {
        let Content::Map(map) = node.content() else {
            let layout = layouts.last()?;
            return decoder.not_a_map(node, layout);
        };
        let place = decoder.place().unwrap_or(first_line(node));
        let entry = |(key, value): (Node<'d>, Node<'d>)| Entry {
            name: key.scalar().map_or("", |scalar| scalar.text),
            key,
            value,
            taken: false,
        };
        let entries = map.iter().map(entry).collect();
        Some(Self { decoder, layouts, entries, place, cut_short: map.cut_short, chosen: None })
    }

    /// Reads the value of a key; what happens without it is up to the type.
    pub fn field<T: Spec>(&mut self, key: &'static str) -> Option<T> {
        match self.claim(key) {
            Some((key, value)) => self.decoder.under(key, |decoder| decoder.read(value)),
            None => T::absent().or_else(|| self.missing(key)),
        }
    }

    /// Reads the value of a key, or else its default, which is written as an author would.
    pub fn field_or<T: Spec>(
        &mut self,
        key: &'static str,
        default: &'static LazyLock<Document>,
    ) -> Option<T> {
        match self.claim(key) {
            Some((key, value)) => self.decoder.under(key, |decoder| decoder.read(value)),
            None => self.decoder.read_default(default, self.place),
        }
    }

    /// Returns which of the keys is present, where exactly one must be.
    pub fn choose(&mut self, cases: &'static [&'static str]) -> Option<usize> {
        let present: Vec<(usize, Span)> = (cases.iter().enumerate())
            .filter_map(|(index, case)| self.span_of(case).map(|span| (index, span)))
            .collect();
        match present[..] {
            [(index, _)] => {
                self.chosen = Some(cases[index]);
                return Some(index);
            }
            [] if self.cut_short => {}
            [] => {
                let message = format!("one of {} is needed", suggest::list(cases.iter().copied()));
                self.decoder.note(Diagnostic::new(Code::MissingKey, self.place, message));
            }
            [(first, _), (second, _), ..] => self.exclude(cases[first], cases[second]),
        }
        None
    }

    /// Notes that two keys exclude each other, if both are there.
    pub fn exclude(&mut self, first: &str, second: &str) {
        let (Some(place), Some(again)) = (self.span_of(first), self.span_of(second)) else {
            return;
        };
        let message = format!("`{first}` and `{second}` exclude each other");
        let error = Diagnostic::new(Code::WrongVariant, again, message).label("either this");
        self.decoder.note(error.also(place, "or this"));
    }

    /// Notes an error at the value of a key, for checks across several keys.
    pub fn refuse(&mut self, key: &str, why: impl Into<String>) {
        let span = self.value_of(key).map_or(self.place, first_line);
        self.decoder.note(Diagnostic::new(Code::BadValue, span, why));
    }

    /// Notes a warning at the value of a key.
    pub fn warn(&mut self, code: Code, key: &str, why: impl Into<String>) {
        let span = self.value_of(key).map_or(self.place, first_line);
        self.decoder.note(Diagnostic::warning(code, span, why));
    }

    /// Ends the map: keys that nobody took belong to a case that does not apply.
    pub fn close(mut self) {
        let Some(chosen) = self.chosen else { return };
        for entry in std::mem::take(&mut self.entries) {
            if entry.taken {
                continue;
            }
            if let Some(case) = self.layouts.iter().find_map(|layout| layout.case_of(entry.name)) {
                let message =
                    format!("`{}` goes with `{}`, not with `{chosen}`", entry.name, case.key());
                self.decoder.note(Diagnostic::new(Code::WrongVariant, entry.key.span(), message));
            }
        }
    }

    /// Notes unknown keys, and goes on with what the author seems to have meant.
    pub(crate) fn settle_unknown(&mut self) {
        let known: Vec<&'static str> =
            self.layouts.iter().flat_map(|layout| layout.keys()).collect();
        if self.entries.iter().all(|entry| known.contains(&entry.name)) {
            return;
        }
        let free = self.layouts.iter().any(|layout| layout.extensions);
        let mut unused = known.clone();
        unused.retain(|key| self.entries.iter().all(|entry| entry.name != *key));
        for entry in self.entries.iter_mut().filter(|entry| !known.contains(&entry.name)) {
            if free && entry.name.starts_with(EXTENSION) {
                entry.taken = true;
                continue;
            }
            let meant = suggest::nearest(entry.name, unused.iter().copied());
            self.decoder.note(unknown_key(entry.name, entry.key, meant, &known));
            match meant {
                Some(meant) => {
                    unused.retain(|key| *key != meant);
                    entry.name = meant;
                }
                None => entry.taken = true,
            }
        }
    }

    fn claim(&mut self, key: &str) -> Option<(Node<'d>, Node<'d>)> {
        let entry = self.entries.iter_mut().find(|entry| entry.name == key)?;
        entry.taken = true;
        Some((entry.key, entry.value))
    }

    fn span_of(&self, key: &str) -> Option<Span> {
        self.entries.iter().find(|entry| entry.name == key).map(|entry| entry.key.span())
    }

    fn value_of(&self, key: &str) -> Option<Node<'d>> {
        self.entries.iter().find(|entry| entry.name == key).map(|entry| entry.value)
    }

    fn missing<T>(&mut self, key: &str) -> Option<T> {
        if !self.cut_short {
            let message = format!("`{key}` is missing");
            let error = Diagnostic::new(Code::MissingKey, self.place, message);
            let field = self.layouts.iter().find_map(|layout| layout.field(key));
            self.decoder.note(match field {
                Some(field) => {
                    let expected = (field.shape)().expected();
                    error.help(format!("`{key}` is {expected}: {}", lowered(field.doc)))
                }
                None => error,
            });
        }
        None
    }
}

/// A sentence of a doc comment as the end of another.
fn lowered(doc: &str) -> String {
    let sentence = doc.split_once(". ").map_or(doc, |(first, _)| first).trim_end_matches('.');
    let mut letters = sentence.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => sentence.to_owned(),
    }
}

fn unknown_key(name: &str, key: Node<'_>, meant: Option<&str>, known: &[&str]) -> Diagnostic {
    if key.scalar().is_none() {
        return Diagnostic::new(Code::WrongType, first_line(key), "a key is text");
    }
    let message = format!("unknown key {}", suggest::quoted(name));
    let error = Diagnostic::new(Code::UnknownKey, first_line(key), message);
    match meant {
        Some(meant) => error.label(format!("did you mean `{meant}`?")),
        None if known.is_empty() => error.help("no key can stand here"),
        None => error.help(format!("the keys here: {}", suggest::list(known.iter().copied()))),
    }
}
