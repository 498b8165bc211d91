//! A YAML document as a flat tree: one small slot per node, a span on each, no copies of text.
//!
//! Aliases and merged keys point at slots that exist once, so a document is never larger than its
//! text, however often it refers to itself. It must not know what the values mean.

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{MOST_BYTES, SourceId, Sources, Span};

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

/// The number of a slot in its document.
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
        style: Style,
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
        let source = sources.get(id);
        match source.too_large {
            None => crate::yaml::parse(id, Arc::clone(&source.text), diagnostics),
            Some(bytes) => Self::too_large(id, &source.text, bytes, diagnostics),
        }
    }

    fn too_large(
        id: SourceId,
        text: &Arc<str>,
        bytes: usize,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let (span, most) = (Span { source: id, start: 0, end: 0 }, MOST_BYTES >> 20);
        let message =
            format!("this file has {} MiB, and {most} is the most", bytes.div_ceil(1 << 20));
        let error = Diagnostic::new(Code::TooLarge, span, message);
        diagnostics.push(error.help("split it; data that nobody writes by hand belongs elsewhere"));
        let slots = vec![Slot { start: 0, end: 0, form: Form::Broken }];
        let (text, cooked, children) = (Arc::clone(text), String::new(), Vec::new());
        Self { source: id, text, cooked, slots, children, root: 0 }
    }

    /// Returns a value that no file holds: a default, or what a reference stands for.
    pub fn value(text: &str) -> Self {
        crate::yaml::parse(SourceId::NOWHERE, Arc::from(text), &mut Diagnostics::default())
    }

    /// Returns the place where everything begins.
    pub fn root(&self) -> Node<'_> {
        Node { document: self, slot: self.root }
    }

    /// Returns how many values, keys included, the document has; aliased ones count once.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether the document has no value at all, which only happens while it is built.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    Plain,
    /// In quotes, or as a block of text.
    Quoted,
    /// Nobody wrote it: text that the type which reads it may take for something else.
    Given,
}

/// A place in a document.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    document: &'d Document,
    slot: SlotId,
}

/// What stands at a node, aliases followed.
pub enum Content<'d> {
    /// One value.
    Scalar(Scalar<'d>),
    /// Values in order.
    List(List<'d>),
    /// Keys and values.
    Map(Entries<'d>),
}

/// One value: its text, quotes and escapes gone.
#[derive(Clone, Copy)]
pub struct Scalar<'d> {
    /// The text.
    pub text: &'d str,
    /// Written without quotes, so that `null` and numbers mean what they look like.
    pub plain: bool,
    style: Style,
}

/// The items of a list.
#[derive(Clone, Copy)]
pub struct List<'d> {
    document: &'d Document,
    items: &'d [SlotId],
}

/// The keys and values of a map, in the order of the file; merged ones last.
#[derive(Clone, Copy)]
pub struct Entries<'d> {
    document: &'d Document,
    pairs: &'d [SlotId],
    /// The file ended, or broke, inside this map: missing keys say nothing.
    pub cut_short: bool,
}

impl<'d> Node<'d> {
    /// Returns where it stands; of an alias, where the alias stands.
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
        self.document.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Returns what stands here, aliases followed.
    pub fn content(self) -> Content<'d> {
        let document = self.document;
        let children = |first: u32, len: u32| &document.children[first as usize..][..len as usize];
        match document.slots[self.slot as usize].form {
            Form::Alias { target } => self.at(target).content(),
            Form::Broken => Content::Scalar(Scalar::new("", Style::Plain)),
            Form::List { first, len } => {
                Content::List(List { document, items: children(first, len) })
            }
            Form::Map { first, len, cut_short } => {
                Content::Map(Entries { document, pairs: children(first, len), cut_short })
            }
            Form::Scalar { at, len, cooked, style } => {
                let text = if cooked { document.cooked.as_str() } else { &document.text };
                Content::Scalar(Scalar::new(&text[at as usize..][..len as usize], style))
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

    /// Returns the value if it is a single one.
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

impl<'d> Scalar<'d> {
    fn new(text: &'d str, style: Style) -> Self {
        Self { text, plain: style != Style::Quoted, style }
    }

    /// Returns whether this says that there is no value.
    pub fn is_null(&self) -> bool {
        self.plain && is_null(self.text)
    }

    /// Returns whether this is text even where any value may stand: `"8080"`, but not `8080`.
    pub fn is_text(&self) -> bool {
        self.style != Style::Plain
    }
}

/// Returns whether a text without quotes says that there is no value, as YAML 1.2 has it.
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

impl<'d> List<'d> {
    /// Returns how many items it has.
    pub fn len(self) -> usize {
        self.items.len()
    }

    /// Returns whether it has no items.
    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }

    /// Returns the items.
    pub fn iter(self) -> impl Iterator<Item = Node<'d>> {
        self.items.iter().map(move |slot| Node { document: self.document, slot: *slot })
    }
}

impl<'d> Entries<'d> {
    /// Returns how many keys it has.
    pub fn len(self) -> usize {
        self.pairs.len() / 2
    }

    /// Returns whether it has no keys.
    pub fn is_empty(self) -> bool {
        self.pairs.is_empty()
    }

    /// Returns the keys with their values.
    pub fn iter(self) -> impl Iterator<Item = (Node<'d>, Node<'d>)> {
        let node = move |slot| Node { document: self.document, slot };
        self.pairs.chunks_exact(2).map(move |pair| (node(pair[0]), node(pair[1])))
    }
}
