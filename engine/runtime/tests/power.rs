//! The power goes: every file falls back to what it was at its last fsync. No effect may have happened
//! without its intent in what is left.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use model::Registry;
use model::event::Event;
use runtime::store::{SqliteStore, Store};

use super::child::Child;

/// Power cuts unless the variable `CUTS` says otherwise.
const CUTS: u64 = 20;

const SHADOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/faults/power/shadow.c");

#[test]
fn no_effect_happens_without_a_durable_intent() {
    let cuts = std::env::var("CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(CUTS);
    let library = tempfile::tempdir().unwrap();
    let Some(library) = compiled(library.path()) else { return };
    let (mut effects, mut busy) = (0, 0);
    for seed in 0..cuts {
        let happened = cut(&library, &mut Rng::with_seed(seed));
        effects += happened;
        busy += u64::from(happened > 0);
    }
    println!(
        "{cuts} cuts, {busy} of them after effects: {effects} effects, none without its intent"
    );
    assert!(busy * 2 > cuts, "only {busy} of {cuts} cuts came after an effect");
}

/// None, and loudly so, where there is no C compiler.
fn compiled(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("shadow.so");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(SHADOW).arg("-ldl");
    match cc.output() {
        Ok(output) if output.status.success() => Some(library),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            // Past what the test runner holds back.
            let text = format!("SKIPPED: the power cut needs a C compiler: cc: {error}\n");
            std::io::stderr().write_all(text.as_bytes()).unwrap();
            None
        }
    }
}

/// Cuts the power of one process; returns how many effects had happened.
fn cut(library: &Path, rng: &mut Rng) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let (project, shadow) = (folder.path().join("project"), folder.path().join("shadow"));
    std::fs::create_dir(&project).unwrap();
    std::fs::create_dir(&shadow).unwrap();
    let environment = [("LD_PRELOAD", library), ("SHADOW", &shadow)];
    let mut child = Child::start("apply on and on", &project, &environment);
    child.says("begun").unwrap();
    std::thread::sleep(Duration::from_millis(rng.u64(1..250)));
    child.kill();

    let effects = std::fs::read_to_string(project.join("effects")).unwrap();
    let intents = intents(&shadow);
    for token in effects.lines() {
        assert!(
            intents.contains(token),
            "{token} happened, and nothing durable says that it would"
        );
    }
    effects.lines().count()
}

/// The tokens of everything that the store of a folder says was intended.
fn intents(folder: &Path) -> HashSet<String> {
    let store = SqliteStore::open(&SqliteStore::path(folder), "lab", Registry::default()).unwrap();
    let runs = store.runs(None, usize::MAX >> 1).unwrap();
    let events = runs.iter().flat_map(|run| store.events(run.id).unwrap());
    let token = |event: Event| match event {
        Event::Started { token, .. } => Some(token.to_string()),
        Event::Ended { .. } | Event::Asked { .. } | Event::Decided { .. } => None,
    };
    events.filter_map(token).collect()
}
