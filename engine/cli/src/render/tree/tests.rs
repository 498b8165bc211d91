//! Runs as they are painted and as they are written.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Fault;
use model::event::{Ending, Outcome};
use model::ledger::Steps;
use model::plan::{Step, Work};

use super::{Options, Tree};
use crate::render::examples::{after, delete, outputs, put, tree as keys};
use crate::render::measure::{clean, width};
use crate::render::style::Style;

fn steps() -> Arc<Steps> {
    let put = |name: &str, kind: &str| put(name, kind, keys(&[]));
    let steps = vec![
        put("session_key", "random.password"),
        put("config/nginx.conf", "file.template"),
        put("site", "cert.certificate"),
        after(put("web", "process.service"), &["config/nginx.conf", "site"]),
        after(put("www", "dns.record"), &["web"]),
        after(delete("site@3"), &["web"]),
        after(outputs(), &["www"]),
    ];
    Arc::new(Steps::new(steps).unwrap())
}

fn options(rows: Option<usize>, columns: usize) -> Options {
    Options {
        style: Style::plain(columns),
        rows,
        verb: "apply".to_owned(),
        timings: HashMap::from([("process.service web".to_owned(), 3_000)]),
        kinds: HashMap::from([("site".to_owned(), "cert.certificate".to_owned())]),
        output: false,
    }
}

fn done(what: Outcome) -> Ending {
    Ending::Done { what, state: Vec::new() }
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Plays the sketch: three end, one is at work, one waits.
fn play(tree: &mut Tree, out: &mut Vec<u8>) {
    tree.began(at(0.0), 7, "shop", &steps());
    for id in 0..3 {
        tree.running(at(0.0), id);
    }
    tree.tick(at(0.0), out).unwrap();
    for id in 0..3 {
        tree.ended(id, &done(Outcome::Created), id as u64 * 90);
    }
    tree.running(at(0.3), 3);
    tree.status(3, "health: GET /health → 503");
    tree.line(3, "2026-11-20 10:14:03 waiting for database migrations");
    tree.tick(at(0.3), out).unwrap();
    tree.tick(at(4.4), out).unwrap();
}

/// What a terminal shows after these bytes: what scrolled away and what stands.
fn screen(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut rows: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\n' => {
                (row, column) = (row + 1, 0);
                if row == rows.len() {
                    rows.push(Vec::new());
                }
            }
            '\r' => column = 0,
            '\x1b' => {
                let mut number = String::new();
                let letter = loop {
                    match characters.next().unwrap() {
                        letter if letter.is_ascii_alphabetic() => break letter,
                        digit => number.extend(digit.is_ascii_digit().then_some(digit)),
                    }
                };
                match letter {
                    'A' => row -= number.parse::<usize>().unwrap(),
                    'K' => rows[row].truncate(column),
                    'J' => {
                        rows[row].truncate(column);
                        rows.truncate(row + 1);
                    }
                    _ => {}
                }
            }
            other => {
                match rows[row].get_mut(column) {
                    Some(there) => *there = other,
                    None => rows[row].push(other),
                }
                column += 1;
            }
        }
    }
    let rows: Vec<String> = rows.into_iter().map(String::from_iter).collect();
    rows.join("\n")
}

#[test]
fn on_a_terminal_it_says_what_is_done_at_work_and_waiting() {
    let mut out = Vec::new();
    let mut tree = Tree::new(options(Some(24), 80));
    play(&mut tree, &mut out);
    insta::assert_snapshot!(screen(&out), @"
    shop  apply, run 7                                            3 of 6 done · 4 s
      ✓ random.password   session_key        created                         0.00 s
      ✓ file.template     config/nginx.conf  created                         0.09 s
      ✓ cert.certificate  site               created                         0.18 s
      ◓ process.service   web                health: GET /health → 503          4 s
          2026-11-20 10:14:03 waiting for database migrations
      · dns.record        www                waits for web
      · cert.certificate  site (old)         waits for web
    ");
}

#[test]
fn what_ended_stays_when_it_is_over() {
    let mut out = Vec::new();
    let mut tree = Tree::new(options(Some(24), 80));
    play(&mut tree, &mut out);
    tree.ended(3, &done(Outcome::Created), 4_500);
    tree.ended(4, &done(Outcome::Created), 10);
    tree.ended(5, &done(Outcome::Deleted), 20);
    tree.finish(at(5.0), &mut out).unwrap();
    insta::assert_snapshot!(screen(&out), @"
    ✓ random.password   session_key        created                         0.00 s
    ✓ file.template     config/nginx.conf  created                         0.09 s
    ✓ cert.certificate  site               created                         0.18 s
    ✓ process.service   web                created                          4.5 s
    ✓ dns.record        www                created                         0.01 s
    ✓ cert.certificate  site (old)         destroyed                       0.02 s
    ");
}

#[test]
fn on_few_rows_what_is_at_work_comes_first() {
    let mut out = Vec::new();
    let mut tree = Tree::new(options(Some(6), 60));
    play(&mut tree, &mut out);
    insta::assert_snapshot!(screen(&out), @"
      ✓ random.password   session_key        created     0.00 s
      ✓ file.template     config/nginx.conf  created     0.09 s
    shop  apply, run 7                        3 of 6 done · 4 s
      ✓ cert.certificate  site               created     0.18 s
      ◓ process.service   web                health: GET…   4 s
          2026-11-20 10:14:03 waiting for database migrations
      … 2 more steps waiting
    ");
}

#[test]
fn as_lines_every_two_seconds_have_a_word() {
    let mut out = Vec::new();
    let mut tree = Tree::new(options(None, 80));
    play(&mut tree, &mut out);
    for tenth in 45..100 {
        tree.tick(at(f64::from(tenth) / 10.0), &mut out).unwrap();
    }
    tree.ended(3, &Ending::Failed { fault: Fault::refused("not healthy after 9 s") }, 9_600);
    tree.ended(4, &Ending::Blocked { by: "web".into() }, 0);
    tree.finish(at(10.0), &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
    shop  apply, run 7: 6 steps
      ✓ random.password   session_key        created                         0.00 s
      ✓ file.template     config/nginx.conf  created                         0.09 s
      ✓ cert.certificate  site               created                         0.18 s
      ◐ process.service   web                health: GET /health → 503          4 s
    still running: web (5 s, usually 3 s): health: GET /health → 503
    still running: web (7 s, usually 3 s): health: GET /health → 503
    still running: web (9 s, usually 3 s): health: GET /health → 503
      ✗ process.service   web                not healthy after 9 s            9.6 s
      ○ dns.record        www                not started, waited for web
    ");
}

#[test]
fn who_waits_for_another_run_is_told_for_whom() {
    let mut out = Vec::new();
    let mut tree = Tree::new(options(None, 80));
    tree.waiting(at(0.1), "apply (process 4711)");
    for tenth in 0..50 {
        tree.tick(at(f64::from(tenth) / 10.0), &mut out).unwrap();
    }
    insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
    waiting for apply (process 4711)
    still waiting for apply (process 4711) (1 s)
    still waiting for apply (process 4711) (3 s)
    ");
}

#[test]
fn an_attempt_that_failed_in_passing_says_when_the_next_one_comes() {
    let mut out = Vec::new();
    let mut tree = Tree::new(options(Some(24), 80));
    tree.began(at(0.0), 7, "shop", &steps());
    tree.running(at(0.0), 0);
    tree.retrying(at(1.0), 0, "connection lost", Duration::from_millis(1_500));
    tree.tick(at(1.2), &mut out).unwrap();
    let shown = screen(&out);
    assert!(shown.contains("again in 1.3 s: connection lost"), "{shown}");
}

#[test]
fn output_of_steps_stands_among_the_lines_of_a_pipeline() {
    let mut out = Vec::new();
    let mut tree = Tree::new(Options { output: true, ..options(None, 80) });
    tree.began(at(0.0), 7, "shop", &steps());
    tree.running(at(0.0), 0);
    for line in 0..2_003 {
        tree.line(0, &format!("\x1b[32mtest {line} passed\x1b[0m"));
    }
    tree.tick(at(0.1), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("    session_key | test 0 passed\n"), "{text}");
    assert!(text.ends_with("… 3 lines of output left out here\n"));
}

/// Ten thousand steps that are over at once, in a hundred ticks.
fn great_run(rows: Option<usize>) -> (String, Duration) {
    let many = (0..10_000).map(|at| put(&format!("item[{at}]"), "data.value", keys(&[])));
    let join = Step { needs: vec!["item[9999]".into()], ..Step::new("all", Work::Join) };
    let last = after(put("last", "data.value", keys(&[])), &["all"]);
    let steps = Arc::new(Steps::new(many.chain([join, last]).collect()).unwrap());
    let mut out = Vec::new();
    let mut tree = Tree::new(options(rows, 80));
    let begun = Instant::now();
    tree.began(at(0.0), 8, "great", &steps);
    for id in 0..10_000 {
        tree.running(at(0.0), id);
        tree.ended(id, &done(Outcome::Created), 1);
        if id % 100 == 0 {
            tree.tick(at(id as f64 / 2_000.0), &mut out).unwrap();
        }
    }
    tree.tick(at(5.2), &mut out).unwrap();
    tree.finish(at(5.3), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), begun.elapsed())
}

#[test]
fn ten_thousand_steps_are_counted_and_slow_nothing_down() {
    let (written, took) = great_run(None);
    assert!(took < Duration::from_secs(2), "{took:?}");
    insta::assert_snapshot!(written, @"
    great  apply, run 8: 10,001 steps
      ✓ data.value  item[0]     created                                      0.00 s
      ✓ 2,000 created  (2,001 of 10,001)
      ✓ 2,000 created  (4,001 of 10,001)
      ✓ 2,000 created  (6,001 of 10,001)
      ✓ 2,000 created  (8,001 of 10,001)
      ✓ 1,999 created  (10,000 of 10,001)
    ");
    let (painted, took) = great_run(Some(24));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(screen(painted.as_bytes()).contains("✓ 10,000 created"));
}

#[test]
fn what_waits_behind_a_join_says_for_whom() {
    let put = |name: &str| put(name, "data.value", keys(&[]));
    let join = after(Step::new("all", Work::Join), &["a", "b"]);
    let steps = vec![put("a"), put("b"), join, after(put("c"), &["all"])];
    let mut out = Vec::new();
    let mut tree = Tree::new(options(Some(24), 80));
    tree.began(at(0.0), 7, "shop", &Arc::new(Steps::new(steps).unwrap()));
    tree.running(at(0.0), 0);
    tree.tick(at(0.1), &mut out).unwrap();
    let shown = screen(&out);
    assert!(shown.contains("waits for a and 1 more"), "{shown}");
}

#[test]
fn no_row_is_wider_than_the_terminal_and_no_frame_higher() {
    for (columns, rows) in [(40, 6), (80, 24), (200, 50)] {
        let mut out = Vec::new();
        let mut tree = Tree::new(options(Some(rows), columns));
        play(&mut tree, &mut out);
        let shown = screen(&out);
        assert!(shown.lines().count() <= rows + 3, "{shown}");
        assert!(shown.lines().all(|line| width(&clean(line)) < columns), "{shown}");
    }
}

#[test]
fn frames_come_at_most_ten_times_a_second_and_only_when_something_differs() {
    let mut out = Vec::new();
    let mut tree = Tree::new(options(Some(24), 80));
    tree.began(at(0.0), 7, "shop", &steps());
    tree.tick(at(0.0), &mut out).unwrap();
    let first = out.len();
    tree.running(at(0.05), 0);
    tree.tick(at(0.05), &mut out).unwrap();
    assert_eq!(out.len(), first);
    tree.tick(at(0.1), &mut out).unwrap();
    let second = out.len();
    assert!(second > first);
    tree.tick(at(0.22), &mut out).unwrap();
    assert_eq!(out.len(), second);
}

#[test]
fn a_terminal_that_became_narrower_is_painted_over_where_its_lines_broke() {
    let mut out = Vec::new();
    let mut tree = Tree::new(options(Some(24), 80));
    play(&mut tree, &mut out);
    out.clear();
    tree.resize(80, 24);
    tree.tick(at(4.45), &mut out).unwrap();
    assert!(out.is_empty());
    tree.resize(40, 24);
    tree.tick(at(4.6), &mut out).unwrap();
    // Eight rows, each broken into two.
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("\x1b[?2026h\x1b[16A\r"), "{text:?}");
}
