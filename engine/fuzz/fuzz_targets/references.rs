//! Any text with references in it: split, written again, and split to the same.
#![no_main]

use language::template::{Part, split};
use language::{SourceId, Span};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let span = Span { source: SourceId(0), start: 0, end: text.len() as u32 };
    let Some(Ok(parts)) = split(text, text, span) else { return };
    for part in &parts {
        if let Part::Reference(reference) = part {
            let range = reference.span.start as usize..reference.span.end as usize;
            assert_eq!(text.get(range), Some(format!("${{{}}}", reference.path).as_str()));
        }
    }
});
