//! A YAML document as a flat tree: one small slot per node, a span on each, no copies of text.
//!
//! Aliases and merged keys point at slots that exist once, so a document is never larger than its
//! text, however often it refers to itself.

use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::source::{SourceId, Sources, Span};

/// One parsed file.
pub struct Document {
    pub(crate) source: SourceId,
    pub(crate) text: Arc<str>,
    /// Texts that differ from what stands in the file: escapes, folded lines.
    pub(crate) cooked: String,
    pub(crate) slots: Vec<Slot>,
    /// Items of lists, and key, value, key, value of maps.
    pub(crate) children: Vec<SlotId>,
    pub(crate) root: SlotId,
}

pub type SlotId = u32;

#[derive(Clone, Copy)]
pub(crate) struct Slot {
    pub start: u32,
    pub end: u32,
    pub form: Form,
}

#[derive(Clone, Copy)]
pub(crate) enum Form {
    Scalar {
        at: u32,
        len: u32,
        cooked: bool,
        plain: bool,
    },
    List {
        first: u32,
        len: u32,
    },
    Map {
        first: u32,
        len: u32,
        cut_short: bool,
    },
    Alias {
        target: SlotId,
    },
    /// An error that has been noted already.
    Broken,
}

impl Document {
    /// Parses one file; what cannot be read is noted and the rest is still there to be checked.
    pub fn parse(sources: &Sources, id: SourceId, diagnostics: &mut Diagnostics) -> Self {
        crate::yaml::parse(id, Arc::clone(&sources.get(id).text), diagnostics)
    }

    /// Returns a value that no file holds: a default, or what a reference stands for.
    pub fn value(text: &str) -> Self {
        crate::yaml::parse(SourceId::NOWHERE, Arc::from(text), &mut Diagnostics::default())
    }

    pub fn root(&self) -> Node<'_> {
        Node { document: self, slot: self.root }
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// A place in a document.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    document: &'d Document,
    slot: SlotId,
}

/// What stands at a node, aliases followed.
pub enum Content<'d> {
    Scalar(Scalar<'d>),
    List(List<'d>),
    Map(Entries<'d>),
}

#[derive(Clone, Copy)]
pub struct Scalar<'d> {
    pub text: &'d str,
    /// Written without quotes, so that `null` and numbers mean what they look like.
    pub plain: bool,
}

#[derive(Clone, Copy)]
pub struct List<'d> {
    document: &'d Document,
    items: &'d [SlotId],
}

#[derive(Clone, Copy)]
pub struct Entries<'d> {
    document: &'d Document,
    pairs: &'d [SlotId],
    /// The file ended, or broke, inside this map: missing keys say nothing.
    pub cut_short: bool,
}

impl<'d> Node<'d> {
    pub fn span(self) -> Span {
        let slot = self.document.slots[self.slot as usize];
        Span { source: self.document.source, start: slot.start, end: slot.end }
    }

    /// Returns where the value of an alias was defined.
    pub fn defined_at(self) -> Option<Span> {
        match self.document.slots[self.slot as usize].form {
            Form::Alias { target } => Some(self.at(target).span()),
            _ => None,
        }
    }

    /// Returns what stands in the file here, quotes and escapes included.
    pub fn written(self) -> &'d str {
        let span = self.span();
        &self.document.text[span.start as usize..span.end as usize]
    }

    pub fn content(self) -> Content<'d> {
        let document = self.document;
        let children = |first: u32, len: u32| &document.children[first as usize..][..len as usize];
        match document.slots[self.slot as usize].form {
            Form::Alias { target } => self.at(target).content(),
            Form::Broken => Content::Scalar(Scalar { text: "", plain: true }),
            Form::List { first, len } => {
                Content::List(List { document, items: children(first, len) })
            }
            Form::Map { first, len, cut_short } => {
                Content::Map(Entries { document, pairs: children(first, len), cut_short })
            }
            Form::Scalar { at, len, cooked, plain } => {
                let text = if cooked { document.cooked.as_str() } else { &document.text };
                Content::Scalar(Scalar { text: &text[at as usize..][..len as usize], plain })
            }
        }
    }

    /// Returns the value under a key of a map: the way to the span of any leaf.
    pub fn get(self, key: &str) -> Option<Node<'d>> {
        let Content::Map(entries) = self.content() else { return None };
        entries
            .iter()
            .find(|(name, _)| name.scalar().is_some_and(|s| s.text == key))
            .map(|(_, value)| value)
    }

    /// Returns whether an error about this node has been noted already.
    pub fn is_broken(self) -> bool {
        match self.document.slots[self.slot as usize].form {
            Form::Alias { target } => self.at(target).is_broken(),
            form => matches!(form, Form::Broken),
        }
    }

    pub fn scalar(self) -> Option<Scalar<'d>> {
        match self.content() {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    fn at(self, slot: SlotId) -> Node<'d> {
        Node { slot, ..self }
    }
}

impl Scalar<'_> {
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text, "" | "~" | "null" | "Null" | "NULL")
    }
}

impl<'d> List<'d> {
    pub fn iter(self) -> impl Iterator<Item = Node<'d>> {
        self.items.iter().map(move |slot| Node { document: self.document, slot: *slot })
    }
}

impl<'d> Entries<'d> {
    pub fn iter(self) -> impl Iterator<Item = (Node<'d>, Node<'d>)> {
        let node = move |slot| Node { document: self.document, slot };
        self.pairs.chunks_exact(2).map(move |pair| (node(pair[0]), node(pair[1])))
    }
}
