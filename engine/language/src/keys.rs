//! The keys of one map: each is taken once, and none is overlooked.

use std::sync::LazyLock;

use crate::decoder::{Decoder, decode, first_line};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::{Content, Document, Node};
use crate::scope::Unresolved;
use crate::shape::Layout;
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
    /// The case that applies, or that none could be chosen.
    chosen: Option<Option<&'static str>>,
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
            let layout = layouts[layouts.len() - 1];
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
            None => {
                let mut diagnostics = Diagnostics::default();
                let value = decode(default, &Unresolved, &mut diagnostics).value;
                Some(
                    value.unwrap_or_else(|| {
                        panic!("the default of `{key}` is wrong: {diagnostics:?}")
                    }),
                )
            }
        }
    }

    /// Returns which of the keys is present, where exactly one must be.
    pub fn choose(&mut self, cases: &'static [&'static str]) -> Option<usize> {
        let present: Vec<(usize, Span)> = (cases.iter().enumerate())
            .filter_map(|(index, case)| self.span_of(case).map(|span| (index, span)))
            .collect();
        self.chosen = Some(None);
        match present[..] {
            [(index, _)] => {
                self.chosen = Some(Some(cases[index]));
                return Some(index);
            }
            [] if self.cut_short => {}
            [] => {
                let message = format!("one of {} is needed", suggest::list(cases.iter().copied()));
                self.decoder.note(Diagnostic::new(Code::MissingKey, self.place, message));
            }
            [(first, place), (second, again), ..] => {
                let message =
                    format!("`{}` and `{}` exclude each other", cases[first], cases[second]);
                let error =
                    Diagnostic::new(Code::WrongVariant, again, message).label("either this");
                self.decoder.note(error.also(place, "or this"));
            }
        }
        None
    }

    /// Notes an error at the value of a key, for checks across several keys.
    pub fn refuse(&mut self, key: &str, why: impl Into<String>) {
        let entry = self.entries.iter().find(|entry| entry.name == key);
        let span = entry.map_or(self.place, |entry| entry.value.span());
        self.decoder.note(Diagnostic::new(Code::BadValue, span, why));
    }

    /// Ends the map: keys that nobody took belong to a case that does not apply.
    pub fn close(mut self) {
        let Some(Some(chosen)) = self.chosen else { return };
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
        let mut unused = known.clone();
        unused.retain(|key| self.entries.iter().all(|entry| entry.name != *key));
        for entry in self.entries.iter_mut().filter(|entry| !known.contains(&entry.name)) {
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

    fn missing<T>(&mut self, key: &str) -> Option<T> {
        if !self.cut_short {
            let message = format!("`{key}` is missing");
            self.decoder.note(Diagnostic::new(Code::MissingKey, self.place, message));
        }
        None
    }
}

fn unknown_key(name: &str, key: Node<'_>, meant: Option<&str>, known: &[&str]) -> Diagnostic {
    if key.scalar().is_none() {
        return Diagnostic::new(Code::WrongType, first_line(key), "a key is text");
    }
    let error = Diagnostic::new(Code::UnknownKey, key.span(), format!("unknown key `{name}`"));
    match meant {
        Some(meant) => error.label(format!("did you mean `{meant}`?")),
        None => error.help(format!("the keys here: {}", suggest::list(known.iter().copied()))),
    }
}
