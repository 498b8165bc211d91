//! Runs that have had their time go, from the queue and from the project, in real stores.

use std::collections::BTreeMap;
use std::fs;

use runtime::engine::Engine;
use runtime::store::{Acquired, Cause, Holder, NewRun, RunId, RunKind, RunOutcome};

use super::remote::Remote;
use super::{Bench, Fine as _};
use crate::house::{Arrival, Wanted};
use crate::prune::pass;
use crate::records::{QueuedRun, Verdict, queue};

const FILE: &str = "keep: { runs: 2, days: 3 }\nrepositories: { shop: {} }\n";

/// A server that has a repository with these branches, and its project.
async fn bench(branches: &[&str]) -> (Bench, Engine) {
    let bench = Bench::of(FILE).await;
    let remote = Remote::new();
    let bare = bench.house.folder.repository("shop");
    for branch in branches {
        let to = format!("+HEAD:refs/heads/{branch}");
        crate::git::told(&bare, ["fetch", "--quiet", &remote.url(), &to]).await.fine();
        bench.house.arrived(&arrival(branch, &remote.git(&["rev-parse", "HEAD"]))).await.fine();
    }
    let project = bench.house.folder.project("shop");
    fs::create_dir_all(&project.root).unwrap();
    let begin = bench.house.begin();
    drop(Engine::open(project, begin.kinds.clone(), begin.outside()).fine());
    let engine = bench.house.engine("shop").await.fine().unwrap();
    (bench, engine)
}

fn arrival(branch: &str, commit: &str) -> Arrival {
    Arrival {
        repository: "shop".to_owned(),
        reference: format!("refs/heads/{branch}"),
        old: String::new(),
        new: commit.to_owned(),
        by: "push".to_owned(),
    }
}

/// A run of the queue, with its run in the project and what that wrote.
async fn begun(bench: &Bench, engine: &Engine, branch: &str, of: Option<u64>) -> (u64, RunId) {
    let cause = Cause { branch: branch.to_owned(), id: bench.house.random(), ..Cause::default() };
    let wanted = Wanted {
        repository: "shop".to_owned(),
        pipeline: "shop".to_owned(),
        file: "pipelines/shop.yml".to_owned(),
        cause: cause.clone(),
        parameters: BTreeMap::new(),
        of,
        ..Wanted::default()
    };
    let id = bench.house.enqueue(wanted).await.fine();
    let again = match of {
        Some(of) => bench.house.run(of).await.fine().unwrap().project_run.map(RunId),
        None => None,
    };
    let new = NewRun {
        kind: RunKind::Pipeline,
        subject: "shop".to_owned(),
        parent: None,
        plan_id: None,
        plan: None,
        nonce: String::new(),
        expects: None,
        again,
        cause: Some(Box::new(cause)),
        events: Vec::new(),
        now: bench.house.now(),
    };
    let run = engine.store.begin(new).await.unwrap();
    let known = move |records: &mut _| queue::known_as(records, id, run.0);
    bench.house.records.ask(known).await.fine();
    fs::write(bench.house.folder.output(id), "for people").unwrap();
    let logs = runtime::log::folder(&engine.project.home, run);
    fs::create_dir_all(&logs).unwrap();
    fs::write(logs.join("0.log"), "0 a line\n").unwrap();
    (id, run)
}

async fn ended(bench: &Bench, engine: &Engine, branch: &str, of: Option<u64>) -> u64 {
    let (id, run) = begun(bench, engine, branch, of).await;
    let now = bench.house.now();
    engine.store.finish(run, RunOutcome::Failed, now).await.unwrap();
    let end = move |records: &mut _| queue::end(records, id, Verdict::Failed, None, now);
    bench.house.records.ask(end).await.fine();
    id
}

/// The runs of the queue, of which everything must be there, and of those before nothing.
async fn left(bench: &Bench, engine: &Engine) -> Vec<u64> {
    let runs = bench.runs().await;
    let ids: Vec<u64> = runs.iter().map(|run| run.id).collect();
    let kept = engine.store.unpruned().unwrap();
    let told: Vec<u64> = runs.iter().filter_map(|run: &QueuedRun| run.project_run).collect();
    assert_eq!(kept.iter().rev().map(|run| run.id.0).collect::<Vec<_>>(), told);
    for run in engine.store.runs(None, 1_000).unwrap() {
        let logs = runtime::log::folder(&engine.project.home, run.id);
        assert_eq!(logs.exists(), told.contains(&run.id.0), "{}", run.id);
        assert!(engine.store.run_for(&run.cause.unwrap().id).unwrap().is_some(), "its cause stays");
    }
    for id in 1..=*ids.last().unwrap() {
        let output = bench.house.folder.output(id).exists();
        assert_eq!(
            output,
            ids.contains(&id) && runs.iter().any(|run| run.id == id && run.project_run.is_some()),
            "{id}"
        );
    }
    ids
}

#[tokio::test]
async fn what_had_its_time_goes_from_the_queue_and_from_the_project() {
    let (bench, engine) = bench(&["main", "idea"]).await;
    // Two runs wait: those of the branches that came.
    let idea = ended(&bench, &engine, "idea", None).await;
    ended(&bench, &engine, "idea", None).await;
    let gone = ended(&bench, &engine, "gone", None).await;
    let (waits, run) = begun(&bench, &engine, "main", None).await;
    engine.store.wait(run, true).await.unwrap();
    let gate = move |records: &mut _| {
        queue::begin(records, waits, 0)?;
        queue::approval(records, waits, 0)
    };
    bench.house.records.ask(gate).await.fine();
    for _ in 0..4 {
        ended(&bench, &engine, "main", None).await;
    }
    let first = ended(&bench, &engine, "main", None).await;
    ended(&bench, &engine, "main", None).await;
    let again = ended(&bench, &engine, "main", Some(first)).await;
    let before: Vec<u64> = bench.runs().await.iter().map(|run| run.id).collect();
    bench.put_clock("2026-11-23T11:59:00Z");
    pass(&bench.house).await;
    assert_eq!(left(&bench, &engine).await, before, "all of it is younger than three days");
    bench.put_clock("2026-11-23T12:01:00Z");
    pass(&bench.house).await;
    let kept = [1, 2, idea + 1, waits, first, again - 1, again];
    assert_eq!(left(&bench, &engine).await, kept, "{gone} was of a branch that is not there");
    assert!(bench.house.troubles.list().is_empty());
    // A branch that goes takes its newest with it.
    bench.house.arrived(&arrival("idea", &"0".repeat(40))).await.fine();
    pass(&bench.house).await;
    assert_eq!(left(&bench, &engine).await, [1, 2, waits, first, again - 1, again]);
}

#[tokio::test]
async fn what_a_death_left_half_done_is_done_by_the_next_pass() {
    let (bench, engine) = bench(&["main"]).await;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(ended(&bench, &engine, "main", None).await);
    }
    // It died between the two halves of each step: an output without its line, logs without their events.
    fs::remove_file(bench.house.folder.output(runs[0])).unwrap();
    let of_second = bench.house.run(runs[1]).await.fine().unwrap().project_run.unwrap();
    fs::remove_dir_all(runtime::log::folder(&engine.project.home, RunId(of_second))).unwrap();
    bench
        .house
        .records
        .ask({
            let third = runs[2];
            move |records| crate::records::past::forget(records, &[third])
        })
        .await
        .fine();
    fs::remove_file(bench.house.folder.output(runs[2])).unwrap();
    bench.put_clock("2026-12-20T12:00:00Z");
    let lease = Holder { name: "somebody".to_owned(), until: u64::MAX >> 8 };
    let held = engine.store.acquire("stack", lease.clone(), 0).await.unwrap();
    let bench = bench.die_and_come().await;
    pass(&bench.house).await;
    assert_eq!(left(&bench, &engine).await, [1, runs[3], runs[4]]);
    assert!(matches!(held, Acquired::Lease(_)));
    assert_eq!(
        engine.store.holder("stack").unwrap(),
        Some(lease),
        "leases are nobody else's business"
    );
}

#[tokio::test]
async fn what_cannot_be_removed_is_told_and_tried_again() {
    let (bench, engine) = bench(&["main"]).await;
    for _ in 0..4 {
        ended(&bench, &engine, "main", None).await;
    }
    bench.put_clock("2026-12-20T12:00:00Z");
    let output = bench.house.folder.output(2);
    fs::remove_file(&output).unwrap();
    fs::create_dir(&output).unwrap();
    pass(&bench.house).await;
    let troubles = bench.house.troubles.list();
    assert_eq!(troubles[0].about, "forgetting old runs of shop");
    assert!(troubles[0].message.starts_with("cannot remove "), "{}", troubles[0].message);
    fs::remove_dir(&output).unwrap();
    pass(&bench.house).await;
    assert_eq!(left(&bench, &engine).await, [1, 4, 5]);
    assert!(bench.house.troubles.list().is_empty());
}
