//! Which lines a plan has: one for each resource, or one for many alike.
//!
//! Nothing here looks at one resource for each other one: ten thousand are one pass. It must not draw.

use std::collections::HashMap;

use model::Order;
use model::address::block_of;
use model::plan::{Action, Item};

use super::Detail;

/// Fewer members of a repeated block than this each have a line of their own.
const FEW: usize = 4;
/// Up to so many lines nothing is left out.
const MOST: usize = 60;
/// Of more, so many of each action are shown.
const FIRST: usize = 15;

/// One line of a plan.
pub(super) struct Row<'p> {
    /// The resource, or the first of those that it stands for.
    pub(super) item: &'p Item,
    /// How many it stands for.
    pub(super) members: usize,
    /// How they are called: `worker[0…699]`; the address if it is one.
    pub(super) name: String,
    /// All of them change in the same way, to the same values.
    pub(super) alike: bool,
}

/// The lines of a plan, and how many are left out by action.
pub(super) struct Rows<'p> {
    pub(super) shown: Vec<Row<'p>>,
    pub(super) left_out: Vec<(Action, usize)>,
}

/// Returns the lines of a plan.
pub(super) fn rows<'p>(items: &[&'p Item], detail: Detail, dots: &str) -> Rows<'p> {
    if detail != Detail::Summary {
        let shown = items.iter().map(|item| Row::of(&[*item], dots)).collect();
        return Rows { shown, left_out: Vec::new() };
    }
    let rows = grouped(items).into_iter().flat_map(|group| match group.len() {
        0..FEW => group.into_iter().map(|item| Row::of(&[item], dots)).collect(),
        _ => vec![Row::of(&group, dots)],
    });
    first_of_each(rows.collect())
}

/// What members of a repeated block have in common when they are told as one.
#[derive(PartialEq, Eq, Hash)]
struct Likeness<'p> {
    block: &'p str,
    kind: &'p str,
    action: u8,
    note: Option<&'p str>,
    keys: Vec<&'p str>,
}

fn grouped<'p>(items: &[&'p Item]) -> Vec<Vec<&'p Item>> {
    let mut groups: Vec<Vec<&Item>> = Vec::new();
    let mut places: HashMap<Likeness<'_>, usize> = HashMap::new();
    for &item in items {
        if !item.address.ends_with(']') {
            groups.push(vec![item]);
            continue;
        }
        let likeness = Likeness {
            block: block_of(&item.address),
            kind: &item.kind,
            action: rank(item.action),
            note: item.note.as_deref(),
            keys: item.reasons.iter().map(|reason| reason.key.as_str()).collect(),
        };
        let place = *places.entry(likeness).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(item);
    }
    groups
}

fn first_of_each(rows: Vec<Row<'_>>) -> Rows<'_> {
    if rows.len() <= MOST {
        return Rows { shown: rows, left_out: Vec::new() };
    }
    let mut counts: HashMap<u8, usize> = HashMap::new();
    let mut left_out: Vec<(Action, usize)> = Vec::new();
    let mut shown = Vec::new();
    for row in rows {
        let count = counts.entry(rank(row.item.action)).or_default();
        *count += 1;
        if *count <= FIRST {
            shown.push(row);
            continue;
        }
        match left_out.iter_mut().find(|(action, _)| rank(*action) == rank(row.item.action)) {
            Some((_, count)) => *count += row.members,
            None => left_out.push((row.item.action, row.members)),
        }
    }
    shown.sort_by_key(|row| rank(row.item.action));
    left_out.sort_by_key(|(action, _)| rank(*action));
    Rows { shown, left_out }
}

/// Replacements of both orders count as one action.
fn rank(action: Action) -> u8 {
    match action {
        Action::Create => 0,
        Action::Update => 1,
        Action::Replace { order: Order::CreateFirst | Order::DestroyFirst, .. } => 2,
        Action::Delete => 3,
        Action::Forget => 4,
        Action::Remember => 5,
    }
}

impl<'p> Row<'p> {
    fn of(group: &[&'p Item], dots: &str) -> Self {
        let item = group[0];
        let name = if group.len() == 1 { item.address.clone() } else { named(group, dots) };
        let same = |other: &&Item| {
            other.reasons.iter().zip(&item.reasons).all(|(a, b)| a.to == b.to && a.from == b.from)
        };
        Self { item, members: group.len(), name, alike: group.iter().all(same) }
    }
}

/// `worker[0…699]` where the numbers have no gap, else `worker[…]`.
fn named(group: &[&Item], dots: &str) -> String {
    let block = block_of(&group[0].address);
    let index = |item: &&Item| -> Option<usize> {
        item.address.strip_prefix(block)?.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
    };
    let numbers: Option<Vec<usize>> = group.iter().map(index).collect();
    let span = numbers.and_then(|numbers| {
        let (least, most) = (numbers.iter().min()?, numbers.iter().max()?);
        (most - least + 1 == numbers.len()).then(|| format!("{block}[{least}{dots}{most}]"))
    });
    span.unwrap_or_else(|| format!("{block}[{dots}]"))
}
