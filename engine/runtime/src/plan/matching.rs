//! Which row of the state belongs to which resource of the file.
//!
//! It must not look into either.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::file::stack::Moved;
use model::record::Row;

use super::State;
use crate::stack::Stack;

/// By resource: its row, under which key it stands. And rows that belong to none.
pub(super) type Matched<'a> = (Vec<Option<(&'a str, &'a Row)>>, Vec<(&'a str, &'a Row)>);

/// Merges the addresses of the file with those of the state, both sorted; `moved` gives rows a new name.
pub(super) fn matched<'a>(stack: &Stack<'_>, state: &'a State) -> Matched<'a> {
    let moved = moved(stack, state);
    let mut rows: Vec<(&str, &'a str, &'a Row)> = (state.rows.iter())
        .map(|(key, row)| {
            (moved.get(key.as_str()).map_or(key.as_str(), String::as_str), key.as_str(), row)
        })
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

/// What becomes of the name `address` if what is called `name` is now called `new`: the name of a block
/// stands for all that it makes.
fn renamed(address: &str, Moved { from, to }: &Moved) -> Option<String> {
    covers(from, address).then(|| format!("{to}{}", &address[from.len()..]))
}

/// Returns whether a name in a file means this address: the address itself, or its block.
pub(super) fn covers(name: &str, address: &str) -> bool {
    // What a replacement left behind ends with its generation, and is nobody's instance.
    address
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('[') && rest.ends_with(']'))
}

/// New names by old ones, for rows whose name stands no longer in the file while the new one does.
fn moved<'a>(stack: &Stack<'_>, state: &'a State) -> HashMap<&'a str, String> {
    if stack.moved.is_empty() {
        return HashMap::new();
    }
    let addresses = stack.resources.iter().map(|resource| resource.address.as_str());
    let wanted: BTreeSet<&str> = addresses.collect();
    let mut taken = HashSet::new();
    let mut moved = HashMap::new();
    for key in state.rows.keys().filter(|key| !wanted.contains(key.as_str())) {
        let Some(new) = destination(key, &stack.moved, &wanted) else { continue };
        if !state.rows.contains_key(new.as_str()) && taken.insert(new.clone()) {
            moved.insert(key.as_str(), new);
        }
    }
    moved
}

/// Where a name leads, perhaps by way of others; None: to nothing in the file.
fn destination(key: &str, moved: &[Moved], wanted: &BTreeSet<&str>) -> Option<String> {
    let mut name = key.to_owned();
    for _ in moved {
        let own = moved.iter().find(|moved| moved.from == name);
        let own = own.and_then(|moved| renamed(&name, moved));
        name = own.or_else(|| moved.iter().find_map(|moved| renamed(&name, moved)))?;
        if wanted.contains(name.as_str()) {
            return Some(name);
        }
    }
    None
}
