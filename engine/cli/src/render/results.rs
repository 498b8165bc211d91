//! What the tests of a run say, and how much of the code they ran.
//!
//! It must not say that a run is good or bad: its steps do.

use reports::{Results, TestResult, Verdict};

use super::line::Line;
use super::measure::number;
use super::style::{Ink, Sign, Style};
use super::when::took;

/// So many tests that failed are named.
const MOST: usize = 20;

/// Returns the results of a run as text; empty if no step left a report.
pub(crate) fn results(results: &Results, style: Style) -> String {
    let mut out = String::new();
    if tests(results) > 0 {
        let mut line = Line::new(style, 0);
        line.put(Ink::Bold, "tests").put(Ink::Plain, "  ");
        for (at, (count, word, ink)) in counts(results).into_iter().enumerate() {
            let between = if at == 0 { "" } else { ", " };
            line.put(Ink::Plain, between).put(ink, &format!("{} {word}", number(count as usize)));
        }
        line.put(Ink::Dim, &format!("  {}", took(results.took)));
        line.end_in(&mut out);
    }
    results.tests.iter().take(MOST).for_each(|test| one(test, style, &mut out));
    if results.tests.len() > MOST {
        let mut line = Line::new(style, 2);
        let more = number(results.tests.len() - MOST);
        line.put(Ink::Red, &format!("{} {more} more", style.dots()));
        line.end_in(&mut out);
    }
    if let Some((ran, all)) = results.lines.filter(|(_, all)| *all > 0) {
        let mut line = Line::new(style, 0);
        line.put(Ink::Bold, "coverage").put(Ink::Plain, "  ");
        let percent = ran as f64 * 100.0 / all as f64;
        line.put(Ink::Plain, &format!("{percent:.1} % of {} lines", number(all as usize)));
        line.end_in(&mut out);
    }
    out
}

fn tests(results: &Results) -> u64 {
    results.passed + results.failed + results.skipped
}

fn counts(results: &Results) -> Vec<(u64, &'static str, Ink)> {
    let all = [
        (results.failed, "failed", Ink::Red),
        (results.passed, "passed", Ink::Green),
        (results.flaky, "flaky among them", Ink::Yellow),
        (results.skipped, "skipped", Ink::Dim),
    ];
    all.into_iter().filter(|(count, ..)| *count > 0).collect()
}

fn one(test: &TestResult, style: Style, out: &mut String) {
    let mut line = Line::new(style, 2);
    let (sign, ink) = match test.verdict {
        Verdict::Failed => (style.sign(Sign::Failed), Ink::Red),
        Verdict::Flaky => (style.sign(Sign::Update), Ink::Yellow),
    };
    line.put(ink, sign).put(Ink::Plain, " ");
    line.put(Ink::Dim, &test.steps.join(", ")).put(Ink::Plain, "  ");
    let suite = if test.suite.is_empty() { String::new() } else { format!("{} ", test.suite) };
    line.put(Ink::Plain, &suite).put(Ink::Bold, &test.name);
    line.end_in(out);
    if let Some(why) = test.message.lines().map(str::trim).find(|line| !line.is_empty()) {
        let mut line = Line::new(style, 6);
        line.put(ink, why);
        line.end_in(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(verdict: Verdict, name: &str, message: &str) -> TestResult {
        TestResult {
            block: "unit".to_owned(),
            suite: "shop.CartTest".to_owned(),
            name: name.to_owned(),
            verdict,
            steps: vec!["unit[3.11]".to_owned(), "unit[3.12]".to_owned()],
            message: message.to_owned(),
        }
    }

    #[test]
    fn what_failed_is_named_and_the_rest_is_counted() {
        let shown = Results {
            passed: 1_204,
            failed: 1,
            skipped: 2,
            flaky: 1,
            took: 61_000,
            tests: vec![
                test(Verdict::Failed, "adds", "\n  expected 3\nwas 4"),
                test(Verdict::Flaky, "waits", ""),
            ],
            lines: Some((873, 1_000)),
        };
        insta::assert_snapshot!(results(&shown, Style::plain(80)), @r#"
        tests  1 failed, 1,204 passed, 1 flaky among them, 2 skipped  1 min 01 s
          ✗ unit[3.11], unit[3.12]  shop.CartTest adds
              expected 3
          ~ unit[3.11], unit[3.12]  shop.CartTest waits
        coverage  87.3 % of 1,000 lines
        "#);
    }

    #[test]
    fn without_reports_nothing_is_said() {
        assert_eq!(results(&Results::default(), Style::plain(80)), "");
    }
}
