//! From an arrival to a process and its end: what comes late, what waits at a gate, and what goes on while the
//! records cannot be read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;
use tokio::time::sleep;

use super::remote::Remote;
use super::{Bench, Fine as _};
use crate::fronts::keep_fronts;
use crate::house::{Arrival, Wanted};
use crate::records::{Grouped, State, Verdict, queue};
use crate::runs::{dispatch, recover};

const NEWEST: &str = "pipeline: shop\non: { push: {} }\nconcurrency: { group: site, keep: newest }\n\
                      steps: { go: { run: [\"true\"] } }\n";

const APP: &str = "pipeline: app\non: { push: { paths: [app/**] } }\n\
                   steps: { go: { run: [\"true\"] } }\n";

/// Puts a branch of the bare repository at what the other one has, without a word.
fn put(bench: &Bench, remote: &Remote) {
    let bare = bench.house.folder.repository("shop").display().to_string();
    let quiet = "--receive-pack=git -c core.hooksPath=/dev/null receive-pack";
    remote.git(&["push", "--quiet", "--force", quiet, &bare, "main"]);
}

async fn arrives(bench: &Bench, old: &str, new: &str) -> Vec<u64> {
    let arrival = Arrival {
        repository: "shop".to_owned(),
        reference: "refs/heads/main".to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        by: "push".to_owned(),
    };
    bench.house.arrived(&arrival).await.fine().into_iter().map(|run| run.id).collect()
}

/// The verdict of each run, oldest first, and why.
async fn verdicts(bench: &Bench) -> Vec<(Option<Verdict>, String)> {
    let runs = bench.runs().await.into_iter();
    runs.map(|run| (run.verdict, run.message.unwrap_or_default())).collect()
}

#[tokio::test]
async fn a_push_whose_hook_comes_late_does_not_displace_a_newer_one() {
    let remote = Remote::new();
    let bench = Bench::of("repositories: { shop: {} }\n").await;
    let first = remote.commit("first", "pipelines/shop.yml", NEWEST);
    put(&bench, &remote);
    assert_eq!(arrives(&bench, "", &first).await, [1]);
    let older = remote.commit("older", "app.txt", "1");
    put(&bench, &remote);
    let newer = remote.commit("newer", "app.txt", "2");
    put(&bench, &remote);
    // As a server finds it that begins between the two.
    assert_eq!(arrives(&bench, &first, &newer).await, [2]);
    assert_eq!(arrives(&bench, &first, &older).await, [3]);
    let why = format!("run 2, of the newer commit {}, came first", &newer[..7]);
    let expected = [
        (Some(Verdict::Superseded), "run 2 is newer".to_owned()),
        (None, String::new()),
        (Some(Verdict::Superseded), why),
    ];
    assert_eq!(verdicts(&bench).await, expected);
    assert_eq!(arrives(&bench, &first, &older).await, [3], "told of twice");
    // What was seen last is still the newer one.
    recover(&bench.house).await;
    assert_eq!(verdicts(&bench).await, expected);
    let bench = bench.die_and_come().await;
    recover(&bench.house).await;
    assert_eq!(verdicts(&bench).await, expected);
}

#[tokio::test]
async fn a_push_of_which_nobody_was_told_comes_before_the_next_one() {
    let remote = Remote::new();
    let bench = Bench::of("repositories: { shop: {} }\n").await;
    let first = remote.commit("first", "pipelines/shop.yml", NEWEST);
    put(&bench, &remote);
    assert_eq!(arrives(&bench, "", &first).await, [1]);
    let untold = remote.commit("untold", "app.txt", "1");
    put(&bench, &remote);
    let next = remote.commit("next", "app.txt", "2");
    put(&bench, &remote);
    assert_eq!(arrives(&bench, &untold, &next).await, [3]);
    let runs = bench.runs().await;
    assert_eq!((&runs[1].cause.commit, runs[1].verdict), (&untold, Some(Verdict::Superseded)));
    assert_eq!(arrives(&bench, &first, &untold).await, [2], "told of late");
    assert_eq!(bench.runs().await.len(), 3);
}

#[tokio::test]
async fn what_only_the_late_commit_starts_is_started() {
    let remote = Remote::new();
    let bench = Bench::of("repositories: { shop: {} }\n").await;
    let first = remote.commit("first", "pipelines/app.yml", APP);
    put(&bench, &remote);
    arrives(&bench, "", &first).await;
    let before = bench.runs().await.len() as u64;
    let older = remote.commit("older", "app/main.txt", "1");
    put(&bench, &remote);
    let newer = remote.commit("newer", "docs.txt", "2");
    put(&bench, &remote);
    arrives(&bench, &older, &newer).await;
    arrives(&bench, &first, &older).await;
    let runs = bench.runs().await.into_iter().filter(|run| run.id > before);
    let runs: Vec<_> = runs.map(|run| (run.pipeline, run.cause.commit, run.verdict)).collect();
    let expected = [
        ("app".to_owned(), older.clone(), None),
        ("shop".to_owned(), older, None),
        ("shop".to_owned(), newer, None),
    ];
    assert_eq!(runs, expected);
}

#[tokio::test]
async fn a_branch_that_is_moved_back_is_not_late() {
    let remote = Remote::new();
    let bench = Bench::of("repositories: { shop: {} }\n").await;
    let first = remote.commit("first", "pipelines/shop.yml", NEWEST);
    put(&bench, &remote);
    arrives(&bench, "", &first).await;
    let second = remote.commit("second", "app.txt", "1");
    put(&bench, &remote);
    arrives(&bench, &first, &second).await;
    remote.git(&["reset", "--quiet", "--hard", &first]);
    put(&bench, &remote);
    assert_eq!(arrives(&bench, &second, &first).await, [3]);
    assert_eq!(verdicts(&bench).await[2].0, None);
}

/// A run of a group in which the newest wins.
fn newest(commit: &str) -> Wanted {
    let grouped = Grouped { group: "site".to_owned(), keeps_newest: true, ends_running: false };
    let mut wanted = Wanted {
        repository: "shop".to_owned(),
        pipeline: "shop".to_owned(),
        file: "pipelines/shop.yml".to_owned(),
        grouped: Some(grouped),
        ..Wanted::default()
    };
    commit.clone_into(&mut wanted.cause.commit);
    wanted
}

#[tokio::test]
async fn what_waits_for_a_person_makes_way_for_a_newer_one_and_is_not_begun_again() {
    let bench = Bench::of("repositories: { shop: {} }\n").await;
    let ask = async |question: fn(&mut Connection) -> rusqlite::Result<()>| {
        bench.house.records.ask(question).await.fine();
    };
    let gate = |records: &mut Connection, id| {
        assert!(queue::begin(records, id, 1)?);
        queue::approval(records, id, 2)
    };
    bench.house.enqueue(newest("a")).await.fine();
    bench.house.records.ask(move |records| gate(records, 1)).await.fine();
    assert_eq!(bench.runs().await[0].state, State::Approval);
    bench.house.enqueue(newest("b")).await.fine();
    // It was approved, and waits for its turn again.
    bench.house.records.ask(move |records| gate(records, 2)).await.fine();
    ask(|records| queue::again(records, 2)).await;
    bench.house.enqueue(newest("c")).await.fine();
    ask(|records| {
        // Their turn had come at the same moment.
        assert!(!queue::begin(records, 1, 3)? && !queue::begin(records, 2, 3)?);
        queue::again(records, 1)
    })
    .await;
    // A newer one comes while it is on its way to its gate.
    ask(|records| queue::begin(records, 3, 3).map(|_| ())).await;
    bench.house.enqueue(newest("d")).await.fine();
    ask(|records| queue::approval(records, 3, 4)).await;
    // Somebody asks for its end while it is on its way to its gate.
    ask(|records| queue::begin(records, 4, 5).map(|_| ())).await;
    ask(|records| queue::cancel(records, 4, "enough", 6)).await;
    ask(|records| queue::approval(records, 4, 7)).await;
    let superseded = |by: u64| (Some(Verdict::Superseded), format!("run {by} is newer"));
    let cancelled = (Some(Verdict::Cancelled), "enough".to_owned());
    let expected = [superseded(2), superseded(3), superseded(4), cancelled];
    assert_eq!(verdicts(&bench).await, expected);
    assert!(bench.runs().await.iter().all(|run| run.state == State::Ended));
}

/// What stands in for this program: it says when it begins and ends, and begins no run.
fn program(bench: &Bench) {
    let path = bench.folder.path().join("program");
    let log = bench.folder.path().join("log").display().to_string();
    let script = format!("#!/bin/sh\necho begins >> {log}\nsleep 1\necho ends >> {log}\nexit 1\n");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Takes the runs away from under the server, or puts them back.
fn rename(bench: &Bench, from: &str, to: &str) {
    let records = Connection::open(bench.house.folder.records()).unwrap();
    records.busy_timeout(Duration::from_secs(10)).unwrap();
    records.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
}

async fn in_trouble(bench: &Bench, about: &str) {
    let is_told =
        async |bench: &Bench| bench.house.troubles.list().iter().any(|one| one.about == about);
    bench.until(about, is_told).await;
}

#[tokio::test]
async fn the_queue_goes_on_after_it_could_not_be_read() {
    let remote = Remote::new();
    let bench = Bench::of("repositories: { shop: {} }\n").await;
    program(&bench);
    put(&bench, &remote);
    arrives(&bench, "", &remote.git(&["rev-parse", "HEAD"])).await;
    rename(&bench, "run", "gone");
    let (_stop, stopped) = watch::channel(false);
    let dispatching = tokio::spawn(dispatch(std::sync::Arc::clone(&bench.house), stopped));
    in_trouble(&bench, "the queue").await;
    // Nobody says that it is there again.
    rename(&bench, "gone", "run");
    bench.until("it is run", async |bench| bench.runs().await[0].verdict.is_some()).await;
    assert_eq!(bench.house.troubles.list(), []);
    dispatching.abort();
}

#[tokio::test]
async fn a_run_is_attended_until_its_process_has_ended_whatever_cannot_be_read() {
    let remote = Remote::new();
    let bench = Bench::of("repositories: { shop: {} }\n").await;
    program(&bench);
    put(&bench, &remote);
    arrives(&bench, "", &remote.git(&["rev-parse", "HEAD"])).await;
    let second = remote.commit("second", "app.txt", "1");
    put(&bench, &remote);
    arrives(&bench, "", &second).await;
    let (_stop, stopped) = watch::channel(false);
    let dispatching = tokio::spawn(dispatch(std::sync::Arc::clone(&bench.house), stopped));
    let log = bench.folder.path().join("log");
    let said = || fs::read_to_string(&log).unwrap_or_default();
    bench.until("it begins", async |_| said() == "begins\n").await;
    rename(&bench, "run", "gone");
    bench.house.has_changed();
    in_trouble(&bench, "run 1 of shop").await;
    rename(&bench, "gone", "run");
    sleep(Duration::from_millis(300)).await;
    bench
        .until("both end", async |bench| bench.runs().await.iter().all(|run| run.verdict.is_some()))
        .await;
    assert_eq!(said(), "begins\nends\nbegins\nends\n");
    assert!(verdicts(&bench).await.iter().all(|(_, why)| why == "it did not begin: exit code 1"));
    assert_eq!(bench.house.troubles.list(), []);
    dispatching.abort();
}

#[tokio::test]
async fn a_front_that_cannot_be_started_is_told() {
    let bench = Bench::of("repositories: { shop: {} }\n").await;
    let front = bench.house.folder.project("shop").home.join("front");
    fs::create_dir_all(&front).unwrap();
    fs::write(front.join("front.json"), "{\"routes\": [7]}").unwrap();
    let keeping = tokio::spawn(keep_fronts(std::sync::Arc::clone(&bench.house)));
    in_trouble(&bench, "the front of shop").await;
    fs::write(front.join("front.json"), "{\"routes\": []}").unwrap();
    let is_well = async |bench: &Bench| bench.house.troubles.list().is_empty();
    bench.until("nothing is to be routed any more", is_well).await;
    keeping.abort();
}
