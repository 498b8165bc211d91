//! Any bytes as a file: they end in a value, or in errors that can be drawn, and never in a panic.
//!
//! See `Cargo.toml` for how to run it.
#![no_main]

use language::render::{Renderer, render_at};
use language::scope::Unresolved;
use language::{AnyValue, Diagnostics, Document, Found, Reference, Scope, Sources, Spec, decoder};
use libfuzzer_sys::fuzz_target;

#[path = "../../language/tests/example/mod.rs"]
mod example;

use example::everything::Everything;
use example::pipeline::Pipeline;
use example::stack::Stack;

/// Every reference stands for a part of the file itself.
struct Itself<'d>(&'d Document);

impl Scope for Itself<'_> {
    fn find(&self, reference: &Reference) -> Found<'_> {
        match self.0.root().get(reference.head()) {
            Some(value) => Found::Known(value),
            None if reference.path.len() % 2 == 0 => Found::Later,
            None => Found::NotAmong(Box::new(["text", "values", "next"].into_iter())),
        }
    }
}

fn check<T: Spec>(bytes: &[u8]) {
    let mut sources = Sources::default();
    let mut found = Diagnostics::default();
    let id = sources.add_bytes("fuzz.yml", bytes.to_vec(), &mut found);
    let document = Document::parse(&sources, id, &mut found);
    let read = decoder::decode::<T>(&document, &Unresolved, &mut found);
    assert!(found.has_errors() || read.value.is_some() || !read.waiting.is_empty());
    let read = decoder::decode::<T>(&document, &Itself(&document), &mut found);
    assert!(found.has_errors() || read.value.is_some() || !read.waiting.is_empty());
    for diagnostic in &found {
        assert!(diagnostic.to_json(&sources)["message"].is_string());
    }
    let answer = render_at(found, &sources, &Renderer::plain(), 80);
    assert!(answer.len() < 1_000_000, "an answer of {} bytes", answer.len());
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_last() else { return };
    match which % 4 {
        0 => check::<Stack>(bytes),
        1 => check::<Pipeline>(bytes),
        2 => check::<Everything>(bytes),
        _ => check::<AnyValue>(bytes),
    }
});
