//! Old runs are forgotten, and what is needed of them is not.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::Value;

use crate::cli::project::TestProject;

const STEPS: &str = "pipeline: p
steps:
  make: { run: [cp text made], artifacts: { made: [made] } }
  check: { takes: [make.made], run: ['test -e good'] }
";

const STACK: &str = "  note:
    kind: file.text
    path: note
    content: hello
";

fn project() -> TestProject {
    TestProject::of(STACK).file("pipelines/p.yml", STEPS)
}

/// The folders of logs, by number.
fn logs(project: &TestProject) -> Vec<u64> {
    let folders = fs::read_dir(project.place(".windlass/logs")).unwrap().flatten();
    let mut all: Vec<u64> =
        folders.map(|entry| entry.file_name().to_str().unwrap().parse().unwrap()).collect();
    all.sort_unstable();
    all
}

fn objects(folder: &Path) -> Vec<String> {
    let inside = |folder: fs::DirEntry| fs::read_dir(folder.path()).unwrap().flatten();
    let objects = fs::read_dir(folder.join(".windlass/objects")).unwrap().flatten();
    let all = objects.flat_map(inside).map(|file| fs::read_to_string(file.path()).unwrap());
    let mut all: Vec<String> = all.filter(|text| !text.starts_with('{')).collect();
    all.sort_unstable();
    all
}

/// As if everything had been made this morning.
fn age(folder: &Path) {
    let early = SystemTime::now() - Duration::from_hours(8);
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            age(&path);
        } else {
            fs::File::options().append(true).open(path).unwrap().set_modified(early).unwrap();
        }
    }
}

fn pruned(project: &TestProject, words: &[&str]) -> Value {
    let words = [&["runs", "prune", "--json"], words].concat();
    serde_json::from_str(&project.done(words).stdout).unwrap()
}

#[test]
fn what_a_part_that_is_done_again_needs_is_kept_and_the_rest_goes() {
    let project = project();
    project.done(["apply", "shop", "--yes"]);
    for text in ["one", "two", "three"] {
        project.write("text", text);
        assert_eq!(project.run(["run", "p"]).code, 1);
    }
    project.run(["run", "p", "--failed"]);
    age(&project.place(".windlass/objects"));
    // Of late, and named by nobody: a run that is at work is about to.
    project.write(".windlass/objects/ab/abcdef", "on its way");
    let tried = pruned(&project, &["--runs", "1", "--dry-run"]);
    assert_eq!((&tried["runs"], &tried["dry_run"]), (&serde_json::json!([2, 3]), &true.into()));
    assert_eq!(logs(&project), [2, 3, 4, 5], "it was only tried");
    assert_eq!(objects(project.folder()), ["on its way", "one", "three", "two"]);
    let done = pruned(&project, &["--runs", "1"]);
    assert_eq!((&done["runs"], &done["bytes"]), (&tried["runs"], &tried["bytes"]));
    assert!(done["bytes"].as_u64().unwrap() > 100, "{done}");
    assert_eq!(logs(&project), [4, 5]);
    assert_eq!(objects(project.folder()), ["on its way", "three"]);
    // The run that did all of it failed at its last step: this goes on from its artifact.
    project.write("good", "");
    project.done(["run", "p", "--failed"]);
    insta::assert_snapshot!(project.run(["runs", "show", "2"]), @r"
    --- stderr
    error: what run 2 did is no longer kept
        try: the last 100 runs of each stack and pipeline are, or what `windlass runs prune` left
    --- exit 2
    ");
    assert_eq!(project.done(["runs", "--json"]).stdout.lines().count(), 6, "they are still listed");
    insta::assert_snapshot!(project.done(["plan", "shop"]), @r"
    shop  unchanged, 1 resource  N.NN s
    --- exit 0
    ");
    let nothing = project.done(["runs", "prune"]).stdout;
    assert_eq!(nothing, "nothing is old enough to be forgotten\n");
    let none = project.run(["runs", "prune", "--runs", "0"]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("invalid value '0' for '--runs <NUMBER>'"), "{none}");
}

/// SIGKILL at instants all over it: what is left is what was asked to be kept, and a run that goes on
/// beside it misses nothing.
#[test]
fn a_death_in_the_middle_is_made_good_by_the_next() {
    let project = project().file(
        "pipelines/slow.yml",
        "pipeline: slow\nsteps: { wait: { run: ['until test -e go; do sleep 0.02; done; echo went'] } }\n",
    );
    project.done(["apply", "shop", "--yes"]);
    project.write("good", "");
    for number in 0..24 {
        project.write("text", number.to_string());
        project.done(["run", "p"]);
    }
    for folder in fs::read_dir(project.place(".windlass/logs")).unwrap().flatten() {
        for number in 0..40 {
            fs::write(folder.path().join(format!("more-{number}")), "x").unwrap();
        }
    }
    age(&project.place(".windlass/objects"));
    let state = project.done(["state", "show", "shop/note"]).stdout;
    let going = project.start(["run", "slow"]);
    let mut cut = 0;
    for delay in (0..30).map(|number| 3 + number * 2) {
        let keep = (24 - delay / 3).max(2).to_string();
        let run = project.start(["runs", "prune", "--runs", &keep]);
        sleep(Duration::from_millis(delay));
        run.signal(Signal::KILL);
        cut += u32::from(run.end().code != 0);
    }
    assert!(cut > 0, "none was hit");
    project.done(["runs", "prune", "--runs", "2"]);
    project.write("go", "");
    let went = going.end();
    assert_eq!(went.code, 0, "{went}");
    assert_eq!(logs(&project), [24, 25, 26]);
    assert_eq!(objects(project.folder()), ["22", "23"]);
    assert_eq!(project.done(["logs", "last"]).stdout, "wait | went\n");
    assert_eq!(project.done(["state", "show", "shop/note"]).stdout, state);
    project.done(["run", "p"]);
    project.done(["doctor"]);
}
