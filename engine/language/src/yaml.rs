//! YAML text to [`Document`]. The only module that knows the YAML crate.
//!
//! It adds what the parser leaves to us: duplicate keys, merge keys, aliases that contain
//! themselves, and a tree even where the text breaks off.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::{Document, Form, Slot, SlotId};
use crate::source::{SourceId, Span};

pub(crate) fn parse(source: SourceId, text: Arc<str>, diagnostics: &mut Diagnostics) -> Document {
    let mut builder = Builder::new(source, &text, diagnostics);
    let options =
        granit_parser::options! { emit_unresolved_aliases: true, disallow_directives: true };
    for step in Parser::new_from_str_with_options(&text, options) {
        match step {
            Ok((event, span)) => builder.event(event, &span),
            Err(error) => builder.broken(&error),
        }
    }
    let (cooked, slots, children, root) = builder.finish();
    Document { source, text, cooked, slots, children, root }
}

struct Builder<'t> {
    source: SourceId,
    text: &'t str,
    diagnostics: &'t mut Diagnostics,
    cooked: String,
    slots: Vec<Slot>,
    children: Vec<SlotId>,
    anchors: HashMap<usize, SlotId>,
    open: Vec<Collection>,
    /// Children of all open collections; each knows where its own begin.
    pending: Vec<SlotId>,
    root: Option<SlotId>,
    documents: usize,
}

/// Keys of one map and where each stands first.
type Names<'t> = HashMap<Cow<'t, str>, SlotId>;

struct Collection {
    slot: SlotId,
    first: usize,
}

impl<'t> Builder<'t> {
    fn new(source: SourceId, text: &'t str, diagnostics: &'t mut Diagnostics) -> Self {
        Self {
            source,
            text,
            diagnostics,
            cooked: String::new(),
            slots: Vec::new(),
            children: Vec::new(),
            anchors: HashMap::new(),
            open: Vec::new(),
            pending: Vec::new(),
            root: None,
            documents: 0,
        }
    }

    fn event(&mut self, event: Event<'t>, at: &granit_parser::Span) {
        let (start, end) = (offset(&at.start), offset(&at.end));
        if let Some(tag) = at.tag_span() {
            self.tag(offset(&tag.start), offset(&tag.end));
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
        let plain = style == ScalarStyle::Plain;
        let len = text.len() as u32;
        match text {
            Cow::Borrowed(text) if self.text.as_bytes().as_ptr_range().contains(&text.as_ptr()) => {
                let at = (text.as_ptr() as usize - self.text.as_ptr() as usize) as u32;
                Form::Scalar { at, len, cooked: false, plain }
            }
            other => {
                let at = self.cooked.len() as u32;
                self.cooked.push_str(&other);
                Form::Scalar { at, len, cooked: true, plain }
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
        let form = match self.slots[slot as usize].form {
            Form::Map { .. } => {
                own.truncate(own.len() / 2 * 2);
                let pairs = self.merged(own);
                let (first, len) = (self.children.len() as u32, pairs.len() as u32);
                self.children.extend(pairs);
                Form::Map { first, len, cut_short }
            }
            _ => {
                let (first, len) = (self.children.len() as u32, own.len() as u32);
                self.children.extend(own);
                Form::List { first, len }
            }
        };
        let closed = &mut self.slots[slot as usize];
        closed.form = form;
        closed.end = end.unwrap_or(closed.end).max(closed.end);
    }

    /// Notes duplicate keys and replaces `<<` by the keys that it brings in; own keys win.
    fn merged(&mut self, pairs: Vec<SlotId>) -> Vec<SlotId> {
        let mut seen = Names::with_capacity(pairs.len() / 2);
        let mut kept = Vec::with_capacity(pairs.len());
        let mut sources = Vec::new();
        for pair in pairs.chunks_exact(2) {
            let Some(name) = self.name(pair[0]) else {
                kept.extend(pair);
                continue;
            };
            if name == "<<" {
                sources.push(pair[1]);
            } else if let Some(&first) = seen.get(&name) {
                self.duplicate(&name, first, pair[0]);
            } else {
                seen.insert(name, pair[0]);
                kept.extend(pair);
            }
        }
        for source in sources {
            self.merge(source, &mut seen, &mut kept);
        }
        kept
    }

    fn merge(&mut self, source: SlotId, seen: &mut Names<'t>, kept: &mut Vec<SlotId>) {
        let children = |first: u32, len: u32| first as usize..(first + len) as usize;
        match self.slots[source as usize].form {
            Form::Alias { target } => self.merge(target, seen, kept),
            Form::List { first, len } => {
                for item in children(first, len) {
                    self.merge(self.children[item], seen, kept);
                }
            }
            Form::Map { first, len, .. } => {
                for pair in self.children[children(first, len)].chunks_exact(2) {
                    let name = self.name(pair[0]);
                    if name.is_none_or(|name| seen.insert(name, pair[0]).is_none()) {
                        kept.extend(pair);
                    }
                }
            }
            Form::Broken => {}
            Form::Scalar { .. } => {
                let span = self.span_of(source);
                self.diagnostics.push(
                    Diagnostic::new(Code::WrongType, span, "`<<` merges maps, and this is text")
                        .help("write `<<: *name`, where `&name` marks a map"),
                );
            }
        }
    }

    fn duplicate(&mut self, name: &str, first: SlotId, again: SlotId) {
        let (first, again) = (self.span_of(first), self.span_of(again));
        self.diagnostics.push(
            Diagnostic::new(Code::DuplicateKey, again, format!("`{name}` is given twice"))
                .label("again here")
                .also(first, "first here"),
        );
    }

    fn alias(&mut self, anchor: usize, start: u32, end: u32) {
        let Some(&target) = self.anchors.get(&anchor) else { return };
        if self.open.iter().any(|collection| collection.slot == target) {
            let message = "an alias cannot stand inside the value that it repeats";
            self.diagnostics.push(Diagnostic::new(Code::AliasBomb, self.span(start, end), message));
            self.node(Slot { start, end, form: Form::Broken }, 0);
        } else {
            self.node(Slot { start, end, form: Form::Alias { target } }, 0);
        }
    }

    fn unresolved(&mut self, name: &str, start: u32, end: u32) {
        let message = format!("no anchor `&{name}` stands before this");
        let error = Diagnostic::new(Code::Syntax, self.span(start, end), message)
            .help(format!("put text that starts with `*` in quotes: \"*{name}\""));
        self.diagnostics.push(error);
        self.node(Slot { start, end, form: Form::Broken }, 0);
    }

    fn broken(&mut self, error: &ScanError) {
        let mut start = offset(error.marker()).min(self.text.len() as u32);
        let (message, help) = explained(error.kind());
        if help == Some(NO_TABS) {
            start += self.text[start as usize..].find('\t').unwrap_or_default() as u32;
        }
        let width = self.text[start as usize..].chars().next().map_or(0, char::len_utf8) as u32;
        let mut diagnostic =
            Diagnostic::new(Code::Syntax, self.span(start, start + width), message)
                .label("what follows could not be read");
        diagnostic.help = help.map(String::from);
        self.diagnostics.push(diagnostic);
    }

    fn finish(mut self) -> (String, Vec<Slot>, Vec<SlotId>, SlotId) {
        while !self.open.is_empty() {
            self.close(true);
        }
        let root = self.root.unwrap_or_else(|| self.nothing());
        (self.cooked, self.slots, self.children, root)
    }

    fn nothing(&mut self) -> SlotId {
        if self.diagnostics.is_empty() {
            let error = Diagnostic::new(Code::Syntax, self.span(0, 0), "the file is empty");
            self.diagnostics.push(error);
        }
        self.node(Slot { start: 0, end: 0, form: Form::Broken }, 0)
    }

    /// Returns the text of a key; only its own escapes need a copy.
    fn name(&self, key: SlotId) -> Option<Cow<'t, str>> {
        let range = |at: u32, len: u32| at as usize..(at + len) as usize;
        match self.slots[key as usize].form {
            Form::Scalar { at, len, cooked: false, .. } => {
                Some(Cow::Borrowed(&self.text[range(at, len)]))
            }
            Form::Scalar { at, len, .. } => {
                Some(Cow::Owned(self.cooked[range(at, len)].to_owned()))
            }
            _ => None,
        }
    }

    fn span_of(&self, slot: SlotId) -> Span {
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

const NO_TABS: &str = "indent with spaces: YAML does not allow tabs";

/// Returns the parser's finding in the words of an author, where its own speak of scanners.
fn explained(kind: &ErrorKind) -> (String, Option<&'static str>) {
    let own = kind.to_string();
    match kind {
        _ if own.contains(" tab") => {
            ("a tab stands where indentation should be".to_owned(), Some(NO_TABS))
        }
        _ if own.contains("quoted scalar") => {
            (own, Some("a quote before this place is not closed"))
        }
        ErrorKind::UnexpectedCharacter { character: '@' | '`' } => {
            (own, Some("put this text in quotes"))
        }
        _ => (own, None),
    }
}
