//! Findings as excerpts of the file with carets under the place. It prints nothing, and whether there is
//! colour is up to the renderer that is handed in.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Snippet};

pub use annotate_snippets::Renderer;
pub use annotate_snippets::renderer::DecorStyle;

use crate::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
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
    let shown = all.iter().take(MOST_SHOWN);
    let mut parts: Vec<String> =
        shown.map(|one| render_one(one, sources, renderer, width)).collect();
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
    let canvas = Canvas { sources, width };
    let words = Words::of(diagnostic, width);
    // The line number and the bar beside it take some of the width.
    let renderer = renderer.clone().term_width(width.saturating_sub(8).max(40));
    renderer.render(&[canvas.group(diagnostic, &words)])
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

impl Words {
    fn of(diagnostic: &Diagnostic, width: usize) -> Self {
        let indent = diagnostic.severity.word().len() + "[W000]: ".len();
        let title = wrap::block(&diagnostic.message, width.saturating_sub(indent));
        let below = |text: &String| wrap::block(text, width.saturating_sub(16));
        let main = diagnostic.labels.first().filter(|label| is_long(label, width));
        Self {
            title,
            note: main.map(|label| below(&label.text)),
            help: diagnostic.help.as_ref().map(below),
        }
    }
}

fn is_long(label: &Label, width: usize) -> bool {
    label.text.chars().count() > width / 2
}

struct Canvas<'d> {
    sources: &'d Sources,
    width: usize,
}

impl<'d> Canvas<'d> {
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
            let annotations = here.map(|other| {
                self.annotation(other, source, &window, std::ptr::eq(other, labels.as_ptr()))
            });
            let snippet = Snippet::source(&source.text[window.bytes.clone()])
                .line_start(window.line + 1)
                .annotations(annotations.collect::<Vec<_>>());
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
        source: &Source,
        window: &Window,
        primary: bool,
    ) -> Annotation<'d> {
        let kind = if primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let visible = &source.text[window.bytes.clone()];
        let inside = |at: u32| {
            let at = (at as usize).clamp(window.bytes.start, window.bytes.end);
            visible.floor_char_boundary(at - window.bytes.start)
        };
        let start = inside(label.span.start);
        let end = inside(label.span.end).max(start);
        let carets = visible[start..end].char_indices().nth(MOST_CARETS);
        let end = carets.map_or(end, |(length, _)| start + length);
        let annotation = kind.span(start..end);
        if label.text.is_empty() || primary && is_long(label, self.width) {
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
}
