//! Which runs are kept, and which have had their time: one rule, for what a project remembers and for
//! the queue of a server.
//!
//! Pure. It must not know where any of it is kept.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::store::Millis;

/// Runs that a server begins find this in their environment, and leave it to the server to forget.
pub const SERVED: &str = "WINDLASS_SERVER_RUN";

/// What is kept at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// So many of each line, the newest.
    pub runs: usize,
    /// Whatever ended within so many milliseconds.
    pub younger: Millis,
}

/// What the rule looks at in a run.
#[derive(Clone, Debug)]
pub struct Known<'r> {
    /// Its number.
    pub id: u64,
    /// Those of one line are counted together: a stack, a pipeline.
    pub line: &'r str,
    /// The newest of each branch of a line is kept.
    pub branch: Option<&'r str>,
    /// When it ended.
    pub at: Millis,
    /// It has no end, or somebody needs it for another reason.
    pub stays: bool,
    /// The run of which it does a part again.
    pub again: Option<u64>,
    /// The run that started it as one of its steps.
    pub parent: Option<u64>,
}

/// Returns the runs that have had their time, oldest first. They are handed in newest first.
pub fn old(keep: &Keep, newest_first: &[Known<'_>], now: Millis) -> Vec<u64> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut branches: HashSet<(&str, &str)> = HashSet::new();
    let mut kept = BTreeSet::new();
    for run in newest_first {
        let count = counts.entry(run.line).or_default();
        *count += 1;
        let is_newest = run.branch.is_some_and(|branch| branches.insert((run.line, branch)));
        let is_young = now.saturating_sub(run.at) < keep.younger;
        if run.stays || *count <= keep.runs || is_newest || is_young {
            kept.insert(run.id);
        }
    }
    add_what_they_need(&mut kept, newest_first);
    let old = newest_first.iter().rev().map(|run| run.id);
    old.filter(|id| !kept.contains(id)).collect()
}

/// A run that does a part of another again shows what that one did, and takes what it and those between
/// them have made; a run that starts others shows them.
fn add_what_they_need(kept: &mut BTreeSet<u64>, all: &[Known<'_>]) {
    let (mut first, mut parts, mut children) =
        (HashMap::new(), HashMap::<u64, Vec<u64>>::new(), HashMap::<u64, Vec<u64>>::new());
    for run in all {
        if let Some(again) = run.again {
            first.insert(run.id, again);
            parts.entry(again).or_insert_with(|| vec![again]).push(run.id);
        }
        if let Some(parent) = run.parent {
            children.entry(parent).or_default().push(run.id);
        }
    }
    let mut wanted: Vec<u64> = kept.iter().copied().collect();
    while let Some(id) = wanted.pop() {
        let earlier = first.get(&id).and_then(|first| parts.get(first)).into_iter().flatten();
        let earlier = earlier.filter(|part| **part < id);
        for &needed in earlier.chain(children.get(&id).into_iter().flatten()) {
            if kept.insert(needed) {
                wanted.push(needed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: u64, line: &'static str) -> Known<'static> {
        let at = id * 10;
        Known { id, line, branch: None, at, stays: false, again: None, parent: None }
    }

    fn old_of(keep: Keep, mut runs: Vec<Known<'_>>) -> Vec<u64> {
        runs.sort_by_key(|run| std::cmp::Reverse(run.id));
        old(&keep, &runs, 100)
    }

    const TWO: Keep = Keep { runs: 2, younger: 0 };

    #[test]
    fn the_last_of_each_line_are_kept_and_whatever_is_young() {
        let mut runs: Vec<_> = (2..=9).map(|id| run(id, "busy")).collect();
        runs.push(run(1, "quiet"));
        assert_eq!(old_of(TWO, runs.clone()), [2, 3, 4, 5, 6, 7]);
        assert_eq!(old_of(Keep { younger: 50, ..TWO }, runs), [2, 3, 4, 5]);
    }

    #[test]
    fn what_has_no_end_stays_and_so_does_the_newest_of_each_branch() {
        let mut runs: Vec<_> = (1..=6).map(|id| run(id, "test")).collect();
        runs[0].stays = true;
        for (at, branch) in [(1, "idea"), (2, "idea"), (3, "main"), (5, "main")] {
            runs[at].branch = Some(branch);
        }
        assert_eq!(old_of(TWO, runs), [2, 4]);
    }

    #[test]
    fn what_a_kept_run_does_a_part_of_again_stays_with_all_between_and_what_they_started() {
        let mut runs: Vec<_> = (1..=9).map(|id| run(id, "test")).collect();
        // The newest but one does a part of the third again, as the fifth did.
        (runs[4].again, runs[7].again) = (Some(3), Some(3));
        // A later part of the same is none of its business, nor is a part of something old.
        runs[1].again = Some(1);
        runs.extend([
            Known { parent: Some(5), ..run(10, "shop") },
            Known { parent: Some(4), ..run(11, "shop") },
        ]);
        runs.extend([run(12, "shop"), run(13, "shop")]);
        assert_eq!(old_of(TWO, runs), [1, 2, 4, 6, 7, 11]);
    }
}
