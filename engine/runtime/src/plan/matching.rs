//! Which row of the state belongs to which resource of the file.
//!
//! It must not look into either.

use std::collections::{BTreeSet, HashMap};

use model::record::Row;

use super::State;
use crate::stack::Stack;

/// By resource: its row, under which key it stands. And rows that belong to none.
pub(super) type Matched<'a> = (Vec<Option<(&'a str, &'a Row)>>, Vec<(&'a str, &'a Row)>);

/// Merges the addresses of the file with those of the state, both sorted; `moved` gives rows a new name.
pub(super) fn matched<'a>(stack: &Stack<'_>, state: &'a State) -> Matched<'a> {
    let wanted: BTreeSet<&str> = match stack.moved.is_empty() {
        true => BTreeSet::new(),
        false => stack.resources.iter().map(|resource| resource.address.as_str()).collect(),
    };
    let applies = |from: &str, to: &str| {
        state.rows.contains_key(from) && !state.rows.contains_key(to) && !wanted.contains(from)
    };
    let moved: HashMap<&str, &str> = (stack.moved.iter())
        .map(|moved| (moved.from.as_str(), moved.to.as_str()))
        .filter(|(from, to)| applies(from, to))
        .collect();
    let mut rows: Vec<(&str, &'a str, &'a Row)> = (state.rows.iter())
        .map(|(key, row)| (moved.get(key.as_str()).copied().unwrap_or(key), key.as_str(), row))
        .collect();
    if !moved.is_empty() {
        rows.sort_unstable_by_key(|(address, ..)| *address);
    }
    let mut sorted: Vec<usize> = (0..stack.resources.len()).collect();
    sorted.sort_by(|&a, &b| stack.resources[a].address.cmp(&stack.resources[b].address));
    let (mut found, mut orphans) = (vec![None; sorted.len()], Vec::new());
    let mut sorted = sorted.into_iter().peekable();
    for (address, key, row) in rows {
        while sorted.next_if(|&at| stack.resources[at].address.as_str() < address).is_some() {}
        match sorted.next_if(|&at| stack.resources[at].address == address) {
            Some(at) => found[at] = Some((key, row)),
            None => orphans.push((key, row)),
        }
    }
    (found, orphans)
}
