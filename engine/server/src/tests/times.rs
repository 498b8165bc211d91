//! Pipelines that the time starts, across deaths of the server, by each rule.

use super::remote::Remote;
use super::{Bench, Fine as _};
use crate::house::Arrival;
use crate::records::{State, Verdict, queue};
use crate::schedule::pass;

/// A server that hosts a repository whose `main` has a pipeline with these schedules.
async fn scheduled(schedule: &str) -> (Bench, Remote) {
    let remote = Remote::new();
    remote.git(&["rm", "--quiet", "pipelines/shop.yml"]);
    let bench = Bench::of("repositories: { shop: {} }\n").await;
    schedule_is(&bench, &remote, schedule).await;
    pass(&bench.house).await;
    (bench, remote)
}

async fn schedule_is(bench: &Bench, remote: &Remote, schedule: &str) {
    let text = format!(
        "pipeline: night\non: {{ schedule: {schedule} }}\nsteps: {{ go: {{ run: [\"true\"] }} }}\n"
    );
    remote.commit("schedules", "pipelines/night.yml", &text);
    let bare = bench.house.folder.repository("shop");
    let fetch = ["fetch", "--quiet", &remote.url(), "+refs/heads/main:refs/heads/main"];
    crate::git::told(&bare, fetch).await.fine();
    let (repository, reference) = ("shop".to_owned(), "refs/heads/main".to_owned());
    let (old, by) = (String::new(), "push".to_owned());
    let new = remote.git(&["rev-parse", "HEAD"]);
    bench.house.arrived(&Arrival { repository, reference, old, new, by }).await.fine();
}

/// The times for which there are runs.
async fn times(bench: &Bench) -> Vec<String> {
    let runs = bench.runs().await;
    let time = |id: &str| id.strip_prefix("schedule night ").unwrap().to_owned();
    runs.iter().map(|run| time(&run.cause.id)).collect()
}

async fn end_all(bench: &Bench) {
    for run in bench.runs().await {
        let end = move |records: &mut _| queue::end(records, run.id, Verdict::Passed, None, 0);
        bench.house.records.ask(end).await.fine();
    }
}

#[tokio::test]
async fn what_is_due_starts_once() {
    let (bench, _remote) = scheduled("\"0 3 * * *\"").await;
    assert!(times(&bench).await.is_empty(), "what came before it was never wanted");
    for time in ["2026-11-21T02:59:59Z", "2026-11-21T03:00:00Z", "2026-11-21T03:00:01Z"] {
        bench.put_clock(time);
        pass(&bench.house).await;
    }
    assert_eq!(times(&bench).await, ["2026-11-21T03:00:00Z"]);
    let run = bench.runs().await.remove(0);
    assert_eq!((&*run.cause.by, &*run.cause.branch, &*run.pipeline), ("schedule", "main", "night"));
    assert_eq!(run.cause.commit.len(), 40);
}

#[tokio::test]
async fn while_it_was_dead_the_rule_decides() {
    let all = "{ cron: \"0 3 * * *\", overlap: queue, catch_up: all }";
    let none = "{ cron: \"0 3 * * *\", catch_up: none }";
    let three = ["2026-11-21T03:00:00Z", "2026-11-22T03:00:00Z", "2026-11-23T03:00:00Z"];
    for (rule, wanted) in [("\"0 3 * * *\"", &three[2..]), (all, &three[..]), (none, &[])] {
        let (bench, _remote) = scheduled(rule).await;
        let bench = bench.die_and_come().await;
        bench.put_clock("2026-11-23T12:00:00Z");
        pass(&bench.house).await;
        assert_eq!(times(&bench).await, wanted, "{rule}");
        let bench = bench.die_and_come().await;
        pass(&bench.house).await;
        assert_eq!(times(&bench).await, wanted, "{rule}: and no time twice");
        end_all(&bench).await;
        bench.put_clock("2026-11-24T03:00:10Z");
        pass(&bench.house).await;
        assert_eq!(times(&bench).await.last().unwrap(), "2026-11-24T03:00:00Z", "{rule}");
        assert_eq!(times(&bench).await.len(), wanted.len() + 1, "{rule}: then as ever");
    }
}

#[tokio::test]
async fn while_one_is_at_work_the_rule_decides() {
    let of = |rule: &str| format!("{{ cron: \"* * * * *\", overlap: {rule} }}");
    let minutes = ["2026-11-20T12:01:00Z", "2026-11-20T12:02:00Z", "2026-11-20T12:03:00Z"];
    for (rule, left) in [("skip", vec![0]), ("queue", vec![0, 1, 2]), ("cancel", vec![2])] {
        let (bench, _remote) = scheduled(&of(rule)).await;
        for minute in minutes {
            bench.put_clock(minute);
            pass(&bench.house).await;
        }
        let open = bench.runs().await.into_iter().filter(|run| run.state != State::Ended);
        let open: Vec<String> =
            open.map(|run| run.cause.id.replace("schedule night ", "")).collect();
        let wanted: Vec<&str> = left.iter().map(|at: &usize| minutes[*at]).collect();
        assert_eq!(open, wanted, "{rule}");
        end_all(&bench).await;
        bench.put_clock("2026-11-20T12:04:00Z");
        pass(&bench.house).await;
        assert_eq!(times(&bench).await.last().unwrap(), "2026-11-20T12:04:00Z", "{rule}");
    }
}

/// A run that is at work is told to end, and another of another pipeline is not.
#[tokio::test]
async fn one_that_is_at_work_is_told_to_end() {
    let (bench, _remote) = scheduled("{ cron: \"* * * * *\", overlap: cancel }").await;
    bench.put_clock("2026-11-20T12:01:00Z");
    pass(&bench.house).await;
    let first = bench.runs().await[0].id;
    let begin = move |records: &mut _| queue::begin(records, first, 0);
    bench.house.records.ask(begin).await.fine();
    bench.put_clock("2026-11-20T12:02:00Z");
    pass(&bench.house).await;
    let runs = bench.runs().await;
    assert_eq!(
        (runs[0].state, runs[0].cancel.as_deref()),
        (State::Running, Some("its schedule is due again"))
    );
    assert_eq!((runs[1].state, &runs[1].cancel), (State::Waiting, &None));
}

#[tokio::test]
async fn a_schedule_that_was_changed_begins_anew() {
    let (bench, remote) = scheduled("\"0 3 * * *\"").await;
    bench.put_clock("2026-11-20T18:00:00Z");
    schedule_is(&bench, &remote, "\"0 17 * * *\"").await;
    pass(&bench.house).await;
    assert!(times(&bench).await.is_empty(), "17:00 had come before anybody wrote it");
    bench.put_clock("2026-11-21T17:00:00Z");
    pass(&bench.house).await;
    assert_eq!(times(&bench).await, ["2026-11-21T17:00:00Z"], "and 3:00 is no more");
}

/// A clock that was far ahead once does not silence a schedule, and one that is set back a little repeats
/// nothing.
#[tokio::test]
async fn a_clock_that_was_wrong_does_no_harm() {
    let (bench, _remote) = scheduled("{ cron: \"0 3 * * *\", overlap: queue }").await;
    bench.put_clock("2026-11-21T03:00:20Z");
    pass(&bench.house).await;
    bench.put_clock("2026-11-21T02:59:00Z");
    pass(&bench.house).await;
    bench.put_clock("2026-11-21T03:00:30Z");
    pass(&bench.house).await;
    assert_eq!(times(&bench).await, ["2026-11-21T03:00:00Z"]);
    bench.put_clock("2027-01-01T00:00:00Z");
    pass(&bench.house).await;
    bench.put_clock("2026-11-21T04:00:00Z");
    pass(&bench.house).await;
    bench.put_clock("2026-11-22T03:00:00Z");
    pass(&bench.house).await;
    assert_eq!(times(&bench).await.last().unwrap(), "2026-11-22T03:00:00Z");
}
