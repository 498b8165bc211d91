//! Who may change a stack: two processes over one store, of which one falls asleep.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::context::Clock;
use runtime::engine::{ApplyOptions, Problem};
use runtime::lease::{LeaseError, Terms, acquire};
use runtime::store::{RunId, SqliteStore, StoreError};
use rustix::process::{Pid, Signal, kill_process};
use testkit::lab::{FILE, said};
use testkit::outside::RealClock;
use testkit::{Lab, World};

use super::child::{Child, LEASE, open};

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.process.id().cast_signed()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Stops a child, but not while it writes: until it goes on nobody else could write either.
fn stop(child: &Child, folder: &Path) {
    loop {
        signal(child, Signal::STOP);
        let store = rusqlite::Connection::open(SqliteStore::path(folder)).unwrap();
        store.busy_timeout(Duration::from_millis(50)).unwrap();
        if store.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
            return;
        }
        signal(child, Signal::CONT);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A chain in which each step waits for the one before.
fn chain(length: usize) -> String {
    let mut text = "stack: shop\nresources:\n  v0: { kind: toy.value, input: x }\n".to_owned();
    for at in 1..length {
        let before = at - 1;
        _ = writeln!(text, "  v{at}: {{ kind: toy.value, input: \"${{v{before}.output}}\" }}");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_slept_past_its_lease_is_refused_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), chain(60)).unwrap();
    let engine = open(folder.path(), &World::new());
    let mut child = Child::start("apply slowly", folder.path(), &[]);
    child.says("done: v2").unwrap();
    stop(&child, folder.path());

    let clock = Arc::new(RealClock) as Arc<dyn Clock>;
    let hasty = Terms { lasts: LEASE, patience: Duration::ZERO };
    let taken = acquire(&engine.store, &clock, "shop", "apply", hasty, |_| {}).await;
    let Err(LeaseError::HeldBy(holder)) = taken else { panic!("it is held by a living process") };
    assert!(holder.name.contains(&child.process.id().to_string()), "{}", holder.name);

    let patient = Terms { patience: Duration::from_secs(20), ..hasty };
    let taken = acquire(&engine.store, &clock, "shop", "apply", patient, |_| {}).await;
    let held = taken.unwrap_or_else(|_| panic!("its lease has ended"));
    let events = engine.store.events(RunId(1)).unwrap();
    signal(&child, Signal::CONT);

    let end = child.says("ended").unwrap();
    let wanted = "ended with 4: the lease on `shop` ran out and somebody else took over";
    assert!(end.contains(wanted), "{end}");
    assert_eq!(engine.store.events(RunId(1)).unwrap(), events, "nothing more was written");
    assert!(events.len() < 120, "it was not at its end");
    held.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_wakes_in_time_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), chain(8)).unwrap();
    let mut child = Child::start("apply slowly", folder.path(), &[]);
    child.says("done: v2").unwrap();
    stop(&child, folder.path());
    std::thread::sleep(LEASE / 3);
    signal(&child, Signal::CONT);
    assert_eq!(child.says("ended").unwrap().trim(), "ended: Done");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_process_that_is_gone_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), chain(60)).unwrap();
    let engine = open(folder.path(), &World::new());
    let mut child = Child::start("apply slowly", folder.path(), &[]);
    child.says("done: v2").unwrap();
    child.kill();
    let clock = Arc::new(RealClock) as Arc<dyn Clock>;
    let long = Terms { lasts: Duration::from_secs(30), patience: Duration::ZERO };
    let taken = acquire(&engine.store, &clock, "shop", "apply", long, |_| {}).await;
    taken.unwrap_or_else(|_| panic!("nobody holds it any more")).release().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_applies_the_second_refuses_or_waits_as_asked() {
    let mut lab = Lab::toys();
    let plan = lab.plan(&chain(2)).await.unwrap().plan;
    let clock = lab.clock.clone() as Arc<dyn Clock>;
    let terms = ApplyOptions::default().terms;
    let holder = acquire(&lab.store, &clock, "shop", "apply", terms, |_| {});
    let held = holder.await.unwrap_or_else(|_| panic!("it is free"));
    let Err(refused) = lab.report(plan.clone()).await else { panic!("it is held") };
    assert_eq!(refused.exit_code(), 4);
    let said_by = said(refused);
    assert!(said_by.contains("`shop` is being changed by another run"), "{said_by}");

    lab.options.terms.patience = Duration::from_secs(5);
    let released = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.release().await;
    };
    let (report, ()) = tokio::join!(lab.report(plan), released);
    assert!(report.is_ok_and(|report| report.troubles.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_plan_runs_once() {
    let lab = Lab::toys();
    let saved = lab.plan(&chain(2)).await.unwrap().plan.saved("mine");
    let apply = |lab: &Lab| {
        let (engine, options, saved) = (lab.engine.clone(), lab.options.clone(), saved.clone());
        async move {
            let (_stop, stopped) = tokio::sync::watch::channel(runtime::walk::Stop::No);
            let observer = Arc::new(runtime::walk::Unobserved);
            engine.apply(saved.plan, Some(saved.id), &options, observer, stopped).await
        }
    };
    assert!(apply(&lab).await.is_ok());
    let again = apply(&lab).await;
    assert!(matches!(again, Err(Problem::Store(StoreError::PlanUsed { run: RunId(1) }))));
}
