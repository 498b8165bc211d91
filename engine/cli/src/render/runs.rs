//! Runs that are remembered: a list, newest first, and one of them step by step.
//!
//! It must not read logs.

use model::event::Ending;
use providers::backup::bytes;
use runtime::annotations::Annotation;
use runtime::engine::{Pruned, RunDetails, StepDetails};
use runtime::store::{Cause, Run, RunOutcome};

use super::line::Line;
use super::measure::{counted, width, wrap};
use super::report::last_words;
use super::style::{Ink, Sign, Style};
use super::when::{self, Moment};

/// Returns a list of runs as text.
pub(crate) fn list(runs: &[Run], moment: &Moment, style: Style) -> String {
    let mut out = String::new();
    let when = |run: &Run| moment.clock(run.began);
    let columns = [
        runs.iter().map(|run| width(&run.id.to_string())).max().unwrap_or(0).max(3),
        runs.iter().map(|run| width(&when(run))).max().unwrap_or(0).max(4),
        11,
        8,
        runs.iter().map(|run| width(&run.subject)).max().unwrap_or(0).clamp(7, 28),
        10,
    ];
    let starts = starts(&columns);
    let mut line = Line::new(style, 2 + columns[0] - 3);
    line.put(Ink::Dim, "run");
    for (start, title) in starts.iter().zip(["when", "", "what", "of", "ended", "took"]) {
        line.to(*start).put(Ink::Dim, title);
    }
    line.end_in(&mut out);
    for run in runs {
        let id = run.id.to_string();
        let mut line = Line::new(style, 2 + columns[0] - width(&id));
        line.put(Ink::Bold, &id).to(starts[0]).put(Ink::Plain, &when(run));
        line.to(starts[1]).put(Ink::Dim, &moment.ago(run.began));
        line.to(starts[2]).put(Ink::Plain, run.kind.word());
        line.to(starts[3]).path(Ink::Plain, &run.subject, columns[4]);
        let (word, ink) = outcome(run.outcome);
        line.to(starts[4]).put(ink, word).to(starts[5]).put(Ink::Dim, &took(run, moment));
        line.end_in(&mut out);
    }
    out
}

fn starts(columns: &[usize]) -> Vec<usize> {
    let mut start = 2;
    let add = |column: &usize| {
        start += column + 2;
        start
    };
    columns.iter().map(add).collect()
}

/// Returns what was forgotten, or would be, in a line.
pub(crate) fn pruned(pruned: &Pruned, dry_run: bool, moment: &Moment) -> String {
    let would = if dry_run { "would be " } else { "" };
    let size = bytes(pruned.bytes);
    let line = match (&pruned.runs[..], pruned.bytes) {
        ([], 0) => "nothing is old enough to be forgotten".to_owned(),
        ([], _) => format!("no run {would}forgotten; {size} {would}freed that no run needs"),
        ([one], _) => format!("run {} {would}forgotten, {size} {would}freed", one.id),
        ([first, .., last], _) => format!(
            "{} {would}forgotten, {size} {would}freed: run {} of {} to run {} of {}",
            counted(pruned.runs.len(), "run"),
            first.id,
            moment.clock(first.began),
            last.id,
            moment.clock(last.began)
        ),
    };
    line + "\n"
}

/// Returns one run as text, with its steps.
pub(crate) fn details(details: &RunDetails, moment: &Moment, style: Style) -> String {
    let RunDetails { run, steps } = details;
    let mut out = String::new();
    let mut line = Line::new(style, 0);
    let (word, ink) = outcome(run.outcome);
    line.put(Ink::Bold, &format!("run {}", run.id));
    line.put(Ink::Plain, &format!("  {} {}  ", run.kind.word(), run.subject)).put(ink, word);
    line.right(Ink::Dim, &took(run, moment), style.readable());
    line.end_in(&mut out);
    let mut line = Line::new(style, 2);
    line.put(Ink::Dim, &format!("began {}, {}", moment.exact(run.began), moment.ago(run.began)));
    if let Some(parent) = run.parent {
        line.put(Ink::Dim, &format!(", as a step of run {parent}"));
    }
    if let Some(cause) = &run.cause {
        line.put(Ink::Dim, &format!(", {}", for_what(cause)));
    }
    if let Some(again) = run.again {
        line.put(Ink::Dim, &format!(", a part of run {again} again"));
    }
    line.end_in(&mut out);
    if steps.is_empty() {
        return out;
    }
    out.push('\n');
    let names = steps.iter().map(|step| width(&step.step)).max().unwrap_or(0);
    let names = names.min(style.width / 2);
    steps.iter().for_each(|step| one(step, names, moment, style, &mut out));
    let logs = steps.iter().filter(|step| step.log.is_some()).count();
    if logs > 0 {
        let text = format!("{} wrote something:  ", counted(logs, "step"));
        let mut line = Line::new(style, 2);
        line.put(Ink::Dim, &text).put(Ink::Cyan, &format!("windlass logs {}", run.id));
        out.push('\n');
        line.end_in(&mut out);
    }
    out
}

/// Says what a run was started for.
fn for_what(cause: &Cause) -> String {
    let mut text = match cause.by.as_str() {
        "" => "started by a program".to_owned(),
        by => format!("started by {by}"),
    };
    if !cause.commit.is_empty() {
        text += &format!(" of {}", cause.short_commit());
    }
    if !cause.branch.is_empty() {
        text += &format!(" on {}", cause.branch);
    }
    if !cause.author.is_empty() {
        text += &format!(" by {}", cause.author);
    }
    text
}

fn one(step: &StepDetails, names: usize, moment: &Moment, style: Style, out: &mut String) {
    let (sign, ink, text) = match &step.ending {
        Some(Ending::Done { .. }) if step.asked.1.is_some() => {
            (Sign::Done, Ink::Dim, conversation(step, moment))
        }
        None | Some(Ending::Lost) if step.asked.0.is_some() => {
            (Sign::Waiting, Ink::Cyan, conversation(step, moment))
        }
        Some(Ending::Done { what, .. }) => (Sign::Done, Ink::Dim, what.word().to_owned()),
        Some(Ending::Failed { fault } | Ending::Errored { fault }) => {
            (Sign::Failed, Ink::Red, fault.message.clone())
        }
        Some(Ending::Blocked { by }) => {
            (Sign::Skipped, Ink::Yellow, format!("not started, waited for {by}"))
        }
        Some(Ending::Skipped) => (Sign::Skipped, Ink::Dim, "not needed".to_owned()),
        Some(Ending::Lost) => (Sign::Skipped, Ink::Dim, "had not happened".to_owned()),
        None => (Sign::Waiting, Ink::Yellow, "began, and no end is known".to_owned()),
    };
    let mut line = Line::new(style, 2);
    line.put(sign.ink(), style.sign(sign)).put(Ink::Plain, " ");
    line.path(Ink::Plain, &step.step, names).to(4 + names + 2);
    let column = line.used();
    let took = if step.took > 0 { when::took(step.took) } else { String::new() };
    let room = style.readable().saturating_sub(column + width(&took) + 2);
    let mut lines = wrap(&text, room.max(16)).into_iter();
    line.put(ink, &lines.next().unwrap_or_default());
    line.right(Ink::Dim, &took, style.readable());
    line.end_in(out);
    for text in lines {
        let mut line = Line::new(style, column);
        line.put(ink, &text);
        line.end_in(out);
    }
    let details = step.ending.as_ref().and_then(Ending::fault).map(|fault| &fault.details[..]);
    let details = details.unwrap_or_default();
    last_words(details, 6, style, out);
}

/// What was asked at a gate, and who said what.
fn conversation(step: &StepDetails, moment: &Moment) -> String {
    match &step.asked {
        (_, Some(said)) => {
            let word = if said.approved { "approved" } else { "rejected" };
            let note = said.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            format!("{word} by {}, {}{note}", said.by, moment.exact(said.at))
        }
        (Some(asked), None) => {
            let text = super::report::question(asked);
            format!("waits for {text}, until {}", moment.clock(asked.until))
        }
        (None, None) => String::new(),
    }
}

/// Returns what a step said about a file: `error  app.js:1:5  Missing semicolon  (lint)`.
pub(crate) fn annotation(one: &Annotation, style: Style) -> String {
    let (sign, ink) = match one.level.as_str() {
        "error" => (Sign::Failed, Ink::Red),
        "warning" => (Sign::Waiting, Ink::Yellow),
        _ => (Sign::Waiting, Ink::Dim),
    };
    let place = |number: Option<u64>| number.map(|at| format!(":{at}")).unwrap_or_default();
    let file =
        one.file.as_ref().map(|file| format!("{file}{}{}", place(one.line), place(one.column)));
    let mut out = String::new();
    let mut line = Line::new(style, 2);
    line.put(sign.ink(), style.sign(sign)).put(Ink::Plain, " ").put(ink, &one.level);
    if let Some(file) = file {
        line.put(Ink::Plain, "  ").put(Ink::Bold, &file);
    }
    line.put(Ink::Dim, &format!("  {}", one.step));
    line.end_in(&mut out);
    let title = one.title.as_ref().map(|title| format!("{title}: ")).unwrap_or_default();
    for text in wrap(&format!("{title}{}", one.message), style.readable().saturating_sub(6)) {
        let mut line = Line::new(style, 6);
        line.put(Ink::Plain, &text);
        line.end_in(&mut out);
    }
    out
}

fn outcome(outcome: Option<RunOutcome>) -> (&'static str, Ink) {
    match outcome {
        Some(RunOutcome::Done) => ("done", Ink::Green),
        Some(RunOutcome::Failed) => ("failed", Ink::Red),
        Some(RunOutcome::Stopped) => ("stopped", Ink::Yellow),
        Some(RunOutcome::Abandoned) => ("abandoned", Ink::Yellow),
        Some(RunOutcome::Waiting) => ("waiting", Ink::Cyan),
        None => ("no end yet", Ink::Cyan),
    }
}

fn took(run: &Run, moment: &Moment) -> String {
    match run.ended {
        Some(ended) => when::took(ended.saturating_sub(run.began)),
        None => format!("{} so far", when::whole(moment.now.saturating_sub(run.began))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use model::Fault;
    use model::event::{LogRange, Outcome};
    use runtime::store::{RunId, RunKind};

    /// 2026-11-20 10:14:03 UTC.
    const NOW: u64 = 1_795_169_643_000;

    fn moment() -> Moment {
        Moment { now: NOW, zone: TimeZone::UTC }
    }

    fn run(
        id: u64,
        kind: RunKind,
        began: u64,
        took: Option<u64>,
        outcome: Option<RunOutcome>,
    ) -> Run {
        Run {
            id: RunId(id),
            kind,
            subject: "shop".to_owned(),
            parent: None,
            began,
            ended: took.map(|took| began + took),
            outcome,
            plan: None,
            nonce: String::new(),
            again: None,
            cause: None,
            pruned: false,
        }
    }

    #[test]
    fn runs_say_when_what_and_how_it_went() {
        let runs = [
            run(112, RunKind::Apply, NOW - 4_000, None, None),
            run(9, RunKind::Pipeline, NOW - 600_000, Some(31_000), Some(RunOutcome::Failed)),
            run(8, RunKind::Destroy, NOW - 90_000_000, Some(90), Some(RunOutcome::Done)),
        ];
        insta::assert_snapshot!(list(&runs, &moment(), Style::plain(80)), @"
        run  when                           what      of       ended       took
        112  10:13             just now     apply     shop     no end yet  4 s so far
          9  10:04             10 min ago   pipeline  shop     failed      31 s
          8  2026-11-19 09:14  1 day ago    destroy   shop     done        0.09 s
        ");
    }

    #[test]
    fn one_run_shows_its_steps_and_where_their_output_is() {
        let step = |step: &str, ending, took, log| StepDetails {
            step: step.to_owned(),
            ending,
            took,
            log,
            asked: (None, None),
        };
        let long =
            "python3: can't open file '/srv/projects/shop/.windlass/projects/4b1c/board.py': gone";
        let lines = ["1 failed, 211 passed".to_owned(), long.to_owned(), "x".repeat(300)];
        let fault = Fault::refused("exit code 1").details(lines);
        let steps = vec![
            step(
                "image",
                Some(Ending::Done { what: Outcome::Succeeded, state: Vec::new() }),
                6_000,
                None,
            ),
            step(
                "unit",
                Some(Ending::Failed { fault }),
                11_300,
                Some(LogRange { slot: 0, from: 0, to: 9 }),
            ),
            step("deploy", Some(Ending::Blocked { by: "unit".into() }), 0, None),
            step("clear", None, 0, None),
        ];
        let run = run(42, RunKind::Pipeline, NOW - 90_000, Some(18_000), Some(RunOutcome::Failed));
        let run = Run { parent: Some(RunId(41)), ..run };
        insta::assert_snapshot!(details(&RunDetails { run, steps }, &moment(), Style::plain(80)), @"
        run 42  pipeline shop  failed                                               18 s
          began 2026-11-20 10:12:33, 1 min ago, as a step of run 41

          ✓ image   done                                                           6.0 s
          ✗ unit    exit code 1                                                     11 s
              | 1 failed, 211 passed
              | python3: can't open file '/srv/projects/shop/.windlass/projects/4b1c/boa
                rd.py': gone
              | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
                xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
          ○ deploy  not started, waited for unit
          · clear   began, and no end is known

          1 step wrote something:  windlass logs 42
        ");
    }
}
