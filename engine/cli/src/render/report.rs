//! How a run ended: what failed and why, what was blocked by it, and last the answer, next to the
//! prompt.
//!
//! It must not say what is not known: a step that was left when the run was stopped is not called undone.

use std::collections::{BTreeMap, HashMap};

use language::suggest;
use model::event::{Ending, Outcome, Question};
use model::fault::Nature;
use model::{Fault, Tree};
use runtime::engine::{Report, StepReport};
use runtime::store::RunOutcome;

use super::hint::Hint;
use super::line::Line;
use super::measure::{clean, counted, cut_middle, head, number, width, wrap};
use super::style::{Ink, Sign, Style};
use super::value::shown;
use super::when;

/// What the run did, which says what to call its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// A stack was applied.
    Apply,
    /// A stack was destroyed.
    Destroy,
    /// A pipeline ran.
    Run,
    /// A resource did something: what is said of it then, such as `backed up`.
    Act(&'static str),
}

/// How a report is drawn.
#[derive(Clone, Debug)]
pub(crate) struct View<'v> {
    /// What the run did.
    pub(crate) verb: Verb,
    /// The kinds of resources whose steps do not say it, by address: see [`super::tree::kinds`].
    pub(crate) kinds: &'v HashMap<String, String>,
    /// What goes on with it, where it was not finished: `windlass apply shop`.
    pub(crate) again: &'v str,
    /// What to type next, where it was.
    pub(crate) next: Option<Hint>,
    /// What the shell will see.
    pub(crate) exit: u8,
}

/// So many steps of one reason are named.
const NAMED: usize = 3;
/// So many failures are told in full; nobody reads more.
const MOST_FAILURES: usize = 20;
/// So many of a failed thing's last lines.
const MOST_LINES: usize = 20;
/// So many rows of one of them.
const MOST_ROWS: usize = 3;

/// Returns a report as text.
pub(crate) fn report(report: &Report, view: &View<'_>, style: Style) -> String {
    let mut out = String::new();
    let failures =
        report.troubles.iter().filter_map(|one| Some((one, one.ending.as_ref()?.fault()?)));
    let failures: Vec<_> = failures.collect();
    for (step, fault) in failures.iter().take(MOST_FAILURES) {
        failure(step, fault, view, style, &mut out);
    }
    if failures.len() > MOST_FAILURES {
        let more = counted(failures.len() - MOST_FAILURES, "more failure");
        let mut line = Line::new(style, 0);
        line.put(Ink::Red, &format!("{} {more}", style.dots()));
        line.end_in(&mut out);
    }
    if !failures.is_empty() {
        out.push('\n');
    }
    headline(report, view, style, &mut out);
    if report.outcome == RunOutcome::Done {
        return out;
    }
    let indent = width(&report.subject).min(style.width / 3) + 2;
    held(report, indent, style, &mut out);
    blocked(report, view, indent, style, &mut out);
    advice(report, view, indent, style, &mut out);
    out
}

/// Returns outputs as text, one a line.
pub(crate) fn outputs(values: &Tree, style: Style) -> String {
    let mut out = String::new();
    let column = values.keys().map(|name| width(name)).max().unwrap_or(0).min(24) + 4;
    for (name, value) in values {
        // An address is there to be copied: it is never cut.
        let mut line = Line::new(style, 2).endless();
        line.put(Ink::Dim, name).to(column).put(Ink::Plain, &shown(value));
        line.end_in(&mut out);
    }
    out
}

/// Appends why one step failed.
fn failure(step: &StepReport, fault: &Fault, view: &View<'_>, style: Style, out: &mut String) {
    let mut line = Line::new(style, 0);
    line.put(Sign::Failed.ink(), style.sign(Sign::Failed)).put(Ink::Plain, " ");
    let kind = kind(step, view);
    if !kind.is_empty() {
        line.put(Ink::Dim, kind).put(Ink::Plain, "  ");
    }
    line.put(Ink::Bold, &named(&step.address)).put(Ink::Plain, "  ");
    let mut message = wrap(&fault.message, style.readable().saturating_sub(4)).into_iter();
    match &fault.message {
        text if width(text) <= line.room() && !text.contains('\n') => {
            line.put(Ink::Red, text);
            line.end_in(out);
        }
        _ => {
            line.end_in(out);
            message.by_ref().for_each(|text| indented(4, Ink::Red, &text, style, out));
        }
    }
    explain(fault, style, out);
}

/// Appends a fault's last words and what to do about it.
pub(super) fn explain(fault: &Fault, style: Style, out: &mut String) {
    last_words(&fault.details, 4, style, out);
    if let Some(help) = fault.help.as_deref().filter(|help| !help.is_empty()) {
        help_lines(help, style, out);
    }
}

/// Appends the last of a failed thing's own lines. Where some of them are marked as output, the others
/// are remarks about it.
pub(super) fn last_words(details: &[String], indent: usize, style: Style, out: &mut String) {
    let marked = details.iter().any(|text| text.starts_with("| "));
    for text in details.iter().skip(details.len().saturating_sub(MOST_LINES)) {
        match text.strip_prefix("| ") {
            None if marked => rows("", text, indent, style, out),
            Some(output) => rows("| ", output, indent + 2, style, out),
            None => rows("| ", text, indent, style, out),
        }
    }
}

/// Appends a line that a program wrote: what matters of it may stand at its end.
fn rows(mark: &str, text: &str, indent: usize, style: Style, out: &mut String) {
    let column = indent + width(mark);
    let room = style.width.saturating_sub(column).max(8);
    let text = clean(text);
    let text = cut_middle(&text, MOST_ROWS * room, style);
    let mut line = Line::new(style, indent);
    line.put(Ink::Dim, mark);
    let mut rest = &*text;
    while width(rest) > room {
        let row = head(rest, room);
        line.put(Ink::Plain, row);
        std::mem::replace(&mut line, Line::new(style, column)).end_in(out);
        rest = &rest[row.len()..];
    }
    line.put(Ink::Plain, rest);
    line.end_in(out);
}

/// Appends what to do.
pub(super) fn help_lines(help: &str, style: Style, out: &mut String) {
    let mut lines = wrap(help, style.readable().saturating_sub(9)).into_iter();
    let mut line = Line::new(style, 4);
    line.put(Ink::Dim, "try: ").put(Ink::Cyan, &lines.next().unwrap_or_default());
    line.end_in(out);
    lines.for_each(|text| indented(9, Ink::Cyan, &text, style, out));
}

fn indented(indent: usize, ink: Ink, text: &str, style: Style, out: &mut String) {
    let mut line = Line::new(style, indent);
    line.put(ink, text);
    line.end_in(out);
}

fn headline(report: &Report, view: &View<'_>, style: Style, out: &mut String) {
    let done = report.outcome == RunOutcome::Done;
    let mut line = Line::new(style, 0);
    line.put(Ink::Bold, &report.subject).put(Ink::Plain, "  ");
    let ink = match report.outcome {
        RunOutcome::Done => Ink::Green,
        RunOutcome::Waiting => Ink::Cyan,
        _ => Ink::Red,
    };
    line.put(ink, word(report, view.verb));
    let parts = counts(report, view.verb);
    line.put(Ink::Plain, if parts.is_empty() { "" } else { ": " });
    let indent = width(&report.subject).min(style.width / 3) + 2;
    for (at, part) in parts.iter().enumerate() {
        line.put(Ink::Plain, if at == 0 { "" } else { "," });
        if at > 0 && width(part) + 2 > line.room() {
            std::mem::replace(&mut line, Line::new(style, indent)).end_in(out);
        } else if at > 0 {
            line.put(Ink::Plain, " ");
        }
        line.put(Ink::Plain, part);
    }
    line.put(Ink::Dim, "  ").put(Ink::Dim, &when::took(report.took));
    if let Some(next) = view.next.as_ref().filter(|_| done) {
        let needed = width(&next.what) + 3 + width(&next.command);
        if needed + 3 <= line.room() {
            line.put(Ink::Plain, "   ");
            next.put(&mut line);
        } else {
            std::mem::replace(&mut line, Line::new(style, indent).endless()).end_in(out);
            next.put(&mut line);
        }
    }
    line.end_in(out);
}

fn word(report: &Report, verb: Verb) -> &'static str {
    match (report.outcome, verb) {
        (RunOutcome::Done, Verb::Apply) => "applied",
        (RunOutcome::Done, Verb::Destroy) => "destroyed",
        (RunOutcome::Done, Verb::Run) => "passed",
        (RunOutcome::Done, Verb::Act(done)) => done,
        (RunOutcome::Stopped, _) => "stopped",
        (RunOutcome::Waiting, _) => "waiting",
        (_, Verb::Act(_)) if is_futile(report) => "refused",
        (_, Verb::Run | Verb::Act(_)) => "failed",
        _ => "not finished",
    }
}

/// Whether it was not begun, and is not as long as nobody changes why.
fn is_futile(report: &Report) -> bool {
    report.first_fault().is_some_and(|(_, fault)| fault.nature == Nature::Futile)
}

/// What was done, failed and was not begun, in words.
fn counts(report: &Report, verb: Verb) -> Vec<String> {
    if let Verb::Act(_) = verb {
        return Vec::new();
    }
    let mut parts: Vec<String> = report
        .done
        .iter()
        .filter(|(what, _)| *what != Outcome::Nothing)
        .map(|(what, count)| match what {
            Outcome::Succeeded => format!("{} done", counted(*count, "step")),
            Outcome::Deleted if verb == Verb::Destroy && report.outcome == RunOutcome::Done => {
                counted(*count, "resource")
            }
            what => format!("{} {}", number(*count), done(*what)),
        })
        .collect();
    let count = |wanted: fn(&Option<Ending>) -> bool| {
        report.troubles.iter().filter(|one| wanted(&one.ending)).count()
    };
    let failed = count(|ending| ending.as_ref().is_some_and(|ending| ending.fault().is_some()));
    let blocked = count(|ending| matches!(ending, Some(Ending::Blocked { .. })));
    let left = report.troubles.len() - failed - blocked;
    let (waits, wait) = ("waits for approval", "wait for approval");
    let held = report.held.len();
    let gates = if held == 1 { waits } else { wait };
    let more = [("failed", failed), ("not started", blocked), ("left", left), (gates, held)];
    let more = more.iter().filter(|(_, count)| *count > 0);
    parts.extend(more.map(|(what, count)| format!("{} {what}", number(*count))));
    if parts.is_empty() {
        parts.push("nothing was left to do".to_owned());
    }
    parts
}

fn done(what: Outcome) -> &'static str {
    match what {
        Outcome::Kept => "kept",
        other => other.word(),
    }
}

/// The gates that wait, and for whom.
fn held(report: &Report, indent: usize, style: Style, out: &mut String) {
    for gate in &report.held {
        let text = match &gate.why {
            Some(why) => format!("{} still waits: {why}", gate.step),
            None => format!("{} waits for {}", gate.step, question(&gate.question)),
        };
        for text in wrap(&text, style.readable().saturating_sub(indent)) {
            indented(indent, Ink::Plain, &text, style, out);
        }
    }
}

/// Returns who is asked what: `ops: the shop goes public`.
pub(super) fn question(asked: &Question) -> String {
    let who = match asked.approvers.is_empty() {
        true => "anybody".to_owned(),
        false => suggest::list(asked.approvers.iter().map(String::as_str)).replace('`', ""),
    };
    asked.message.as_ref().map_or(who.clone(), |message| format!("{who}: {message}"))
}

/// What was not started, by what it waits for.
fn blocked(report: &Report, view: &View<'_>, indent: usize, style: Style, out: &mut String) {
    let mut by_cause: BTreeMap<&str, Vec<&StepReport>> = BTreeMap::new();
    for step in &report.troubles {
        if let Some(Ending::Blocked { by }) = &step.ending {
            by_cause.entry(by.as_str()).or_default().push(step);
        }
    }
    for (cause, steps) in by_cause {
        let name = |step: &&StepReport| {
            let (kind, name) = (kind(step, view), named(&step.address));
            if kind.is_empty() { name } else { format!("{kind} {name}") }
        };
        let mut names: Vec<String> = steps.iter().take(NAMED).map(name).collect();
        if steps.len() > NAMED {
            names.push(format!("{} more", number(steps.len() - NAMED)));
        }
        let wait = if steps.len() == 1 { "waits" } else { "wait" };
        let text = format!("not started: {} {wait} for {}", names.join(", "), named(cause));
        for text in wrap(&text, style.readable().saturating_sub(indent)) {
            indented(indent, Ink::Plain, &text, style, out);
        }
    }
}

fn advice(report: &Report, view: &View<'_>, indent: usize, style: Style, out: &mut String) {
    let (first, then) = match report.outcome {
        RunOutcome::Waiting => ("no process waits meanwhile", "goes on"),
        RunOutcome::Stopped if view.verb == Verb::Run => (
            "a command that was cut off runs again only if its step is `idempotent`",
            "does the rest",
        ),
        RunOutcome::Stopped => {
            ("each step is looked for before it is done again", "goes on from here")
        }
        _ if matches!(view.verb, Verb::Act(_)) && is_futile(report) => {
            ("nothing was begun", "is refused again as long as this is so")
        }
        _ if matches!(view.verb, Verb::Act(_)) => {
            ("what it left is settled by the next one", "tries again")
        }
        _ if view.verb == Verb::Run => ("what was done is not undone", "starts again"),
        _ => ("what was done stays", "looks at the rest anew"),
    };
    let exit = format!("exit {}", view.exit);
    let text = format!("{first}; `{}` {then}", view.again);
    let room = style.readable().saturating_sub(indent);
    let mut lines = wrap(&text, room).into_iter().peekable();
    while let Some(text) = lines.next() {
        let mut line = Line::new(style, indent);
        line.put(Ink::Plain, &text);
        if lines.peek().is_none() {
            line.right(Ink::Dim, &exit, style.readable());
        }
        line.end_in(out);
    }
}

/// What a replacement leaves behind is the old one.
fn named(address: &str) -> String {
    match address.split_once('@') {
        Some((name, _)) => format!("{name} (old)"),
        None => address.to_owned(),
    }
}

fn kind<'s>(step: &'s StepReport, view: &'s View<'_>) -> &'s str {
    let of = |address: &str| view.kinds.get(address).map(String::as_str);
    let without_generation = step.address.split('@').next().unwrap_or_default();
    match step.kind.as_str() {
        "" => of(&step.address).or_else(|| of(without_generation)).unwrap_or_default(),
        kind => kind,
    }
}

#[cfg(test)]
mod tests;
