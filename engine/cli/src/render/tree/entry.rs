//! One line of a run: sign, kind, name, what it is at, how long.
//!
//! It must not choose which steps are shown.

use std::time::Duration;

use model::ledger::StepId;
use model::plan::{Step, Work};

use super::Options;
use super::facts::{AtWork, Ended, Facts, How, kind};
use crate::render::line::Line;
use crate::render::measure::{self, cut};
use crate::render::style::{Ink, Sign, Style};
use crate::render::when;

/// Columns are no wider than this for the sake of a few long names.
const WIDEST_KIND: usize = 18;

/// What a line says.
struct Entry<'e> {
    sign: Sign,
    text: &'e str,
    ink: Ink,
    right: &'e str,
}

/// Returns the line of a step that ended.
pub(super) fn ended(facts: &Facts, options: &Options, ended: &Ended) -> Option<Line> {
    let step = facts.step(ended.id)?;
    let took = when::took(ended.took);
    let (sign, text, ink) = match &ended.how {
        How::Done(what) => (Sign::Done, what.word().to_owned(), Ink::Dim),
        How::Failed(why) => (Sign::Failed, why.clone(), Ink::Red),
        How::Blocked(by) => (Sign::Skipped, format!("not started, waited for {by}"), Ink::Yellow),
        How::Skipped => (Sign::Skipped, "not needed".to_owned(), Ink::Dim),
    };
    let ran = matches!(ended.how, How::Done(_) | How::Failed(_));
    let right = if ran { took.as_str() } else { "" };
    Some(draw(facts, options, step, &Entry { sign, text: &text, ink, right }))
}

/// Returns the line of a step at work.
pub(super) fn at_work(
    facts: &Facts,
    options: &Options,
    id: StepId,
    at_work: &AtWork,
    now: Duration,
) -> Option<Line> {
    let step = facts.step(id)?;
    let text = doing(step, at_work, now, options.style);
    // As lines nothing turns.
    let turn = if options.rows.is_some() { (now.as_millis() / 250) as usize } else { 0 };
    let right = so_far(at_work, now);
    let sign = Sign::Running(turn);
    let entry = Entry { sign, text: &text, ink: Ink::Plain, right: &right };
    if room(facts, options) >= measure::width(&text) + measure::width(&right) + 2 {
        return Some(draw(facts, options, step, &entry));
    }
    // What it does says more than how long that usually takes.
    let short = when::whole(at_work.elapsed(now));
    Some(draw(facts, options, step, &Entry { right: &short, ..entry }))
}

/// Returns the line of a step that was not begun.
pub(super) fn waiting(facts: &Facts, options: &Options, id: StepId) -> Option<Line> {
    let step = facts.step(id)?;
    let text = match facts.waits_for(id) {
        Some((need, count)) => {
            let name = facts.step(need).map_or_else(String::new, name);
            match count {
                1 => format!("waits for {name}"),
                more => format!("waits for {name} and {} more", measure::number(more - 1)),
            }
        }
        None => "is about to start".to_owned(),
    };
    let entry = Entry { sign: Sign::Waiting, text: &text, ink: Ink::Dim, right: "" };
    Some(draw(facts, options, step, &entry))
}

/// Returns what a step at work is doing, in words.
pub(super) fn doing(step: &Step, at_work: &AtWork, now: Duration, style: Style) -> String {
    if let Some(again_at) = at_work.again_at {
        let pause = when::took(when::millis(again_at.saturating_sub(now)));
        return format!("again in {pause}: {}", at_work.status);
    }
    match (&at_work.status[..], &step.work) {
        ("", Work::Put(put)) if put.seen.is_none() => format!("being created{}", style.dots()),
        ("", Work::Put(_)) => format!("being changed{}", style.dots()),
        ("", Work::Delete { .. }) => format!("being destroyed{}", style.dots()),
        (status, _) => status.to_owned(),
    }
}

/// Returns how long a step is at work, and how long it usually is: `4 s, usually 3 s`.
pub(super) fn so_far(at_work: &AtWork, now: Duration) -> String {
    let so_far = when::whole(at_work.elapsed(now));
    match at_work.usual {
        Some(usual) => format!("{so_far}, usually {}", about(usual)),
        None => so_far,
    }
}

fn about(milliseconds: u64) -> String {
    if milliseconds < 1_000 { when::took(milliseconds) } else { when::whole(milliseconds + 500) }
}

/// Returns what people call a step: what a replacement leaves behind is the old one.
pub(super) fn name(step: &Step) -> String {
    match step.name.as_str().split_once('@') {
        Some((name, _)) => format!("{name} (old)"),
        None => step.name.to_string(),
    }
}

/// Returns the columns of kinds and names, and a style that leaves the last column free: a line as wide
/// as the terminal would leave the cursor in doubt.
fn columns(facts: &Facts, options: &Options) -> (usize, usize, Style) {
    let style = Style { width: options.style.width.saturating_sub(1), ..options.style };
    let widths = facts.run.as_ref().map_or((0, 0), |run| run.widths);
    let kinds = widths.0.min(WIDEST_KIND);
    (kinds, widths.1.min(style.width.saturating_sub(kinds + 8) / 2), style)
}

/// Returns the columns that are left for what is said.
fn room(facts: &Facts, options: &Options) -> usize {
    let (kinds, names, style) = columns(facts, options);
    style.readable().saturating_sub(4 + kinds + 2 + names + 2)
}

fn draw(facts: &Facts, options: &Options, step: &Step, entry: &Entry<'_>) -> Line {
    let (kinds, names, style) = columns(facts, options);
    let mut line = Line::new(style, 2);
    line.put(entry.sign.ink(), style.sign(entry.sign)).put(Ink::Plain, " ");
    if kinds > 0 {
        line.path(Ink::Dim, kind(step, &options.kinds), kinds).to(4 + kinds + 2);
    }
    let start = line.used();
    line.path(Ink::Plain, &name(step), names).to(start + names + 2);
    let right = measure::width(entry.right);
    let end = style.readable();
    let room = end.saturating_sub(line.used() + if right > 0 { right + 2 } else { 0 });
    let text = measure::clean(entry.text);
    line.put(entry.ink, &cut(&text, room.max(8), style));
    line.right(Ink::Dim, entry.right, end);
    line
}
