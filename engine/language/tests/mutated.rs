//! A few thousand damaged files, always the same ones: none may panic, none may take long. The real
//! fuzzer, under `fuzz/`, goes on from here.

use language::render::{Renderer, render_at};
use language::scope::Unresolved;
use language::{AnyValue, Diagnostics, Document, Sources, Spec, decoder, template};

use crate::example::everything::Everything;
use crate::example::pipeline::Pipeline;
use crate::example::stack::Stack;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files");
const ROUNDS: usize = 3_000;

/// Pieces that have a meaning, put in where they have none.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "<<: *a",
    "!t ",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "#",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "  ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "${",
    "}",
    "$${",
    "${a.b}",
    "${secret.a}",
    "\\",
    "\\x41",
    "\0",
    "\u{feff}",
    "🦀",
    "\u{85}",
    "\u{2028}",
    "~",
    "null",
    "0x1",
    "1e9",
    ".inf",
    "99999999999999999999",
    "-",
    "x-a: &a { b: [*a] }\n",
    "next: ",
    "when: ",
    "values: ",
];

fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..8) {
        let at = random.usize(0..=bytes.len());
        let until = (at + random.usize(0..40)).min(bytes.len());
        match random.u8(0..6) {
            0 => drop(bytes.drain(at..until)),
            1 => drop(
                bytes.splice(at..at, random.choice(PIECES).into_iter().flat_map(|p| p.bytes())),
            ),
            2 => {
                let part = bytes[at..until].repeat(random.usize(1..20));
                bytes.splice(at..at, part);
            }
            3 => {
                let other = random.choice(others).into_iter().flatten().copied();
                let part: Vec<u8> = other.skip(random.usize(0..200)).take(80).collect();
                bytes.splice(at..until, part);
            }
            4 if at < bytes.len() => bytes[at] = random.u8(..),
            _ => bytes.truncate(at.max(8)),
        }
    }
}

fn check<T: Spec>(bytes: &[u8]) -> usize {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let id = sources.add_bytes("mutated.yml", bytes.to_vec(), &mut diagnostics);
    let document = Document::parse(&sources, id, &mut diagnostics);
    let decoded = decoder::decode::<T>(&document, &Unresolved, &mut diagnostics);
    let found = diagnostics.errors();
    assert!(
        found > 0 || decoded.value.is_some() || !decoded.waiting.is_empty(),
        "no value and no reason: {:?}",
        String::from_utf8_lossy(bytes)
    );
    for diagnostic in &diagnostics {
        assert!(diagnostic.to_json(&sources)["message"].is_string());
    }
    let answer = render_at(diagnostics, &sources, &Renderer::plain(), 80);
    assert!(answer.len() <= 50 * 6_000, "an answer of {} bytes", answer.len());
    found
}

#[test]
fn three_thousand_damaged_files_are_answered() {
    let mut names: Vec<_> =
        std::fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().path()).collect();
    names.sort();
    let files: Vec<Vec<u8>> = names.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let mut random = fastrand::Rng::with_seed(20_261_121);
    let mut refused = 0;
    for round in 0..ROUNDS {
        let mut bytes = files[round % files.len()].clone();
        mutate(&mut bytes, &files, &mut random);
        let found = match round % 4 {
            0 => check::<Stack>(&bytes),
            1 => check::<Pipeline>(&bytes),
            2 => check::<Everything>(&bytes),
            _ => check::<AnyValue>(&bytes),
        };
        refused += usize::from(found > 0);
    }
    assert!(refused > ROUNDS / 2, "damage is found: {refused} of {ROUNDS}");
}

#[test]
fn twenty_thousand_damaged_references_are_split() {
    let span = language::Span { source: language::SourceId::NOWHERE, start: 0, end: 0 };
    let mut random = fastrand::Rng::with_seed(7);
    let pieces = ["$", "{", "}", "${", "$${", "a", ".", "secret.", "[0]", " ", "ä", "\n", "${a.b}"];
    for _ in 0..20_000 {
        let text: String = (0..random.usize(0..12)).filter_map(|_| random.choice(pieces)).collect();
        let Some(Ok(parts)) = template::split(&text, &text, span) else { continue };
        let again = template::written(parts.iter().map(|part| match part {
            template::Part::Literal(literal) => template::Written::Literal(literal),
            template::Part::Reference(reference) => template::Written::Reference(&reference.path),
        }));
        let back = template::split(&again, &again, span);
        assert!(back.is_some_and(|back| back.is_ok_and(|back| back == parts)), "{text:?}");
    }
}
