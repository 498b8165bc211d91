//! What is fuzzed: each takes any bytes, and must end in an answer or an error, never in a panic.
//!
//! The same functions are driven by libFuzzer (`engine/fuzz`) and, for a bounded number of inputs, by
//! the tests beside.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use language::render::{Renderer, render_at};
use model::event::{Event, Intent};
use model::ledger::{Ledger, Steps};
use model::plan::{Saved, Step, Work};
use model::record::{OutputsRecord, Record};
use runtime::engine::{PlanRequest, check};
use runtime::parameters::Given;
use runtime::project::Project;
use runtime::store::{MemoryStore, RunId, SqliteStore, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use testkit::Lab;

thread_local! {
    static LAB: Lab = Lab::new(
        |world| world.over(&providers::kinds()),
        |_, kinds| Arc::new(MemoryStore::new("fuzz", kinds)),
    );
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
}

/// A stack, pipeline or inventory file: the last byte says which.
pub(super) fn file(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_last() else { return };
    let place = match which % 3 {
        0 => "stacks/fuzz.yml",
        1 => "pipelines/fuzz.yml",
        _ => "inventories/fuzz.yml",
    };
    LAB.with(|lab| {
        let path = lab.folder().join(place);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        let project = Project::find(lab.folder()).expect("a project");
        let only = [PathBuf::from(place)];
        let checked = check(&project, &providers::kinds(), None, Some(&only), &Given::new());
        let Ok(checked) = checked else { return };
        for diagnostic in &checked.wrong.diagnostics {
            assert!(diagnostic.to_json(&checked.wrong.sources)["message"].is_string());
        }
        let wrong = checked.wrong;
        let answer = render_at(wrong.diagnostics, &wrong.sources, &Renderer::plain(), 80);
        assert!(answer.len() < 1_000_000, "an answer of {} bytes", answer.len());
    });
}

const PAGE: &str = "stack: fuzz
resources:
  page:
    kind: file.template
    path: page
    template: fuzz.hbs
    values: { title: 'A & B', none: '', many: [a, b], on: true, count: 3, deep: { x: { y: 1 } } }
";

/// A Handlebars template.
pub(super) fn template(bytes: &[u8]) {
    LAB.with(|lab| {
        fs::write(lab.folder().join("fuzz.hbs"), bytes).expect("a file");
        lab.write("stack.yml", PAGE);
        let planned =
            RUNTIME.with(|runtime| runtime.block_on(lab.planned(&PlanRequest::of("stack.yml"))));
        if let Err(said) = planned {
            assert!(!said.is_empty(), "it is refused without a word");
        }
    });
}

/// What a journal or a saved plan holds: what can be read is written and read again as the same.
pub(super) fn journal(bytes: &[u8]) {
    if let Some(event) = same_again::<Event>(bytes) {
        let step = Step::new(event.step().clone(), Work::Join);
        let steps = Steps::new(vec![step]).expect("one step");
        let ledger = Ledger::fold(&steps, [&event]);
        assert_eq!(ledger, Ledger::fold(&steps, [&event, &event]));
    }
    same_again::<Intent>(bytes);
    same_again::<Record>(bytes);
    same_again::<OutputsRecord>(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        _ = Saved::open(text);
    }
}

fn same_again<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(
    bytes: &[u8],
) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let text = serde_json::to_vec(&value).expect("what was read can be written");
    assert_eq!(serde_json::from_slice::<T>(&text).expect("and read again"), value);
    Some(value)
}

/// A whole database file: whatever is in it is read, or refused with a reason.
pub(super) fn database(bytes: &[u8]) {
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder");
    let path = folder.path().join("store.db");
    fs::write(&path, bytes).expect("a file");
    _ = SqliteStore::examine(&path);
    let Ok(store) = SqliteStore::open(&path, "fuzz", providers::kinds()) else { return };
    _ = store.runs(None, 100);
    _ = store.events(RunId(1));
    _ = store.doubts("fuzz");
    _ = store.outputs("fuzz");
    _ = store.record("fuzz", "note");
    _ = store.timings("fuzz");
}
