//! YAML text to [`Document`]. The only module that knows the YAML crate.
//!
//! It adds what the parser leaves to us: duplicate keys and merge keys (in [`crate::merge`]), aliases
//! that contain themselves, a limit on depth, and a tree even where the text breaks off.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::{Document, Form, Slot, SlotId, Style};
use crate::source::{SourceId, Span};
use crate::suggest;
use crate::syntax::{NO_TABS, QUOTE_REFERENCE, explained};

/// How deep lists and maps may stand in each other: far more than people write, and far less than what
/// a reader that calls itself can bear.
const MOST_DEPTH: usize = 128;

pub(crate) fn parse(source: SourceId, text: Arc<str>, diagnostics: &mut Diagnostics) -> Document {
    let before = diagnostics.len();
    let mut builder = Builder::new(source, &text, diagnostics);
    let options =
        granit_parser::options! { emit_unresolved_aliases: true, disallow_directives: true };
    for step in Parser::new_from_str_with_options(&text, options) {
        match step {
            Ok((event, span)) => builder.event(event, &span),
            Err(error) => builder.broken(&error),
        }
    }
    let (cooked, slots, children, root) = builder.finish(before);
    Document { source, text, cooked, slots, children, root }
}

pub(crate) struct Builder<'t, 'd> {
    source: SourceId,
    pub(crate) text: &'t str,
    pub(crate) diagnostics: &'d mut Diagnostics,
    pub(crate) cooked: String,
    pub(crate) slots: Vec<Slot>,
    pub(crate) children: Vec<SlotId>,
    /// How many keys `<<` has looked at.
    pub(crate) merges: usize,
    anchors: HashMap<usize, SlotId>,
    open: Vec<Collection>,
    /// Children of all open collections; each knows where its own begin.
    pending: Vec<SlotId>,
    root: Option<SlotId>,
    documents: usize,
    /// How many open collections are too deep to be read.
    skipped: usize,
}

struct Collection {
    slot: SlotId,
    first: usize,
}

impl<'t, 'd> Builder<'t, 'd> {
    fn new(source: SourceId, text: &'t str, diagnostics: &'d mut Diagnostics) -> Self {
        Self {
            source,
            text,
            diagnostics,
            cooked: String::new(),
            slots: Vec::new(),
            children: Vec::new(),
            merges: 0,
            anchors: HashMap::new(),
            open: Vec::new(),
            pending: Vec::new(),
            root: None,
            documents: 0,
            skipped: 0,
        }
    }

    fn event(&mut self, event: Event<'t>, at: &granit_parser::Span) {
        let (start, end) = (offset(&at.start), offset(&at.end));
        if let Some(tag) = at.tag_span() {
            self.tag(offset(&tag.start), offset(&tag.end));
        }
        if self.skips(&event, start, end) {
            return;
        }
        match event {
            Event::DocumentStart(..) => self.document_start(start),
            Event::Scalar(text, style, anchor, _) => {
                let form = self.scalar(text, style);
                self.node(Slot { start, end, form }, anchor);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(Slot { start, end, form: Form::List { first: 0, len: 0 } }, anchor);
            }
            Event::MappingStart(_, anchor, _) => {
                let form = Form::Map { first: 0, len: 0, cut_short: false };
                self.open(Slot { start, end, form }, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(false),
            Event::Alias(anchor) => self.alias(anchor, start, end),
            Event::UnresolvedAlias(name) => self.unresolved(&name, start, end),
            _ => {}
        }
    }

    /// What is too deep is noted once where it begins, and left out.
    fn skips(&mut self, event: &Event<'t>, start: u32, end: u32) -> bool {
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if self.skipped == 0 && self.open.len() < MOST_DEPTH {
                    return false;
                }
                if self.skipped == 0 {
                    let message = format!("this stands deeper than {MOST_DEPTH} levels");
                    let error = Diagnostic::new(Code::TooDeep, self.span(start, end), message);
                    self.diagnostics.push(error.help("give parts of it names of their own"));
                    self.node(Slot { start, end, form: Form::Broken }, 0);
                }
                self.skipped += 1;
                true
            }
            Event::SequenceEnd | Event::MappingEnd if self.skipped > 0 => {
                self.skipped -= 1;
                true
            }
            _ => self.skipped > 0,
        }
    }

    fn document_start(&mut self, start: u32) {
        self.documents += 1;
        if self.documents == 2 {
            let span = self.span(start, (start + 3).min(self.text.len() as u32));
            self.diagnostics.push(
                Diagnostic::new(Code::Syntax, span, "a second document starts here")
                    .help("a file holds one document: move this part to a file of its own"),
            );
        }
    }

    fn tag(&mut self, start: u32, end: u32) {
        let error =
            Diagnostic::new(Code::Syntax, self.span(start, end), "a tag has no meaning here");
        self.diagnostics.push(
            error.help("the type of a value follows from its key; quote text that starts with `!`"),
        );
    }

    fn scalar(&mut self, text: Cow<'t, str>, style: ScalarStyle) -> Form {
        let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
        let len = text.len() as u32;
        match text {
            Cow::Borrowed(text) if self.text.as_bytes().as_ptr_range().contains(&text.as_ptr()) => {
                let at = (text.as_ptr() as usize - self.text.as_ptr() as usize) as u32;
                Form::Scalar { at, len, cooked: false, style }
            }
            other => {
                let at = self.cooked.len() as u32;
                self.cooked.push_str(&other);
                Form::Scalar { at, len, cooked: true, style }
            }
        }
    }

    fn node(&mut self, slot: Slot, anchor: usize) -> SlotId {
        let id = self.slots.len() as SlotId;
        self.slots.push(slot);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        match self.open.last() {
            Some(_) => self.pending.push(id),
            None => _ = self.root.get_or_insert(id),
        }
        id
    }

    fn open(&mut self, slot: Slot, anchor: usize) {
        let slot = self.node(slot, anchor);
        self.open.push(Collection { slot, first: self.pending.len() });
    }

    fn close(&mut self, cut_short: bool) {
        let Some(Collection { slot, first }) = self.open.pop() else { return };
        let mut own = self.pending.split_off(first);
        let end = own.last().map(|last| self.slots[*last as usize].end);
        let form = if let Form::Map { .. } = self.slots[slot as usize].form {
            own.truncate(own.len() / 2 * 2);
            let pairs = self.merged(own);
            let (first, len) = self.adopt(pairs);
            Form::Map { first, len, cut_short }
        } else {
            let (first, len) = self.adopt(own);
            Form::List { first, len }
        };
        let closed = &mut self.slots[slot as usize];
        closed.form = form;
        closed.end = end.unwrap_or(closed.end).max(closed.end);
    }

    fn adopt(&mut self, children: Vec<SlotId>) -> (u32, u32) {
        let first = self.children.len() as u32;
        self.children.extend(children);
        (first, self.children.len() as u32 - first)
    }

    fn alias(&mut self, anchor: usize, start: u32, end: u32) {
        let Some(&target) = self.anchors.get(&anchor) else {
            // Its anchor stood in a part that was too deep to be read, which has been noted.
            self.node(Slot { start, end, form: Form::Broken }, 0);
            return;
        };
        if self.open.iter().any(|collection| collection.slot == target) {
            let message = "an alias cannot stand inside the value that it repeats";
            self.diagnostics.push(Diagnostic::new(Code::AliasBomb, self.span(start, end), message));
            self.node(Slot { start, end, form: Form::Broken }, 0);
        } else {
            self.node(Slot { start, end, form: Form::Alias { target } }, 0);
        }
    }

    fn unresolved(&mut self, name: &str, start: u32, end: u32) {
        let shown = suggest::quoted(&format!("&{name}"));
        let message = format!("no anchor {shown} stands before this");
        let error = Diagnostic::new(Code::Syntax, self.span(start, end), message)
            .help("put text that starts with `*` in quotes");
        self.diagnostics.push(error);
        self.node(Slot { start, end, form: Form::Broken }, 0);
    }

    fn broken(&mut self, error: &ScanError) {
        let (message, help) = explained(error.kind());
        let mut start = self.text.floor_char_boundary(offset(error.marker()) as usize);
        if help == Some(NO_TABS) {
            start += self.text[start..].find('\t').unwrap_or_default();
        }
        let before = &self.text[self.text.floor_char_boundary(start.saturating_sub(2))..start];
        let is_reference =
            before.ends_with("${") || before.ends_with('$') && self.text[start..].starts_with('{');
        let help = if is_reference { Some(QUOTE_REFERENCE) } else { help };
        let width = self.text[start..].chars().next().map_or(0, char::len_utf8);
        let span = self.span(start as u32, (start + width) as u32);
        let diagnostic = Diagnostic::new(Code::Syntax, span, message);
        let diagnostic = diagnostic.label("what follows could not be read");
        let diagnostic = match self.opened_before(error.kind(), start) {
            Some(span) => diagnostic.also(span, "it was opened here"),
            None => diagnostic,
        };
        self.diagnostics.push(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }

    /// Returns the quote or bracket whose end is missing, if that is what is wrong.
    fn opened_before(&self, kind: &ErrorKind, until: usize) -> Option<Span> {
        let at = match kind {
            ErrorKind::UnclosedQuotedScalar
            | ErrorKind::InvalidQuotedScalarIndent
            | ErrorKind::DocumentIndicatorInQuotedScalar => {
                let read = self.slots.last().map_or(0, |slot| slot.end as usize);
                read + self.text.get(read..until)?.find(['"', '\''])?
            }
            ErrorKind::InvalidColonPlacement
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator => {
                let innermost = self.slots[self.open.last()?.slot as usize].start as usize;
                self.text.get(innermost..)?.starts_with(['[', '{']).then_some(innermost)?
            }
            _ => return None,
        };
        Some(self.span(at as u32, at as u32 + 1))
    }

    fn finish(mut self, before: usize) -> (String, Vec<Slot>, Vec<SlotId>, SlotId) {
        while !self.open.is_empty() {
            self.close(true);
        }
        let root = self.root.unwrap_or_else(|| self.nothing(before));
        (self.cooked, self.slots, self.children, root)
    }

    /// A file in which nothing stands; if it has errors, `before` was the count without them.
    fn nothing(&mut self, before: usize) -> SlotId {
        if self.diagnostics.len() == before {
            let error = Diagnostic::new(Code::Syntax, self.span(0, 0), "the file is empty");
            self.diagnostics.push(error.help("write `windlass init` for one to start from"));
        }
        self.node(Slot { start: 0, end: 0, form: Form::Broken }, 0)
    }

    pub(crate) fn span_of(&self, slot: SlotId) -> Span {
        let slot = self.slots[slot as usize];
        self.span(slot.start, slot.end)
    }

    fn span(&self, start: u32, end: u32) -> Span {
        Span { source: self.source, start, end }
    }
}

fn offset(marker: &granit_parser::Marker) -> u32 {
    marker.byte_offset().unwrap_or_default() as u32
}
