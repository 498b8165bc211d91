//! References inside values: split off, followed while their value is known, else noted as awaited.

use crate::decoder::Decoder;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::Node;
use crate::mismatch::found;
use crate::scope::Found;
use crate::spec::Spec;
use crate::suggest;
use crate::template::{self, Malformed, Part, Reference};

impl Decoder<'_> {
    /// Splits a text at its references. Of a text in which one cannot be read, the others are looked
    /// at here.
    pub(crate) fn split(&mut self, node: Node<'_>) -> Option<Vec<Part>> {
        let text = node.scalar()?.text;
        if !text.contains("${") {
            return Some(vec![Part::Literal(text.to_owned())]);
        }
        let (mut parts, mut all) = (Vec::new(), true);
        for piece in template::pieces(text, node.written(), node.span()) {
            match piece {
                Ok(part) => parts.push(part),
                Err(malformed) => {
                    all = false;
                    self.malformed(&malformed);
                }
            }
        }
        if !all {
            self.put_in_all(parts, &mut Vec::new());
            return None;
        }
        Some(parts)
    }

    fn malformed(&mut self, malformed: &Malformed) {
        let message = "this reference cannot be read";
        let error = Diagnostic::new(Code::BadReference, malformed.span, message);
        self.note(error.label(malformed.why));
    }

    /// Reads the value of a reference that is all of a value.
    pub(crate) fn follow<T: Spec>(&mut self, reference: &Reference) -> Option<T> {
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

    /// Puts in every reference, those after one that failed too, and returns whether all are there.
    pub(crate) fn put_in_all(&mut self, split: Vec<Part>, parts: &mut Vec<Part>) -> bool {
        let mut all = true;
        for part in split {
            all &= self.put_in(part, parts).is_some();
        }
        all
    }

    /// Puts the value of a reference into a text; a secret stays a handle.
    fn put_in(&mut self, part: Part, parts: &mut Vec<Part>) -> Option<()> {
        let reference = match part {
            Part::Reference(reference) if reference.secret().is_none() => reference,
            other => {
                parts.push(other);
                return Some(());
            }
        };
        let scope = self.scope;
        match scope.find(&reference) {
            Found::Known(value) if value.scalar().is_some() => {
                let outer = self.followed;
                self.followed = outer.or(Some(reference.span));
                let done = self.put_in_text(value, parts);
                self.followed = outer;
                done
            }
            Found::Known(value) => self.not_text(&reference, value),
            other => self.unavailable(&reference, other),
        }
    }

    /// What a reference stands for may hold references in turn.
    fn put_in_text(&mut self, value: Node<'_>, parts: &mut Vec<Part>) -> Option<()> {
        self.count(value)?;
        let text = value.scalar()?.text;
        if text.len() > self.bytes_left {
            self.too_much(value);
            return None;
        }
        self.bytes_left -= text.len();
        self.level += 1;
        let split = self.split(value);
        let done = split.is_some_and(|split| self.put_in_all(split, parts));
        self.level -= 1;
        done.then_some(())
    }

    fn not_text<T>(&mut self, reference: &Reference, value: Node<'_>) -> Option<T> {
        let name = suggest::quoted(&reference.path);
        let message = format!("{name} is not text and cannot stand inside text");
        let error = Diagnostic::new(Code::BadReference, reference.span, message);
        self.note(error.label(found(value)));
        None
    }

    fn unavailable<T>(&mut self, reference: &Reference, found: Found<'_>) -> Option<T> {
        let path = &reference.path;
        let near = match found {
            Found::Known(_) | Found::Later => {
                self.waiting.push(reference.clone());
                return None;
            }
            Found::Refused { why, help } => {
                let message = format!("{} cannot be read here", suggest::quoted(path));
                let error = Diagnostic::new(Code::BadReference, reference.span, message);
                self.note(error.label(why).help(help));
                return None;
            }
            Found::Unknown { names } => {
                let names = names.iter().map(String::as_str);
                self.diagnostics.nearest(path, names).map(str::to_owned)
            }
            Found::NotAmong(names) => self.diagnostics.nearest(path, names).map(str::to_owned),
        };
        let message = format!("nothing is called {}", suggest::quoted(path));
        let error = Diagnostic::new(Code::UnknownName, reference.span, message);
        self.note(match near {
            Some(near) => error.label(format!("did you mean {}?", suggest::quoted(&near))),
            None => error,
        });
        None
    }
}
