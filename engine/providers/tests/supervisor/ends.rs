//! Ending services: all of their processes, in their own time, and no other process.

use std::time::{Duration, Instant};

use providers::process::supervisor::{Exit, State, StopSignal};

use crate::place::{Place, alive, eventually, number, seen, wait};
use crate::roles::FLEE;
use crate::suite::tests;

tests![
    a_service_is_asked_and_may_take_its_time,
    one_that_does_not_listen_is_killed_after_the_grace,
    descendants_that_fled_are_ended_too,
    those_of_an_adopted_service_as_well,
    a_stop_that_was_begun_is_finished_by_the_next_supervisor,
    a_removal_that_was_begun_is_finished_by_the_next_supervisor,
    wanted_again_while_it_ends_it_is_started_when_it_has_ended,
    everything_ends_at_a_shutdown,
];

fn a_service_is_asked_and_may_take_its_time() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let script =
            "trap 'sleep 0.3; echo finished; exit 0' TERM; echo up; while :; do sleep 0.01; done";
        let spec = place.shell("web", script);
        client.ensure(&spec, "t").await.expect("a service");
        let up = |lines: Vec<String>| lines == ["up"];
        while !up(client.tail("web", 9).await.expect("lines")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let begun = Instant::now();
        let stopped = client.stop("web").await.expect("stopped");
        assert!(begun.elapsed() >= Duration::from_millis(300));
        assert!(begun.elapsed() < Duration::from_secs(3));
        assert_eq!((stopped.state, stopped.last_exit), (State::Stopped, Some(Exit::Code(0))));
        assert_eq!(client.tail("web", 1).await.expect("lines"), ["finished"]);
        assert_eq!(place.processes(), [0; 0]);
    });
}

fn one_that_does_not_listen_is_killed_after_the_grace() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let mut spec = place.shell("web", "trap '' TERM; echo up; while :; do sleep 1; done");
        spec.rules.stop.grace = Duration::from_millis(400);
        client.ensure(&spec, "t").await.expect("a service");
        while client.tail("web", 1).await.expect("lines").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let begun = Instant::now();
        let stopped = client.stop("web").await.expect("stopped");
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(2), "{took:?}");
        assert_eq!(stopped.last_exit, Some(Exit::Signal(9)));
        assert_eq!(place.processes(), [0; 0]);
        spec.rules.stop.signal = StopSignal::Kill;
        spec.rules.stop.grace = Duration::from_mins(1);
        client.ensure(&spec, "t").await.expect("a service");
        let begun = Instant::now();
        client.stop("web").await.expect("stopped");
        assert!(begun.elapsed() < Duration::from_secs(2));
    });
}

/// The pids of a service whose descendants fled, and of a stranger that must stay.
fn fled(place: &Place) -> Vec<i32> {
    let names = ["session", "orphan", "bare", "deaf", "leader"];
    let pids = names.map(|name| number(&place.path().join(name)));
    assert!(pids.iter().all(|pid| alive(*pid)), "{pids:?}");
    pids.into()
}

fn descendants_that_fled_are_ended_too() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let mut spec = place.role("web", FLEE);
        spec.rules.stop.grace = Duration::from_millis(300);
        client.ensure(&spec, "t").await.expect("a service");
        client.ensure(&place.shell("other", "exec sleep 1000"), "u").await.expect("a service");
        let pids = fled(&place);
        client.stop("web").await.expect("stopped");
        let left: Vec<&i32> = pids.iter().filter(|pid| alive(**pid)).collect();
        assert!(left.is_empty(), "{left:?} of {pids:?}");
        seen(&client, "other", |s| s.state == State::Running && s.starts == 1).await;
        assert_eq!(place.processes().len(), 1);
    });
}

fn those_of_an_adopted_service_as_well() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let mut spec = place.role("web", FLEE);
        spec.rules.stop.grace = Duration::from_millis(300);
        client.ensure(&spec, "t").await.expect("a service");
        let pids = fled(&place);
        place.kill_supervisor();
        client.remove("web", true).await.expect("removed");
        let left: Vec<&i32> = pids.iter().filter(|pid| alive(**pid)).collect();
        assert!(left.is_empty(), "{left:?} of {pids:?}");
    });
}

/// A service that takes long to end, and a stop or removal whose supervisor is killed meanwhile.
async fn interrupted(place: &Place, remove: bool) {
    let client = place.client().await;
    let script = "trap 'sleep 1; exit 0' TERM; echo up; while :; do sleep 0.01; done";
    client.ensure(&place.shell("web", script), "t").await.expect("a service");
    while client.tail("web", 1).await.expect("lines").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = client.clone();
    let asked = tokio::spawn(async move {
        if remove { other.remove("web", true).await } else { other.stop("web").await.map(|_| ()) }
    });
    seen(&client, "web", |s| s.state == State::Stopping).await;
    asked.abort();
    place.kill_supervisor();
}

fn a_stop_that_was_begun_is_finished_by_the_next_supervisor() {
    wait(async {
        let place = Place::new();
        interrupted(&place, false).await;
        let client = place.client().await;
        let stopped = seen(&client, "web", |s| s.state == State::Stopped).await;
        assert_eq!(stopped.starts, 1);
        assert_eq!(place.processes(), [0; 0]);
    });
}

fn a_removal_that_was_begun_is_finished_by_the_next_supervisor() {
    wait(async {
        let place = Place::new();
        interrupted(&place, true).await;
        let client = place.client().await;
        let until = Instant::now() + Duration::from_secs(10);
        while !client.list().await.expect("an answer").is_empty() {
            assert!(Instant::now() < until, "it is still there");
        }
        assert_eq!(place.processes(), [0; 0]);
        eventually("the supervisor ended", || place.supervisors().is_empty());
    });
}

fn wanted_again_while_it_ends_it_is_started_when_it_has_ended() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let script = "trap 'sleep 0.3; exit 0' TERM; echo up; while :; do sleep 0.01; done";
        let spec = place.shell("web", script);
        let first = client.ensure(&spec, "t").await.expect("a service").pid.expect("a process");
        while client.tail("web", 1).await.expect("lines").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let other = client.clone();
        let stop = tokio::spawn(async move { other.stop("web").await });
        seen(&client, "web", |s| s.state == State::Stopping).await;
        let again = client.ensure(&spec, "t").await.expect("a service");
        assert!(!alive(first));
        assert_eq!((again.state, again.starts), (State::Running, 2));
        stop.await.expect("a task").expect("an answer");
    });
}

fn everything_ends_at_a_shutdown() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        client.shutdown().await.expect("nothing to end is no error");
        for name in ["a", "b", "c"] {
            client.ensure(&place.shell(name, "sleep 1000"), name).await.expect("a service");
        }
        client.ensure(&place.shell("d", "exit 1"), "d").await.expect("a service");
        client.shutdown().await.expect("an end");
        assert_eq!(place.processes(), [0; 0]);
        eventually("the supervisor ended", || place.supervisors().is_empty());
        let all = client.list().await.expect("an answer");
        assert!(all.iter().all(|s| s.state == State::Stopped) && all.len() == 4, "{all:?}");
    });
}
