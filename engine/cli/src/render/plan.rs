//! A plan: the answer first, then one line per resource with its reasons, then what to type next.
//!
//! A plan without changes is one line. On a terminal alike members of a repeated block are told as one,
//! and of very many resources the first of each action; the other forms are complete. It must not
//! decide anything, nor show the text of a secret.

mod items;
mod row;

use std::time::Duration;

use model::plan::{Action, OutputChange, Plan, Refusal};

use super::change::{self, Room};
use super::hint::{self, Hint};
use super::line::Line;
use super::measure::{counted, number, width, wrap};
use super::style::{Ink, Sign, Style};
use super::value::shown;
use super::when;

/// How much of a plan is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What a person can take in: for a terminal.
    Summary,
    /// Every resource and every reason: for files and pipes.
    Complete,
    /// With all keys of what is created, too.
    Full,
}

/// How a plan is drawn.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// How much of it.
    pub(crate) detail: Detail,
    /// How long planning took.
    pub(crate) took: Option<Duration>,
    /// What to type next, where the plan can be applied and changes something.
    pub(crate) next: Vec<Hint>,
}

/// Returns a plan as text.
pub(crate) fn plan(plan: &Plan, view: &View, style: Style) -> String {
    let mut out = String::new();
    headline(plan, view.took, style, &mut out);
    if plan.is_unchanged() && plan.refused.is_empty() {
        return out;
    }
    if !plan.items.is_empty() {
        out.push('\n');
        items::write(plan, view.detail, style, &mut out);
    }
    outputs(&plan.outputs, view.detail, style, &mut out);
    refused(&plan.refused, style, &mut out);
    if plan.refused.is_empty() && !view.next.is_empty() {
        out.push('\n');
        hint::write(&view.next, style, &mut out);
    }
    out
}

/// Returns what a plan does, in a few words: `3 to create, 1 to replace, 11 unchanged`.
pub(crate) fn counts(plan: &Plan) -> String {
    let parts: Vec<String> = counted_actions(plan).into_iter().map(|(text, _)| text).collect();
    parts.join(", ")
}

fn counted_actions(plan: &Plan) -> Vec<(String, Ink)> {
    let replaced = |action| matches!(action, Action::Replace { .. });
    let counts = [
        ("to create", plan.count(|action| action == Action::Create), Ink::Green),
        ("to update", plan.count(|action| action == Action::Update), Ink::Yellow),
        ("to replace", plan.count(replaced), Ink::Yellow),
        ("to destroy", plan.count(|action| action == Action::Delete), Ink::Red),
        ("to forget", plan.count(|action| action == Action::Forget), Ink::Plain),
        ("to remember", plan.count(|action| action == Action::Remember), Ink::Plain),
    ];
    let some = counts.into_iter().filter(|(_, count, _)| *count > 0);
    let mut parts: Vec<(String, Ink)> =
        some.map(|(what, count, ink)| (format!("{} {what}", number(count)), ink)).collect();
    match parts.is_empty() {
        true if plan.outputs.is_empty() => {
            parts.push((format!("unchanged, {}", counted(plan.unchanged, "resource")), Ink::Green));
        }
        true => {
            parts.push((
                format!("{} to change", counted(plan.outputs.len(), "output")),
                Ink::Yellow,
            ));
            parts.push((format!("{} unchanged", counted(plan.unchanged, "resource")), Ink::Plain));
        }
        false if plan.unchanged == 0 => {}
        false => parts.push((format!("{} unchanged", number(plan.unchanged)), Ink::Plain)),
    }
    parts
}

fn headline(plan: &Plan, took: Option<Duration>, style: Style, out: &mut String) {
    let mut line = Line::new(style, 0);
    line.put(Ink::Bold, &plan.stack).put(Ink::Plain, "  ");
    let indent = line.used().min(style.width / 2);
    for (at, (text, ink)) in counted_actions(plan).into_iter().enumerate() {
        line.put(Ink::Plain, if at == 0 { "" } else { "," });
        if at > 0 && width(&text) + 2 > line.room() {
            std::mem::replace(&mut line, Line::new(style, indent)).end_in(out);
        } else if at > 0 {
            line.put(Ink::Plain, " ");
        }
        line.put(ink, &text);
    }
    if let Some(took) = took {
        let took = when::took(when::millis(took));
        match plan.is_unchanged() {
            true => line.right(Ink::Dim, &took, 0),
            false => line.right(Ink::Dim, &took, style.readable()),
        };
    }
    line.end_in(out);
}

fn outputs(changes: &[OutputChange], detail: Detail, style: Style, out: &mut String) {
    if changes.is_empty() {
        return;
    }
    out.push_str("\n  outputs\n");
    let column = changes.iter().map(|change| width(&change.name)).max().unwrap_or(0).min(24);
    let lines = if detail == Detail::Summary { items::MOST_LINES } else { usize::MAX };
    let room = Room { column: change::INDENT + column + 2, place: 0, lines };
    for OutputChange { name, from, to } in changes {
        if let (Some(from), Some(to)) = (from, to) {
            for line in change::lines(name, from, to, room, style) {
                line.end_in(out);
            }
            continue;
        }
        let (sign, value) = match (from, to) {
            (None, Some(to)) => (Sign::Create, to),
            (Some(from), _) => (Sign::Delete, from),
            (None, None) => continue,
        };
        let mut line = Line::new(style, 4);
        line.put(sign.ink(), style.sign(sign)).put(Ink::Plain, " ").put(Ink::Plain, name);
        line.to(room.column).put(Ink::Plain, &shown(value));
        line.end_in(out);
    }
}

fn refused(refused: &[Refusal], style: Style, out: &mut String) {
    if refused.is_empty() {
        return;
    }
    out.push('\n');
    for why in refused {
        let mut lines = wrap(&why.to_string(), style.width.saturating_sub(4)).into_iter();
        let mut line = Line::new(style, 2);
        line.put(Ink::Red, style.sign(Sign::Refused)).put(Ink::Plain, " ");
        line.put(Ink::Plain, &lines.next().unwrap_or_default());
        line.end_in(out);
        for rest in lines {
            let mut line = Line::new(style, 4);
            line.put(Ink::Plain, &rest);
            line.end_in(out);
        }
    }
    let protected = refused.iter().all(|why| matches!(why, Refusal::Protected { .. }));
    let advice = match protected {
        true => format!("It cannot be applied: {}.", Refusal::UNPROTECT),
        false => "It cannot be applied.".to_owned(),
    };
    for text in wrap(&advice, style.readable()) {
        out.push_str(&style.paint(Ink::Bold, &text));
        out.push('\n');
    }
}

#[cfg(test)]
mod tests;
