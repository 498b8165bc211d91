//! Runs the tests that fit the words of the command line, a few at a time, as libtest would.
#![allow(clippy::print_stdout, reason = "a test's outcome is told there")]

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Instant;

use crate::{care, ends, health, logs, race, releases, route, secrets, service, sources, starts};

/// A test: its name and what it does.
pub(crate) type Test = (&'static str, fn());

/// Lists functions as tests.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::suite::Test] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use tests;

/// Tests at once; most of them wait.
const AT_ONCE: usize = 4;

const ALL: [(&str, &[Test]); 11] = [
    ("care", care::TESTS),
    ("ends", ends::TESTS),
    ("health", health::TESTS),
    ("logs", logs::TESTS),
    ("race", race::TESTS),
    ("releases", releases::TESTS),
    ("route", route::TESTS),
    ("secrets", secrets::TESTS),
    ("service", service::TESTS),
    ("sources", sources::TESTS),
    ("starts", starts::TESTS),
];

pub(crate) fn run(words: &[String]) -> ExitCode {
    let wanted: Vec<&str> =
        words.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    let all = ALL.iter().flat_map(|(area, tests)| tests.iter().map(move |t| (*area, t.0, t.1)));
    let all = all.map(|(area, name, test)| (format!("{area}::{name}"), test));
    let chosen: Vec<(String, fn())> = all
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| name.contains(w)))
        .collect();
    if words.iter().any(|word| word == "--list") {
        for (name, _) in &chosen {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(vec![]));
    scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                while let Some((name, test)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    let passed = catch_unwind(test).is_ok();
                    let word = if passed { "ok" } else { "FAILED" };
                    println!("test {name} ... {word} ({:.1} s)", begun.elapsed().as_secs_f64());
                    if !passed {
                        failed.lock().expect("a list").push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("a list");
    println!("\n{} passed; {} failed {failed:?}\n", chosen.len() - failed.len(), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
