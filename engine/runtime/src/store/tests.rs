//! One suite for every store.

use std::sync::Arc;

use model::event::{Decision, Ending, Event, Intent, Outcome, StateChange, Verb};
use model::record::Record;
use model::{Digest, Fault, Object, Registry, Token, Tree, Value};

use super::{
    Acquired, Cause, Claim, Holder, Lease, MemoryStore, NewRun, Run, RunId, RunKind, RunOutcome,
    SqliteStore, Store, StoreError, timed,
};

type Made = (Arc<dyn Store>, Option<tempfile::TempDir>);

fn both() -> Vec<Made> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = SqliteStore::open(&folder.path().join("store.db"), "project", Registry::default());
    let memory = MemoryStore::new("project", Registry::default());
    vec![(Arc::new(file.expect("a store")), Some(folder)), (Arc::new(memory), None)]
}

fn new_run(plan_id: Option<&str>) -> NewRun {
    NewRun {
        kind: RunKind::Apply,
        subject: "shop".to_owned(),
        parent: None,
        plan_id: plan_id.map(str::to_owned),
        plan: Some("{}".to_owned()),
        nonce: "n0nce".to_owned(),
        expects: None,
        again: None,
        cause: None,
        events: Vec::new(),
        now: 1_000,
    }
}

fn holder(name: &str, until: u64) -> Holder {
    Holder { name: name.to_owned(), until }
}

async fn lease(store: &dyn Store) -> Lease {
    match store.acquire("shop", holder("me", 10_000), 1_000).await.expect("an answer") {
        Acquired::Lease(lease) => lease,
        Acquired::HeldBy(other) => panic!("held by {}", other.name),
    }
}

fn record(text: &str) -> Record {
    Record {
        kind: "data.value".to_owned(),
        generation: 1,
        digest: Digest(7),
        spec: Tree::from([("input".to_owned(), Value::text(text))]),
        object: Object::new("n1", [("output", Value::text(text))]),
        needs: vec!["base".to_owned(), "other".to_owned()],
        protect: false,
        claim: Some(format!("value {text}")),
    }
}

fn started(step: &str) -> Event {
    let intent = Intent {
        verb: Verb::Create,
        kind: "data.value".to_owned(),
        key: step.to_owned(),
        spec: Tree::new(),
        digest: Digest(7),
        generation: 1,
        needs: Vec::new(),
        protect: false,
        claim: None,
        beside: None,
        timeout: None,
    };
    let token = Token::of("project", "shop", step, 1);
    Event::Started { step: step.into(), token, intent: Some(Box::new(intent)) }
}

fn ended(step: &str, ending: Ending) -> Event {
    Event::Ended { step: step.into(), ending, took: 250, log: None }
}

fn done(state: Vec<StateChange>) -> Ending {
    Ending::Done { what: Outcome::Created, state }
}

fn put(key: &str, text: &str) -> StateChange {
    StateChange::Put { key: key.to_owned(), record: Box::new(record(text)) }
}

#[tokio::test]
async fn state_follows_from_events() {
    for (store, _folder) in both() {
        let lease = lease(&*store).await;
        let run = store.begin(new_run(None)).await.expect("a run");
        let events = vec![started("b"), started("a"), ended("a", done(vec![put("a", "one")]))];
        store.append(run, &lease, events.clone()).await.expect("durable");
        assert_eq!(store.events(run).expect("events"), events);
        assert_eq!(store.events_since(run, 1).expect("events"), events[1..]);
        assert_eq!(store.events_since(run, 3).expect("events"), []);
        let rows = store.rows("shop").expect("rows");
        assert_eq!(rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(rows[0].1, record("one").row(None));
        assert_eq!(store.record("shop", "a").expect("a record"), Some(record("one")));
        assert_eq!(store.needs("shop").expect("needs")[0].1, ["base", "other"]);
        let (claim, stack, key) = ("value one".to_owned(), "shop".to_owned(), "a".to_owned());
        assert_eq!(store.claims(), Ok(vec![Claim { claim, stack, key }]));
        let timings = store.timings("shop").expect("timings");
        assert_eq!(timings[&timed("a", &record("one").kind)], 250);
        let doubts = store.doubts("shop").expect("doubts");
        assert_eq!(doubts.iter().map(|doubt| doubt.step.as_str()).collect::<Vec<_>>(), ["b"]);
        let gone = ended("a", done(vec![StateChange::Remove { key: "a".to_owned() }]));
        store.append(run, &lease, vec![started("a"), gone]).await.expect("durable");
        assert_eq!(store.rows("shop").expect("rows"), []);
        assert_eq!(store.stacks().expect("stacks"), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_pipeline_settles_no_doubt_of_the_stack_of_its_name() {
    for (store, _folder) in both() {
        let stack = lease(&*store).await;
        let run = store.begin(new_run(None)).await.expect("a run");
        store.append(run, &stack, vec![started("a")]).await.expect("durable");
        let pipeline = NewRun { kind: RunKind::Pipeline, ..new_run(None) };
        let run = store.begin(pipeline).await.expect("a run");
        let scope = RunKind::Pipeline.scope("shop");
        let held = store.acquire(&scope, holder("me", 10_000), 1_000).await.expect("an answer");
        let Acquired::Lease(lease) = held else { panic!("it is free") };
        let events = vec![started("b"), ended("a", done(Vec::new()))];
        store.append(run, &lease, events).await.expect("durable");
        let steps = |scope: &str| {
            let doubts = store.doubts(scope).expect("doubts");
            doubts.iter().map(|doubt| doubt.step.to_string()).collect::<Vec<_>>()
        };
        assert_eq!((steps("shop"), steps(&scope)), (vec!["a".to_owned()], vec!["b".to_owned()]));
        assert!(store.timings("shop").expect("timings").is_empty());
        assert_eq!(store.timings(&scope).expect("timings")["a"], 250);
    }
}

#[tokio::test]
async fn an_error_stays_in_doubt_and_a_refusal_does_not() {
    for (store, _folder) in both() {
        let lease = lease(&*store).await;
        let run = store.begin(new_run(None)).await.expect("a run");
        let errored = Ending::Errored { fault: Fault::passing("no answer") };
        let failed = Ending::Failed { fault: Fault::refused("no") };
        let events = vec![started("a"), started("b"), ended("a", errored), ended("b", failed)];
        store.append(run, &lease, events).await.expect("durable");
        let doubts = store.doubts("shop").expect("doubts");
        assert_eq!(doubts.iter().map(|doubt| doubt.step.as_str()).collect::<Vec<_>>(), ["a"]);
        store.append(run, &lease, vec![ended("a", Ending::Lost)]).await.expect("durable");
        assert_eq!(store.doubts("shop").expect("doubts"), []);
    }
}

#[tokio::test]
async fn who_was_overtaken_writes_nothing() {
    for (store, _folder) in both() {
        let old = lease(&*store).await;
        let run = store.begin(new_run(None)).await.expect("a run");
        let held = store.acquire("shop", holder("other", 30_000), 9_999).await;
        assert_eq!(held, Ok(Acquired::HeldBy(holder("me", 10_000))));
        store.renew(&old, 12_000).await.expect("renewed");
        let held = store.acquire("shop", holder("other", 30_000), 11_000).await;
        assert_eq!(held, Ok(Acquired::HeldBy(holder("me", 12_000))));
        let taken = store.acquire("shop", holder("other", 30_000), 12_000).await;
        assert!(matches!(taken, Ok(Acquired::Lease(Lease { fence: 2, .. }))));
        let fenced = StoreError::Fenced { subject: "shop".to_owned() };
        let refused = store.append(run, &old, vec![started("a")]).await;
        assert_eq!(refused, Err(fenced.clone()));
        assert_eq!(store.renew(&old, 50_000).await, Err(fenced));
        assert_eq!(store.events(run).expect("events"), []);
        store.release(&old).await.expect("no error");
        let held = store.acquire("shop", holder("me", 40_000), 13_000).await;
        assert_eq!(held, Ok(Acquired::HeldBy(holder("other", 30_000))));
    }
}

#[tokio::test]
async fn a_plan_runs_once() {
    for (store, _folder) in both() {
        assert_eq!(store.begin(new_run(Some("p1"))).await, Ok(RunId(1)));
        let again = store.begin(new_run(Some("p1"))).await;
        assert_eq!(again, Err(StoreError::PlanUsed { run: RunId(1) }));
        assert_eq!(store.begin(new_run(Some("p2"))).await, Ok(RunId(2)));
    }
}

#[tokio::test]
async fn runs_are_listed_newest_first_with_their_ends() {
    for (store, _folder) in both() {
        for _ in 0..3 {
            store.begin(new_run(None)).await.expect("a run");
        }
        store.finish(RunId(2), RunOutcome::Failed, 2_000).await.expect("durable");
        let runs = store.runs(Some("shop"), 2).expect("runs");
        let ends: Vec<_> = runs.iter().map(|run| (run.id.0, run.outcome, run.ended)).collect();
        assert_eq!(ends, [(3, None, None), (2, Some(RunOutcome::Failed), Some(2_000))]);
        let run = store.run(RunId(1)).expect("a run").expect("it is there");
        assert_eq!((run.began, run.nonce.as_str(), run.pruned), (1_000, "n0nce", false));
        assert_eq!(store.run(RunId(9)).expect("an answer"), None);
    }
}

#[tokio::test]
async fn runs_of_a_pipeline_are_not_hidden_by_those_of_the_stack_of_its_name() {
    for (store, _folder) in both() {
        let pipeline = || NewRun { kind: RunKind::Pipeline, ..new_run(None) };
        store.begin(pipeline()).await.expect("a run");
        for _ in 0..30 {
            let run = store.begin(new_run(None)).await.expect("a run");
            store.finish(run, RunOutcome::Done, 2_000).await.expect("durable");
        }
        let scope = RunKind::Pipeline.scope("shop");
        let ids = |runs: Vec<Run>| runs.iter().map(|run| run.id.0).collect::<Vec<_>>();
        assert_eq!(ids(store.runs_in(&scope, 1).expect("runs")), [1]);
        assert_eq!(ids(store.unended(&scope).expect("runs")), [1]);
        assert_eq!(ids(store.unended("shop").expect("runs")), [0; 0]);
        assert_eq!(ids(store.runs_in("shop", 2).expect("runs")), [31, 30]);
        assert_eq!(store.prunable(&scope, 1), Ok(Vec::new()));
        assert_eq!(store.prunable("shop", 29), Ok(vec![RunId(2)]));
    }
}

#[tokio::test]
async fn a_run_that_waits_has_not_ended_and_is_told_what_was_said_without_a_lease() {
    for (store, _folder) in both() {
        let plan = Some("steps".to_owned());
        let run = store.begin(NewRun { plan, ..new_run(None) }).await.expect("a run");
        store.wait(run, true).await.expect("durable");
        let waits = store.run(run).expect("an answer").expect("a run");
        assert_eq!((waits.outcome, waits.ended), (Some(RunOutcome::Waiting), None));
        assert_eq!(waits.plan.as_deref(), Some("steps"));
        let (by, about) = ("anna".to_owned(), Digest(7));
        let decision = Decision { approved: true, by, at: 3_000, about, note: None };
        let event = Event::Decided { step: "accept".into(), decision };
        store.note(run, event.clone()).await.expect("durable");
        assert_eq!(store.events(run).expect("events"), [event]);
        store.wait(run, false).await.expect("durable");
        assert_eq!(store.run(run).expect("an answer").expect("a run").outcome, None);
        store.finish(run, RunOutcome::Done, 4_000).await.expect("durable");
        store.wait(run, true).await.expect("an end stays");
        let ended = store.run(run).expect("an answer").expect("a run");
        assert_eq!(ended.outcome, Some(RunOutcome::Done));
    }
}

#[tokio::test]
async fn events_of_one_run_are_in_order_whatever_other_runs_append() {
    for (store, _folder) in both() {
        let lease = lease(&*store).await;
        for _ in 0..2 {
            store.begin(new_run(None)).await.expect("a run");
        }
        for (run, step) in [(2, "a"), (1, "b"), (2, "c"), (1, "d")] {
            let events = vec![started(step), ended(step, Ending::Skipped)];
            store.append(RunId(run), &lease, events).await.expect("durable");
        }
        let events = store.events(RunId(1)).expect("events");
        let steps: Vec<&str> = events.iter().map(|event| event.step().as_str()).collect();
        assert_eq!(steps, ["b", "b", "d", "d"]);
    }
}

#[tokio::test]
async fn events_of_old_runs_are_forgotten_but_those_that_may_be_needed() {
    for (store, _folder) in both() {
        let lease = lease(&*store).await;
        for id in 1..=6 {
            let run = store.begin(new_run(None)).await.expect("a run");
            let mut events = vec![started(&format!("s{id}"))];
            if id != 2 {
                events.push(ended(&format!("s{id}"), Ending::Skipped));
            }
            store.append(run, &lease, events).await.expect("durable");
            if id != 3 {
                store.finish(run, RunOutcome::Done, 2_000).await.expect("durable");
            }
        }
        assert_eq!(store.prunable("other", 0), Ok(Vec::new()));
        // The second left a doubt behind, the third has no end, and the last two are kept.
        assert_eq!(store.prunable("shop", 2), Ok(vec![RunId(1), RunId(4)]));
        store.prune(vec![RunId(1), RunId(4)]).await.expect("durable");
        assert_eq!(store.prunable("shop", 2), Ok(Vec::new()));
        let left: Vec<bool> =
            (1..=6).map(|id| !store.events(RunId(id)).expect("events").is_empty()).collect();
        assert_eq!(left, [false, true, true, false, true, true]);
        assert!(store.run(RunId(4)).expect("a run").expect("it is there").pruned);
    }
}

/// Whoever asks may have looked before the run went on.
#[tokio::test]
async fn a_run_that_may_be_needed_is_not_forgotten_whoever_asks() {
    for (store, _folder) in both() {
        let lease = lease(&*store).await;
        for id in 1..=3 {
            let run = store.begin(new_run(None)).await.expect("a run");
            store.append(run, &lease, vec![started(&format!("s{id}"))]).await.expect("durable");
        }
        // The first has no end, the second left a doubt behind.
        let settled = vec![ended("s3", Ending::Skipped)];
        store.append(RunId(3), &lease, settled).await.expect("durable");
        for id in 2..=3 {
            store.finish(RunId(id), RunOutcome::Failed, 2_000).await.expect("durable");
        }
        assert_eq!(store.in_doubt(), Ok([RunId(1), RunId(2)].into()));
        let doubts = store.doubts("shop").expect("doubts");
        store.prune((1..=3).map(RunId).collect()).await.expect("durable");
        let kept: Vec<u64> = store.unpruned().expect("runs").iter().map(|run| run.id.0).collect();
        assert_eq!(kept, [2, 1]);
        assert_eq!(store.events(RunId(2)).expect("events").len(), 1);
        assert_eq!(store.doubts("shop").expect("doubts"), doubts);
        assert_eq!(store.begin(new_run(None)).await, Ok(RunId(4)), "no number comes twice");
    }
}

#[tokio::test]
async fn a_run_is_found_with_those_that_did_a_part_of_it_again() {
    for (store, _folder) in both() {
        let first = store.begin(new_run(None)).await.expect("a run");
        for again in [Some(first), None, Some(first), Some(RunId(3))] {
            store.begin(NewRun { again, ..new_run(None) }).await.expect("a run");
        }
        let parts = store.parts(first).expect("runs");
        assert_eq!(parts.iter().map(|run| run.id.0).collect::<Vec<_>>(), [4, 2, 1]);
    }
}

/// The tables of version 1, as it made them.
const VERSION_1: &str = "
    CREATE TABLE about (project TEXT NOT NULL) STRICT;
    CREATE TABLE run (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, parent INTEGER,
        plan_id TEXT UNIQUE, plan TEXT, began INTEGER NOT NULL, ended INTEGER, outcome TEXT
    ) STRICT;
    CREATE INDEX run_by_subject ON run (subject, id);
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE digest (
        stack TEXT NOT NULL, address TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
        generation INTEGER NOT NULL, digest BLOB NOT NULL, object BLOB NOT NULL,
        sealed INTEGER NOT NULL, attributes BLOB NOT NULL, needs TEXT NOT NULL,
        PRIMARY KEY (stack, address)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE doubt (
        stack TEXT NOT NULL, step TEXT NOT NULL, run INTEGER NOT NULL, token TEXT NOT NULL,
        intent TEXT NOT NULL, PRIMARY KEY (stack, step)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO digest VALUES
        ('shop', 'a', 'toy.file', '/a', 1, zeroblob(16), zeroblob(16), 0, zeroblob(0), '');
    INSERT INTO about VALUES ('first');
    INSERT INTO run (kind, subject, began) VALUES ('apply', 'shop', 1), ('apply', 'shop', 2);
    PRAGMA application_id = 0x576e646c;
    PRAGMA user_version = 1;";

#[test]
fn a_store_of_version_1_is_brought_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.execute_batch(VERSION_1).expect("written");
    for (run, step) in [(2, "a"), (1, "b"), (2, "c")] {
        let body = serde_json::to_string(&started(step)).expect("text");
        let insert = "INSERT INTO event (run, body) VALUES (?1, ?2)";
        connection.execute(insert, rusqlite::params![run, body]).expect("written");
    }
    drop(connection);
    let store = SqliteStore::open(&path, "second", Registry::default()).expect("a store");
    assert_eq!(store.project(), "first");
    assert_eq!(store.events(RunId(2)), Ok(vec![started("a"), started("c")]));
    assert_eq!(store.run(RunId(1)).expect("a run").expect("it is there").nonce, "");
    assert_eq!(store.rows("shop").expect("rows")[0].1.claim, None);
    drop(store);
    assert!(SqliteStore::examine(&path).is_ok());
    assert!(SqliteStore::open(&path, "second", Registry::default()).is_ok(), "once is enough");
}

#[tokio::test]
async fn a_store_that_another_process_is_writing_to_is_not_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, "p", Registry::default()).expect("a store");
    let other = rusqlite::Connection::open(&path).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("it writes");
    let busy = store.begin(new_run(None)).await;
    assert!(matches!(busy, Err(StoreError::Unavailable(_))), "{busy:?}");
    other.execute_batch("COMMIT").expect("it is done");
    assert_eq!(store.begin(new_run(None)).await, Ok(RunId(1)));
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let open = |name| SqliteStore::open(&path, name, Registry::default()).expect("a store");
    {
        let store = open("first");
        let lease = lease(&store).await;
        let run = store.begin(new_run(None)).await.expect("a run");
        let ended = ended("a", done(vec![put("a", "one")]));
        store.append(run, &lease, vec![started("a"), ended]).await.expect("durable");
    }
    let store = open("second");
    assert_eq!(store.project(), "first");
    assert_eq!(store.record("shop", "a").expect("a record"), Some(record("one")));
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    std::fs::write(&path, "this is not a database, but somebody's notes").expect("written");
    let refused = SqliteStore::open(&path, "p", Registry::default()).err();
    assert!(matches!(refused, Some(StoreError::Corrupt(_))), "{refused:?}");
    let left = std::fs::read_to_string(&path).expect("it is still there");
    assert_eq!(left, "this is not a database, but somebody's notes");
}

#[test]
fn a_store_from_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    drop(SqliteStore::open(&path, "p", Registry::default()).expect("a store"));
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.pragma_update(None, "user_version", 99).expect("written");
    let refused = SqliteStore::open(&path, "p", Registry::default()).err();
    assert_eq!(refused, Some(StoreError::Newer { found: 99, known: 4 }));
}

/// Steps were told the number of their run before it began: it begins under this number or not at all.
#[tokio::test]
async fn a_run_that_counts_on_a_number_gets_it_or_nothing() {
    for (store, _folder) in both() {
        let wants = |number| NewRun { expects: Some(RunId(number)), ..new_run(None) };
        assert_eq!(store.begin(wants(1)).await, Ok(RunId(1)));
        assert_eq!(store.begin(wants(1)).await, Err(StoreError::Overtaken));
        assert_eq!(store.runs(None, 9).expect("runs").len(), 1, "nothing was begun");
        assert_eq!(store.begin(wants(2)).await, Ok(RunId(2)));
    }
}

/// A run is begun once for each cause, however often its process dies and is started again.
#[tokio::test]
async fn a_cause_has_one_run() {
    for (store, _folder) in both() {
        let cause = |id: &str| Cause { id: id.to_owned(), ..Cause::default() };
        let of = |id: &str| NewRun { cause: Some(Box::new(cause(id))), ..new_run(None) };
        assert_eq!(store.begin(of("push-1")).await, Ok(RunId(1)));
        let again = store.begin(of("push-1")).await;
        assert_eq!(again, Err(StoreError::CauseUsed { run: RunId(1) }));
        assert_eq!(store.begin(of("push-2")).await, Ok(RunId(2)));
        let found = store.run_for("push-2").expect("it is read").expect("a run");
        assert_eq!((found.id, found.cause.as_deref()), (RunId(2), Some(&cause("push-2"))));
        assert_eq!(store.run_for("push-3").expect("it is read"), None);
    }
}
