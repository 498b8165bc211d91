//! The lines of a plan: sign, kind, address and why, and below each what differs.
//!
//! It must not choose which resources are shown.

use std::collections::HashMap;

use model::file::project_file::{CONTENT, PATH};
use model::plan::{Action, Item, Place, Plan, Put, Work};
use model::{Order, Value};

use super::Detail;
use super::row::{Row, Rows, rows};
use crate::render::change::{self, Room};
use crate::render::line::Line;
use crate::render::measure::{counted, cut, cut_middle, number, width, wrap};
use crate::render::style::{Ink, Sign, Style};
use crate::render::value::{is_empty, shown};

/// Of one key, so many lines are shown where not everything is.
pub(super) const MOST_LINES: usize = 40;
/// Columns are no wider than this for the sake of a few long names.
const WIDEST_KIND: usize = 20;
/// What is created is told in no more columns than this, and each of its values in no more than that;
/// `--full` tells all.
const LONGEST_SUMMARY: usize = 100;
const LONGEST_VALUE: usize = 40;

/// A line, and the place in a file that stands at its end.
type Placed = (Line, Option<String>);

struct Drawing<'p> {
    detail: Detail,
    style: Style,
    kind_column: usize,
    what_column: usize,
    /// What is wanted of each resource.
    puts: HashMap<&'p str, &'p Put>,
}

/// Appends the items of a plan.
pub(super) fn write(plan: &Plan, detail: Detail, style: Style, out: &mut String) {
    let items = in_order(plan);
    let Rows { shown: rows, left_out } = rows(&items, detail, style.dots());
    let drawing = Drawing::new(plan, &rows, detail, style);
    let mut lines: Vec<Placed> = Vec::with_capacity(rows.len() * 2);
    for row in &rows {
        drawing.row(row, &mut lines);
    }
    place(lines, style, out);
    for (action, count) in &left_out {
        let mut line = Line::new(style, 2);
        let text = format!("{} {} more {}", style.dots(), number(*count), infinitive(*action));
        line.put(Ink::Dim, &text);
        line.end_in(out);
    }
    if !left_out.is_empty() {
        let mut line = Line::new(style, 4);
        line.put(Ink::Dim, "all of them: ").put(Ink::Cyan, "--full");
        line.end_in(out);
    }
}

/// What comes first is done first; what has no step comes last.
fn in_order(plan: &Plan) -> Vec<&Item> {
    let steps = plan.steps.iter().enumerate();
    let places: HashMap<&str, usize> = steps.map(|(at, step)| (step.name.as_str(), at)).collect();
    let mut items: Vec<&Item> = plan.items.iter().collect();
    items.sort_by_key(|item| places.get(item.address.as_str()).copied().unwrap_or(usize::MAX));
    items
}

/// Places in files stand below each other, as far to the left as the longest line lets them.
fn place(lines: Vec<Placed>, style: Style, out: &mut String) {
    let used = lines.iter().filter_map(|(line, place)| Some((line.used(), place.as_ref()?)));
    let end = used.map(|(used, place)| used + 3 + width(place)).max().unwrap_or(0);
    let end = end.min(style.width);
    for (mut line, place) in lines {
        if let Some(place) = place {
            let start = end.saturating_sub(width(&place));
            line.right(Ink::Dim, &place, start + width(&place));
        }
        line.end_in(out);
    }
}

impl<'p> Drawing<'p> {
    fn new(plan: &'p Plan, rows: &[Row<'_>], detail: Detail, style: Style) -> Self {
        let widest = |of: fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let kind = widest(|row| width(&row.item.kind)).min(WIDEST_KIND);
        let name = widest(|row| width(&row.name)).min(style.width.saturating_sub(kind + 8) / 2);
        let puts = plan.steps.iter().filter_map(|step| match &step.work {
            Work::Put(put) => Some((step.name.as_str(), &**put)),
            _ => None,
        });
        let kind_column = 4 + kind + 2;
        let what_column = kind_column + name + 2;
        Self { detail, style, kind_column, what_column, puts: puts.collect() }
    }

    fn row(&self, row: &Row<'_>, out: &mut Vec<Placed>) {
        let item = row.item;
        let sign = sign(item.action);
        let mut line = self.line(2);
        line.put(sign.ink(), self.style.sign(sign)).put(Ink::Plain, " ");
        line.path(Ink::Dim, &item.kind, WIDEST_KIND.max(self.kind_column - 6)).to(self.kind_column);
        let room = if self.detail == Detail::Summary {
            self.what_column - self.kind_column - 2
        } else {
            usize::MAX
        };
        line.path(Ink::Bold, &row.name, room).to(self.what_column);
        let more = self.what(row, &mut line);
        out.push((line, None));
        out.extend(more.into_iter().map(|line| (line, None)));
        self.reasons(row, out);
        if self.detail == Detail::Full && item.action == Action::Create {
            self.keys(item, out);
        }
    }

    fn line(&self, indent: usize) -> Line {
        let line = Line::new(self.style, indent);
        if self.detail == Detail::Summary { line } else { line.endless() }
    }

    /// Why, or what it will be.
    fn what(&self, row: &Row<'_>, line: &mut Line) -> Vec<Line> {
        let item = row.item;
        let mut remarks: Vec<String> = Vec::new();
        if row.members > 1 {
            remarks.push(format!("{} of them", number(row.members)));
        }
        remarks.extend(why(item));
        let ink = if item.drifted { Ink::Yellow } else { Ink::Plain };
        let remark = remarks.join(", ");
        if width(&remark) > line.room() {
            return wrapped(line, ink, &remark, self.style);
        }
        line.put(ink, &remark);
        if item.action == Action::Create && self.detail != Detail::Full {
            let summary = self.summary(item);
            let gap = if remarks.is_empty() || summary.is_empty() { "" } else { ": " };
            line.put(Ink::Plain, gap).put(Ink::Dim, &summary);
        }
        Vec::new()
    }

    /// What will be created, in a few words: what it is called first.
    fn summary(&self, item: &Item) -> String {
        let Some(put) = self.puts.get(item.address.as_str()) else { return String::new() };
        let told = put.want.spec.iter().filter(|(_, value)| !is_empty(value));
        let mut told: Vec<(&String, &Value)> = told.collect();
        told.sort_by_key(|(key, _)| !matches!(key.as_str(), "name" | "names" | "path"));
        let mut out = String::new();
        for (key, value) in told {
            let value = briefly(value, self.style);
            if width(&out) + width(key) + width(&value) > LONGEST_SUMMARY {
                out.push_str(", ");
                out.push_str(self.style.dots());
                break;
            }
            out.push_str(if out.is_empty() { "" } else { ", " });
            out.push_str(key);
            out.push(' ');
            out.push_str(&value);
        }
        out
    }

    fn keys(&self, item: &Item, out: &mut Vec<Placed>) {
        let Some(put) = self.puts.get(item.address.as_str()) else { return };
        let keys = put.want.spec.keys().map(|key| width(key)).max().unwrap_or(0);
        for (key, value) in put.want.spec.iter().filter(|(_, value)| !is_empty(value)) {
            let mut line = self.line(change::INDENT);
            line.put(Ink::Plain, key).to(change::INDENT + keys + 2);
            line.put(Ink::Plain, &shown(value));
            out.push((line, None));
        }
    }

    fn reasons(&self, row: &Row<'_>, out: &mut Vec<Placed>) {
        let keys = row.item.reasons.iter().map(|reason| width(&reason.key)).max().unwrap_or(0);
        let column = change::INDENT + keys.clamp(13, 24) + 2;
        for reason in &row.item.reasons {
            let place = reason.at.as_ref().map(placed);
            let columns = place.as_deref().map_or(0, width);
            let lines = if self.detail == Detail::Summary { MOST_LINES } else { usize::MAX };
            let room = Room { column, place: columns, lines };
            let lines = change::lines(&reason.key, &reason.from, &reason.to, room, self.style);
            let places = std::iter::once(place).chain(std::iter::repeat(None));
            out.extend(lines.into_iter().zip(places));
        }
        if row.members > 1 && !row.alike {
            let mut line = self.line(change::INDENT);
            line.put(Ink::Dim, &format!("of {}; the others in their own way", row.item.address));
            out.push((line, None));
        }
    }
}

/// Puts a text into what is left of a line, and returns the lines that it goes on in.
fn wrapped(line: &mut Line, ink: Ink, text: &str, style: Style) -> Vec<Line> {
    let column = line.used();
    let mut parts = wrap(text, line.room()).into_iter();
    line.put(ink, &parts.next().unwrap_or_default());
    let below = |text: String| {
        let mut line = Line::new(style, column);
        line.put(ink, &text);
        line
    };
    parts.map(below).collect()
}

/// A value in a few words: a map by its size, a file of the project by its path.
fn briefly(value: &Value, style: Style) -> String {
    match value {
        Value::Map(tree) => match (tree.get(PATH), tree.get(CONTENT)) {
            (Some(path), Some(_)) if tree.len() == 2 => shown(path),
            _ if width(&shown(value)) <= LONGEST_VALUE => shown(value),
            _ => format!("({})", counted(tree.len(), "key")),
        },
        // Of a path the end says more, of a command the beginning.
        Value::Text(_) | Value::Plain(_) => {
            cut_middle(&shown(value), LONGEST_VALUE, style).into_owned()
        }
        value => cut(&shown(value), LONGEST_VALUE, style).into_owned(),
    }
}

fn placed(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

fn sign(action: Action) -> Sign {
    match action {
        Action::Create => Sign::Create,
        Action::Update => Sign::Update,
        Action::Replace { .. } => Sign::Replace,
        Action::Delete => Sign::Delete,
        Action::Forget => Sign::Forget,
        Action::Remember => Sign::Remember,
    }
}

fn infinitive(action: Action) -> &'static str {
    match action {
        Action::Create => "to create",
        Action::Update => "to update",
        Action::Replace { .. } => "to replace",
        Action::Delete => "to destroy",
        Action::Forget => "to forget",
        Action::Remember => "to remember",
    }
}

/// What happens to it in words, and what a person should know beside.
fn why(item: &Item) -> Vec<String> {
    let note = item.note.clone();
    match item.action {
        Action::Create | Action::Update | Action::Remember => note.into_iter().collect(),
        Action::Replace { order, sure } => replaced(item, order, sure),
        Action::Delete => std::iter::once("destroyed".to_owned()).chain(note).collect(),
        Action::Forget => {
            let stays = "stays, and is no longer looked after".to_owned();
            std::iter::once(stays).chain(note).collect()
        }
    }
}

fn replaced(item: &Item, order: Order, sure: bool) -> Vec<String> {
    let forcing = item.reasons.iter().filter(|reason| reason.forces);
    let keys: Vec<&str> = forcing.map(|reason| reason.key.as_str()).collect();
    let note = item.note.as_deref();
    let because = match (&keys[..], note) {
        ([], Some(note)) => format!("replaced: {note}"),
        ([], None) => "replaced".to_owned(),
        (keys, _) if sure => format!("replaced: {} changed", keys.join(", ")),
        _ => "replaced if it must".to_owned(),
    };
    let order = match order {
        Order::CreateFirst => "create first",
        Order::DestroyFirst => "destroy first",
    };
    let note = note.filter(|_| !keys.is_empty()).map(str::to_owned);
    [Some(because), Some(order.to_owned()), note].into_iter().flatten().collect()
}
