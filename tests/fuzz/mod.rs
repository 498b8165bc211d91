//! A bounded number of broken inputs for everything that reads: real ones with a few bytes changed, cut,
//! repeated or exchanged. `engine/fuzz` goes on from here for as long as one likes.

mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;

/// What holds meaning in one of the languages, and is worth putting where it does not belong.
const WORDS: [&str; 24] = [
    "${",
    "}",
    "{{",
    "}}",
    "{{{",
    "{{#each many}}",
    "{{/each}}",
    "&a",
    "*a",
    "<<: ",
    "? ",
    "- ",
    "\t",
    "\u{feff}",
    "\u{0}",
    "|\n",
    "!!str ",
    "9223372036854775808",
    "-1",
    "1e999",
    "null",
    "[",
    "{",
    "\"",
];

/// Changes an input in one to eight places.
fn mutated(input: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut out = input.to_vec();
    for _ in 0..rng.usize(1..=8) {
        let at = rng.usize(..=out.len());
        let end = (at + rng.usize(..32)).min(out.len());
        match rng.u32(..6) {
            0 => out.truncate(at),
            1 => _ = out.drain(at..end),
            2 => {
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
            3 => {
                let word = WORDS[rng.usize(..WORDS.len())];
                out.splice(at..end, word.bytes());
            }
            4 => {
                let from = rng.usize(..=other.len());
                let to = (from + rng.usize(..64)).min(other.len());
                out.splice(at..at, other[from..to].iter().copied());
            }
            _ if at < out.len() => out[at] = rng.u8(..),
            _ => {}
        }
    }
    out
}

/// Drives a target with so many mutations of these inputs. What fails is kept, to be looked at.
fn drive(name: &str, inputs: &[Vec<u8>], count: usize, target: fn(&[u8])) {
    assert!(!inputs.is_empty(), "there is nothing to begin with");
    let seed = rng_seed();
    let mut rng = Rng::with_seed(seed);
    for input in inputs {
        target(input);
    }
    for number in 0..count {
        let (one, other) = (rng.usize(..inputs.len()), rng.usize(..inputs.len()));
        let input = mutated(&inputs[one], &inputs[other], &mut rng);
        let result = std::panic::catch_unwind(|| target(&input));
        if result.is_err() {
            let kept = std::env::temp_dir().join(format!("windlass-fuzz-{name}-{seed}-{number}"));
            fs::write(&kept, &input).unwrap();
            panic!("{name} failed with an input that is kept in {}", kept.display());
        }
    }
}

/// The same each time, unless another is asked for: a test that fails fails again.
fn rng_seed() -> u64 {
    std::env::var("FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

fn rounds(usual: usize) -> usize {
    std::env::var("FUZZ_ROUNDS").ok().and_then(|many| many.parse().ok()).unwrap_or(usual)
}

/// Every file below a folder of the repository with one of these endings, and a byte behind each.
fn files(folder: &str, endings: &[&str], last: &[u8]) -> Vec<Vec<u8>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)];
    let mut found: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            match path.is_dir() {
                true => folders.push(path),
                false if endings.iter().any(|e| path.to_string_lossy().ends_with(e)) => {
                    found.push(path);
                }
                false => {}
            }
        }
    }
    found.sort();
    found.into_iter().map(|path| [&fs::read(path).unwrap()[..], last].concat()).collect()
}

#[test]
fn any_file() {
    let mut inputs = files("stacks", &[".yml"], &[0]);
    inputs.extend(files("engine/providers/src", &["example.yml"], &[0]));
    inputs.extend(files("pipelines", &[".yml"], &[1]));
    inputs.extend(files("inventories", &[".yml"], &[2]));
    drive("file", &inputs, rounds(4_000), targets::file);
}

#[test]
fn any_template() {
    let mut inputs = files("templates", &[".hbs"], &[]);
    let own = "{{title}} {{#each many}}{{@index}}{{this}}{{else}}-{{/each}}{{#if on}}{{json deep}}{{/if}}";
    inputs.push(own.as_bytes().to_vec());
    drive("template", &inputs, rounds(4_000), targets::template);
}

/// Lines as the journal has them, from a real apply.
#[test]
fn any_journal() {
    let (events, _) = lived();
    drive("journal", &events, rounds(20_000), targets::journal);
}

#[test]
fn any_database() {
    let (_, database) = lived();
    drive("database", &[database], rounds(300), targets::database);
}

/// The journal's lines and the database of a project that was applied and changed once.
fn lived() -> (Vec<Vec<u8>>, Vec<u8>) {
    use crate::cli::project::TestProject;
    use runtime::store::{RunId, SqliteStore, Store};

    let page = "  page:\n    kind: file.text\n    path: page\n    content: \"${note.input}\"\n";
    let note = |text: &str| format!("  note:\n    kind: data.value\n    input: {text}\n{page}");
    let project = TestProject::of(&note("one"));
    project.done(["apply", "-y"]);
    project.write("stacks/shop.yml", format!("stack: shop\nresources:\n{}", note("two")));
    project.done(["apply", "-y"]);
    let home = project.place(".windlass");
    let path = SqliteStore::path(&home);
    let mut lines = Vec::new();
    {
        let store = SqliteStore::open(&path, "any", providers::kinds()).unwrap();
        for run in [RunId(1), RunId(2)] {
            let events = store.events(run).unwrap();
            lines.extend(events.iter().map(|event| serde_json::to_vec(event).unwrap()));
        }
        for key in ["note", "page"] {
            let record = store.record("shop", key).unwrap().unwrap();
            lines.push(serde_json::to_vec(&record).unwrap());
        }
    }
    assert!(lines.len() > 6, "{} lines", lines.len());
    (lines, fs::read(path).unwrap())
}
