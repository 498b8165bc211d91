//! Runs the tests that fit the words of the command line, a few at a time, as libtest would.
#![allow(clippy::print_stdout, reason = "a test's outcome is told there")]

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions};

use crate::{
    account, cutover, health, http2, limits, process, races, redirect, smuggling, sockets, tunnels,
    watched,
};

/// A test: its name and what it does.
pub(crate) type Test = (&'static str, fn());

/// Lists async functions as tests, each with a runtime of its own.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::suite::Test] =
            &[$((stringify!($name), || crate::suite::block_on($name()))),*];
    };
}
pub(crate) use tests;

/// No test takes longer, unless it hangs.
const LONGEST: Duration = Duration::from_mins(1);
/// Tests at once; most of them wait.
const AT_ONCE: usize = 4;

const ALL: [(&str, &[Test]); 12] = [
    ("account", account::TESTS),
    ("cutover", cutover::TESTS),
    ("health", health::TESTS),
    ("http2", http2::TESTS),
    ("limits", limits::TESTS),
    ("process", process::TESTS),
    ("races", races::TESTS),
    ("redirect", redirect::TESTS),
    ("smuggling", smuggling::TESTS),
    ("sockets", sockets::TESTS),
    ("tunnels", tunnels::TESTS),
    ("watched", watched::TESTS),
];

pub(crate) fn block_on(test: impl Future<Output = ()>) {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build_local(LocalOptions::default()).expect("a runtime");
    let test = async { tokio::time::timeout(LONGEST, test).await.expect("an end in time") };
    runtime.block_on(test);
}

pub(crate) fn run(words: &[String]) -> ExitCode {
    let wanted: Vec<&str> =
        words.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    let all = ALL.iter().flat_map(|(area, tests)| tests.iter().map(move |t| (*area, t.0, t.1)));
    let all = all.map(|(area, name, test)| (format!("{area}::{name}"), test));
    let chosen: Vec<(String, fn())> = all
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| name.contains(w)))
        .collect();
    if words.iter().any(|word| word == "--list") {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
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
