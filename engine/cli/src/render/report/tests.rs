//! Reports as they are drawn.

use std::collections::HashMap;

use model::event::{Ending, Outcome};
use model::{Fault, Value};
use runtime::engine::{Report, StepReport};
use runtime::store::{RunId, RunOutcome};

use super::{Verb, View, outputs, report};
use crate::render::examples::tree;
use crate::render::hint::Hint;
use crate::render::measure::width;
use crate::render::style::Style;

fn trouble(address: &str, kind: &str, ending: Option<Ending>) -> StepReport {
    StepReport { address: address.to_owned(), kind: kind.to_owned(), ending }
}

fn ended(outcome: RunOutcome, done: Vec<(Outcome, usize)>, troubles: Vec<StepReport>) -> Report {
    let (run, subject, held) = (Some(RunId(7)), "shop".to_owned(), Vec::new());
    Report { run, subject, outcome, done, troubles, held, took: 9_200 }
}

fn failing() -> Report {
    let fault = Fault::refused("not healthy after 30 s")
        .details(
            ["Traceback (most recent call last):", "ValueError: DB_URL: missing port"]
                .map(String::from),
        )
        .help("windlass logs shop/web");
    let blocked = || Some(Ending::Blocked { by: "web".into() });
    ended(
        RunOutcome::Failed,
        vec![(Outcome::Created, 2)],
        vec![
            trouble("web", "process.service", Some(Ending::Failed { fault })),
            trouble("www", "dns.record", blocked()),
            trouble("site@3", "", blocked()),
        ],
    )
}

fn drawn(what: &Report, verb: Verb, columns: usize) -> String {
    let kinds = HashMap::from([("site".to_owned(), "cert.certificate".to_owned())]);
    let next = Some(Hint::new("undo", "windlass rollback shop"));
    let view = View { verb, kinds: &kinds, again: "windlass apply shop", next, exit: 1 };
    report(what, &view, Style::plain(columns))
}

#[test]
fn a_run_that_is_done_is_one_line() {
    let done = vec![(Outcome::Created, 3), (Outcome::Updated, 1), (Outcome::Replaced, 1)];
    let done = ended(RunOutcome::Done, done, Vec::new());
    insta::assert_snapshot!(drawn(&done, Verb::Apply, 100), @"shop  applied: 3 created, 1 updated, 1 replaced  9.2 s   undo:  windlass rollback shop");
    insta::assert_snapshot!(drawn(&done, Verb::Apply, 60), @"
    shop  applied: 3 created, 1 updated, 1 replaced  9.2 s
          undo:  windlass rollback shop
    ");
}

#[test]
fn a_pipeline_that_passed_says_how_many_steps() {
    let done = ended(RunOutcome::Done, vec![(Outcome::Succeeded, 5)], Vec::new());
    insta::assert_snapshot!(drawn(&done, Verb::Run, 80), @"shop  passed: 5 steps done  9.2 s   undo:  windlass rollback shop");
}

#[test]
fn a_stack_that_is_destroyed_says_how_much_it_was() {
    let done = ended(RunOutcome::Done, vec![(Outcome::Deleted, 13)], Vec::new());
    assert!(drawn(&done, Verb::Destroy, 80).starts_with("shop  destroyed: 13 resources  9.2 s"));
}

#[test]
fn a_failure_comes_with_its_last_words_and_what_waits_for_it() {
    insta::assert_snapshot!(drawn(&failing(), Verb::Apply, 80), @r#"
    ✗ process.service  web  not healthy after 30 s
        | Traceback (most recent call last):
        | ValueError: DB_URL: missing port
        try: windlass logs shop/web

    shop  not finished: 2 created, 1 failed, 2 not started  9.2 s
          not started: dns.record www, cert.certificate site (old) wait for web
          what was done stays; `windlass apply shop` looks at the rest anew   exit 1
    "#);
}

#[test]
fn remarks_stand_above_the_output_that_they_are_about() {
    let fault = Fault::refused("not healthy after 4s").details(
        ["started 5 times; last: exit code 1 after 0.2 s", "| starting", "| ValueError: no port"]
            .map(String::from),
    );
    let troubles = vec![trouble("web", "process.service", Some(Ending::Failed { fault }))];
    let failed = ended(RunOutcome::Failed, Vec::new(), troubles);
    insta::assert_snapshot!(drawn(&failed, Verb::Apply, 80), @r#"
    ✗ process.service  web  not healthy after 4s
        started 5 times; last: exit code 1 after 0.2 s
          | starting
          | ValueError: no port

    shop  not finished: 1 failed  9.2 s
          what was done stays; `windlass apply shop` looks at the rest anew   exit 1
    "#);
}

#[test]
fn a_long_message_stands_below_the_name() {
    let fault = Fault::broken(
        "cannot write config/nginx.conf: the disk is full, and nothing of the file that stood there \
         before was changed",
    );
    let troubles = vec![trouble("config", "file.template", Some(Ending::Errored { fault }))];
    let failed = ended(RunOutcome::Failed, Vec::new(), troubles);
    insta::assert_snapshot!(drawn(&failed, Verb::Apply, 80), @r#"
    ✗ file.template  config
        cannot write config/nginx.conf: the disk is full, and nothing of the file
        that stood there before was changed

    shop  not finished: 1 failed  9.2 s
          what was done stays; `windlass apply shop` looks at the rest anew   exit 1
    "#);
}

#[test]
fn a_run_that_was_stopped_does_not_say_what_it_does_not_know() {
    let troubles =
        vec![trouble("web", "process.service", None), trouble("www", "dns.record", None)];
    let stopped = ended(RunOutcome::Stopped, vec![(Outcome::Created, 3)], troubles);
    insta::assert_snapshot!(drawn(&stopped, Verb::Apply, 80), @"
    shop  stopped: 3 created, 2 left  9.2 s
          each step is looked for before it is done again; `windlass apply shop`
          goes on from here                                                   exit 1
    ");
}

#[test]
fn of_very_many_that_wait_the_first_are_named() {
    let blocked = |at| {
        trouble(&format!("item[{at}]"), "data.value", Some(Ending::Blocked { by: "web".into() }))
    };
    let failed = ended(RunOutcome::Failed, Vec::new(), (0..1_000).map(blocked).collect());
    insta::assert_snapshot!(drawn(&failed, Verb::Apply, 80), @r#"
    shop  not finished: 1,000 not started  9.2 s
          not started: data.value item[0], data.value item[1], data.value item[2],
          997 more wait for web
          what was done stays; `windlass apply shop` looks at the rest anew   exit 1
    "#);
}

#[test]
fn every_line_fits() {
    for columns in [40, 80, 200] {
        for line in drawn(&failing(), Verb::Apply, columns).lines() {
            assert!(width(line) <= columns, "{line}");
        }
    }
}

#[test]
fn outputs_are_whole() {
    let values =
        tree(&[("url", "https://shop.test".into()), ("ports", Value::from(vec![80_u16, 443]))]);
    insta::assert_snapshot!(outputs(&values, Style::plain(20)), @"
    ports  [80, 443]
    url    https://shop.test
    ");
}
