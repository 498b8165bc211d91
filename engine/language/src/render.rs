//! Findings as excerpts of the file with carets under the place. It prints nothing, and whether there is
//! colour is up to the renderer that is handed in.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Snippet};

pub use annotate_snippets::Renderer;
pub use annotate_snippets::renderer::DecorStyle;

use crate::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use crate::mask::Mask;
use crate::source::{Source, SourceId, Sources};
use crate::wrap;

/// A file that is wrong all over is not read to its end by anyone.
const MOST_SHOWN: usize = 50;
/// The width in characters if nobody says another.
const USUAL_WIDTH: usize = 140;
/// Longer lines, in bytes, are cut around the place: they are data, or an accident.
const LONG_LINE: usize = 4096;
/// What is kept before and after the place, in bytes.
const AROUND: Range<usize> = 512..1024;
/// Carets under more characters than this say nothing more.
const MOST_CARETS: usize = 60;
/// What the line number and the bar beside it take of the width.
const GUTTER: usize = 8;

/// Returns all findings as text, in the order of the file, and how many there are.
pub fn render(diagnostics: Diagnostics, sources: &Sources, renderer: &Renderer) -> String {
    render_at(diagnostics, sources, renderer, USUAL_WIDTH)
}

/// As [`render`], in lines of about `width` characters.
pub fn render_at(
    diagnostics: Diagnostics,
    sources: &Sources,
    renderer: &Renderer,
    width: usize,
) -> String {
    let not_kept = diagnostics.not_kept();
    let all = diagnostics.sorted();
    let canvas = Canvas { sources, width, mask: Mask::of(&all, sources) };
    let shown = all.iter().take(MOST_SHOWN);
    let mut parts: Vec<String> = shown.map(|one| canvas.draw(one, renderer)).collect();
    match count(&all, not_kept) {
        Some(count) => parts.push(count),
        None => return String::new(),
    }
    parts.join("\n\n") + "\n"
}

/// Returns one finding as text, without a line break at its end.
pub fn render_one(
    diagnostic: &Diagnostic,
    sources: &Sources,
    renderer: &Renderer,
    width: usize,
) -> String {
    let mask = Mask::of(std::slice::from_ref(diagnostic), sources);
    Canvas { sources, width, mask }.draw(diagnostic, renderer)
}

/// "3 errors, 1 warning"; None if there is nothing.
fn count(all: &[Diagnostic], not_kept: usize) -> Option<String> {
    let errors = all.iter().filter(|one| one.severity == Severity::Error).count();
    let many = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        count => Some(format!("{count} {word}s")),
    };
    let words = [many(errors, "error"), many(all.len() - errors, "warning")];
    let words: Vec<String> = words.into_iter().flatten().collect();
    let count = match (words.is_empty(), not_kept) {
        (true, 0) => return None,
        (_, 0) => words.join(", "),
        (..) => format!("more than {}", words.join(", ")),
    };
    let cut = all.len() > MOST_SHOWN;
    Some(if cut { format!("{count}, the first {MOST_SHOWN} shown") } else { count })
}

/// What is said, broken into lines.
struct Words {
    title: String,
    /// What would not fit beside the place stands below it.
    note: Option<String>,
    help: Option<String>,
}

struct Canvas<'d> {
    sources: &'d Sources,
    width: usize,
    mask: Mask,
}

impl<'d> Canvas<'d> {
    fn draw(&self, diagnostic: &'d Diagnostic, renderer: &Renderer) -> String {
        let words = self.words(diagnostic);
        let renderer = renderer.clone().term_width(self.width.saturating_sub(GUTTER).max(40));
        renderer.render(&[self.group(diagnostic, &words)])
    }

    fn words(&self, diagnostic: &Diagnostic) -> Words {
        let indent = diagnostic.severity.word().len() + "[W000]: ".len();
        let title = wrap::block(&diagnostic.message, self.width.saturating_sub(indent));
        let below = |text: &String| wrap::block(text, self.width.saturating_sub(2 * GUTTER));
        let main = diagnostic.labels.first().filter(|label| self.is_long(label));
        Words {
            title,
            note: main.map(|label| below(&label.text)),
            help: diagnostic.help.as_ref().map(below),
        }
    }

    /// Whether what is said would not fit beside the place.
    fn is_long(&self, label: &Label) -> bool {
        let length = label.text.chars().count();
        if label.text.contains('\n') {
            return true;
        }
        let Some(source) = self.sources.find(label.span.source) else { return length > 0 };
        let carets = label.span.end.saturating_sub(label.span.start) as usize;
        let column = source.place(label.span.start).column + carets.min(MOST_CARETS);
        column + length + GUTTER > self.width && length > self.width / 3
    }

    fn group(&self, diagnostic: &'d Diagnostic, words: &'d Words) -> Group<'d> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(words.title.as_str()).id(diagnostic.code.id());
        let mut group = title.elements(self.excerpts(&diagnostic.labels));
        if let Some(note) = &words.note {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        if let Some(help) = &words.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }

    /// One excerpt per place: handing the whole file over would cost its whole length each time.
    fn excerpts(&self, labels: &'d [Label]) -> Vec<Element<'d>> {
        let mut elements = Vec::new();
        let mut done: Vec<(SourceId, usize, usize)> = Vec::new();
        for (index, label) in labels.iter().enumerate() {
            let Some(source) = self.sources.find(label.span.source) else { continue };
            let window = Window::around(source, label);
            let key = (label.span.source, window.line, window.bytes.start);
            if done.contains(&key) {
                continue;
            }
            done.push(key);
            let here = labels[index..].iter().filter(|other| {
                other.span.source == label.span.source && window.holds(source, other)
            });
            let shown = self.mask.shown(label.span.source, source, window.bytes.clone());
            let annotations = here.map(|other| {
                let bytes = window.place_of(other, source);
                let bytes = shown.place_of(bytes.start)..shown.place_of(bytes.end);
                self.annotation(other, bytes, std::ptr::eq(other, labels.as_ptr()), &shown.text)
            });
            let annotations: Vec<Annotation<'d>> = annotations.collect();
            let snippet =
                Snippet::source(shown.text).line_start(window.line + 1).annotations(annotations);
            if window.is_cut {
                // The column of a cut line is not the column in the file.
                let place = source.place(label.span.start);
                let origin = Origin::path(place.file).line(place.line).char_column(place.column);
                elements.extend([origin.into(), snippet.into()]);
            } else {
                elements.push(snippet.path(source.name.as_str()).into());
            }
        }
        elements
    }

    fn annotation(
        &self,
        label: &'d Label,
        bytes: Range<usize>,
        primary: bool,
        shown: &str,
    ) -> Annotation<'d> {
        let kind = if primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let most = (self.width / 2).clamp(8, MOST_CARETS);
        let long = shown[bytes.clone()].char_indices().nth(most);
        let end = long.map_or(bytes.end, |(length, _)| bytes.start + length);
        let annotation = kind.span(bytes.start..end);
        if label.text.is_empty() || primary && self.is_long(label) {
            annotation
        } else {
            annotation.label(label.text.as_str())
        }
    }
}

/// The part of a line that is shown.
struct Window {
    line: usize,
    bytes: Range<usize>,
    is_cut: bool,
}

impl Window {
    fn around(source: &Source, label: &Label) -> Self {
        let line = source.line_of(label.span.start);
        let bytes = source.lines(line, line);
        if bytes.len() <= LONG_LINE {
            return Self { line, bytes, is_cut: false };
        }
        let at = (label.span.start as usize).clamp(bytes.start, bytes.end);
        let start = source.text.floor_char_boundary(at.saturating_sub(AROUND.start));
        let end = source.text.ceil_char_boundary((at + AROUND.end).min(bytes.end));
        Self { line, bytes: start.max(bytes.start)..end.min(bytes.end), is_cut: true }
    }

    fn holds(&self, source: &Source, label: &Label) -> bool {
        let start = label.span.start as usize;
        source.line_of(label.span.start) == self.line
            && (!self.is_cut || self.bytes.contains(&start) || start == self.bytes.end)
    }

    /// Where a label lies in what is shown.
    fn place_of(&self, label: &Label, source: &Source) -> Range<usize> {
        let visible = &source.text[self.bytes.clone()];
        let inside = |at: u32| {
            let at = (at as usize).clamp(self.bytes.start, self.bytes.end);
            visible.floor_char_boundary(at - self.bytes.start)
        };
        let start = inside(label.span.start);
        start..inside(label.span.end).max(start)
    }
}
