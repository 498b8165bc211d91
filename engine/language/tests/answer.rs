//! What a user sees for a file.

use language::render::{Renderer, render_at};
use language::scope::Unresolved;
use language::{Diagnostics, Document, Scope, Sources, Spec, decoder};

/// Reads a file as a spec that knows no names, and returns the errors as a narrow terminal shows them.
pub fn answer<T: Spec>(name: &str, text: &str) -> String {
    let (_, sources, diagnostics) = read::<T>(name, text, &Unresolved);
    render_at(diagnostics, &sources, &Renderer::plain(), 100)
}

/// Reads a file as a spec.
pub fn read<T: Spec>(
    name: &str,
    text: &str,
    scope: &dyn Scope,
) -> (Option<T>, Sources, Diagnostics) {
    let mut sources = Sources::default();
    let id = sources.add(name, text);
    let mut diagnostics = Diagnostics::default();
    let document = Document::parse(&sources, id, &mut diagnostics);
    let decoded = decoder::decode::<T>(&document, scope, &mut diagnostics);
    (decoded.value, sources, diagnostics)
}

/// Reads one value of a file that has no errors.
pub fn good<T: Spec>(text: &str) -> T {
    let (value, sources, diagnostics) = read::<T>("good.yml", text, &Unresolved);
    let errors = render_at(diagnostics, &sources, &Renderer::plain(), 100);
    assert_eq!(errors, "");
    value.unwrap()
}
