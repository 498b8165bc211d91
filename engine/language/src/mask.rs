//! Secrets that stand in a file in the open are errors, and an error is shown: without what they say.

use std::borrow::Cow;
use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, SourceId, Sources, Span};

/// Places of which nothing is drawn.
pub(crate) struct Mask(Vec<Span>);

/// A part of a file as it is drawn.
pub(crate) struct Shown<'d> {
    pub text: Cow<'d, str>,
    /// Bytes that were replaced, and by how many.
    replaced: Vec<(Range<usize>, usize)>,
}

impl Mask {
    /// Collects the places of all secrets in the open; what holds a handle or a reference is not one.
    pub(crate) fn of(all: &[Diagnostic], sources: &Sources) -> Self {
        let secrets = all.iter().filter(|one| one.code == Code::MisplacedSecret);
        let mut spans: Vec<Span> = secrets
            .map(Diagnostic::span)
            .filter(|span| {
                let source = sources.find(span.source);
                let text = source.and_then(|source| source.text.get(bytes(*span)));
                text.is_some_and(|text| !text.contains("${"))
            })
            .collect();
        spans.sort();
        spans.dedup();
        Self(spans)
    }

    /// Returns a part of a file with one `*` for each character that is not to be seen.
    pub(crate) fn shown<'d>(
        &self,
        id: SourceId,
        source: &'d Source,
        part: Range<usize>,
    ) -> Shown<'d> {
        let text = &source.text[part.clone()];
        let mut shown = Shown { text: Cow::Borrowed(text), replaced: Vec::new() };
        let mut until = 0;
        for span in self.0.iter().filter(|span| span.source == id) {
            let inside = |at: u32| (at as usize).clamp(part.start, part.end) - part.start;
            let bytes = inside(span.start).max(until)..inside(span.end);
            if bytes.is_empty() {
                continue;
            }
            until = bytes.end;
            let stars = text[bytes.clone()].chars().count();
            let place = shown.place_of(bytes.start)..shown.place_of(bytes.end);
            shown.text.to_mut().replace_range(place, &"*".repeat(stars));
            shown.replaced.push((bytes, stars));
        }
        shown
    }
}

impl Shown<'_> {
    /// Returns where a byte of the part lies now.
    pub(crate) fn place_of(&self, at: usize) -> usize {
        let before = self.replaced.iter().filter(|(bytes, _)| bytes.start < at);
        before.fold(at, |place, (bytes, stars)| {
            let gone = at.min(bytes.end) - bytes.start;
            place - gone + (*stars).min(gone)
        })
    }
}

fn bytes(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}
