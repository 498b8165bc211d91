//! Many ask at once while supervisors are killed at any moment: a service is there once, ever.

use std::time::Duration;

use providers::process::supervisor::Status;
use tokio::task::JoinSet;

use crate::place::{Place, kill, wait};
use crate::suite::tests;

tests![under_eight_clients_and_kills_at_any_moment_a_service_is_started_once];

/// Rounds, unless `WINDLASS_TEST_ROUNDS` says so.
const ROUNDS: u64 = 100;

fn under_eight_clients_and_kills_at_any_moment_a_service_is_started_once() {
    let rounds = std::env::var("WINDLASS_TEST_ROUNDS").map(|n| n.parse().expect("a number"));
    let (mut adopted, mut meant) = (0, 0);
    for round in 0..rounds.unwrap_or(ROUNDS) {
        let (begun, found) = wait(one(round));
        adopted += u64::from(begun);
        meant += u64::from(found);
    }
    // Killed always before the start, or always after it, the test would show nothing.
    assert!(adopted > 0 && meant > 0, "{adopted} rounds began with a service, {meant} without");
}

/// Returns whether the first supervisor had started it, and whether it had not, when it was killed.
async fn one(round: u64) -> (bool, bool) {
    let place = Place::new();
    let spec = place.shell("web", "exec sleep 1000");
    std::fs::create_dir_all(&place.home).expect("a folder");
    // A first supervisor, killed somewhere between its start and its answer; then eight at once.
    let mut first = JoinSet::new();
    let (launch, home, wanted) = (place.launch(), place.home.clone(), spec.clone());
    first.spawn(async move {
        let client = providers::process::supervisor::Client::connect_or_launch(&home, launch).await;
        client.expect("a supervisor").ensure(&wanted, "token").await.expect("a service")
    });
    tokio::time::sleep(Duration::from_micros(round * 997 % 60_000)).await;
    place.supervisors().into_iter().for_each(kill);
    let before = place.processes();
    let answers = all(&place, &spec).await;
    first.join_all().await;
    let running = seen_for_a_while(&place).await;
    assert_eq!(running, [answers[0]], "round {round}: before {before:?}, answers {answers:?}");
    assert!(answers.iter().all(|pid| *pid == answers[0]), "round {round}: {answers:?}");
    // The supervisor alone: the service stays, and its successor adopts it.
    place.kill_supervisor();
    assert_eq!(all(&place, &spec).await, answers, "round {round}");
    assert_eq!(seen_for_a_while(&place).await, running, "round {round}");
    // What was there before may be gone: until its exec a child looks like the supervisor that it
    // was forked from, and was killed with it.
    (before == running, before.is_empty())
}

/// All processes that are seen in several looks: one that is in its exec shows in the next.
async fn seen_for_a_while(place: &Place) -> Vec<i32> {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        seen.extend(place.processes());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    seen.into_iter().collect()
}

async fn all(place: &Place, spec: &providers::process::supervisor::ServiceSpec) -> Vec<i32> {
    let mut asked = JoinSet::new();
    for _ in 0..8 {
        let (launch, home, spec) = (place.launch(), place.home.clone(), spec.clone());
        asked.spawn(async move {
            let client = providers::process::supervisor::Client::connect_or_launch(&home, launch);
            let client = client.await.expect("a supervisor");
            let status: Status = client.ensure(&spec, "token").await.expect("a service");
            status.pid.expect("a process")
        });
    }
    asked.join_all().await
}
