//! Errors as excerpts of the file with carets under the place.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Diagnostics, Label};
use crate::source::{Source, SourceId, Sources};

/// A file that is wrong all over is not read to its end by anyone.
const MOST_SHOWN: usize = 50;

/// Returns all errors as text, in the order of the file, and how many there are.
pub fn render(diagnostics: Diagnostics, sources: &Sources, renderer: &Renderer) -> String {
    let all = diagnostics.sorted();
    let mut shown: Vec<String> =
        all.iter().take(MOST_SHOWN).map(|one| renderer.render(&[group(one, sources)])).collect();
    shown.push(match all.len() {
        0 => return String::new(),
        1 => "1 error".to_owned(),
        count if count > MOST_SHOWN => format!("{count} errors, the first {MOST_SHOWN} shown"),
        count => format!("{count} errors"),
    });
    shown.join("\n\n") + "\n"
}

fn group<'d>(diagnostic: &'d Diagnostic, sources: &'d Sources) -> Group<'d> {
    let title = Level::ERROR.primary_title(&diagnostic.message).id(diagnostic.code.id());
    let group = title.elements(snippets(&diagnostic.labels, sources));
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    }
}

/// One excerpt per place: handing the whole file over would cost its whole length each time.
fn snippets<'d>(
    labels: &'d [Label],
    sources: &'d Sources,
) -> Vec<Snippet<'d, annotate_snippets::Annotation<'d>>> {
    let mut snippets = Vec::new();
    let mut seen: Vec<(SourceId, usize)> = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        let source = sources.get(label.span.source);
        let line = source.line_of(label.span.start);
        if seen.contains(&(label.span.source, line)) {
            continue;
        }
        seen.push((label.span.source, line));
        let same_line = labels[index..].iter().filter(|other| {
            other.span.source == label.span.source && source.line_of(other.span.start) == line
        });
        let first = labels.as_ptr();
        let annotations =
            same_line.map(|other| annotation(other, source, line, std::ptr::eq(other, first)));
        snippets.push(excerpt(source, line).annotations(annotations.collect::<Vec<_>>()));
    }
    snippets
}

fn excerpt<'d>(source: &'d Source, line: usize) -> Snippet<'d, annotate_snippets::Annotation<'d>> {
    Snippet::source(&source.text[source.lines(line, line)])
        .line_start(line + 1)
        .path(source.name.as_str())
}

fn annotation<'d>(
    label: &'d Label,
    source: &Source,
    line: usize,
    primary: bool,
) -> annotate_snippets::Annotation<'d> {
    let kind = if primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    let visible = source.lines(line, line);
    let start = (label.span.start as usize).clamp(visible.start, visible.end) - visible.start;
    let end = (label.span.end as usize).clamp(visible.start, visible.end) - visible.start;
    let annotation = kind.span(start..end);
    if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
}
