//! Files as they come from a disk, in whatever encoding.

use language::render::{Renderer, render_at};
use language::scope::Unresolved;
use language::source::MOST_BYTES;
use language::{Diagnostics, Document, Sources, decoder};

use crate::example::stack::Stack;

fn answer(bytes: Vec<u8>) -> String {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let id = sources.add_bytes("stacks/shop.yml", bytes, &mut diagnostics);
    let document = Document::parse(&sources, id, &mut diagnostics);
    decoder::decode::<Stack>(&document, &Unresolved, &mut diagnostics);
    render_at(diagnostics, &sources, &Renderer::plain(), 80)
}

const GOOD: &str = "stack: shop\nresources: {}\n# Größe 🦀\n";

#[test]
fn utf_8_is_fine() {
    assert_eq!(answer(GOOD.into()), "");
}

#[test]
fn latin_1_is_named_with_its_place_and_the_rest_is_checked() {
    let bytes =
        b"stack: shop\nresources:\n  web: { kind: process.service, command: m\xf6ge, copies: x }\n";
    insta::assert_snapshot!(answer(bytes.to_vec()));
}

#[test]
fn a_character_cut_in_half_is_named_with_its_place() {
    let mut bytes = GOOD.as_bytes().to_vec();
    bytes.truncate(bytes.len() - 3);
    insta::assert_snapshot!(answer(bytes));
}

#[test]
fn utf_16_is_named_and_read_all_the_same() {
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let text = format!("\u{feff}{}", GOOD.replace("{}", "[]"));
        let answer = answer(text.encode_utf16().flat_map(order).collect());
        assert!(answer.contains("error[W002]: this file is UTF-16"), "{answer}");
        assert!(answer.contains("error[W013]: expected a map"), "{answer}");
        assert!(answer.ends_with("2 errors\n"), "{answer}");
    }
}

#[test]
fn bytes_that_are_no_text_end_in_errors() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> = (0..random.usize(1..2_000)).map(|_| random.u8(..)).collect();
        assert!(answer(bytes).contains("error["));
    }
}

#[test]
fn too_many_bytes_are_refused_before_they_are_decoded() {
    let answer = answer(vec![0xff; MOST_BYTES + 1]);
    assert!(answer.contains("error[W004]: this file has 65 MiB, and 64 is the most"), "{answer}");
    assert!(answer.ends_with("1 error\n"), "{answer}");
}
