//! Which of the runs that wait begin now. It looks at nothing but what it is handed.

use std::collections::{BTreeMap, BTreeSet};

use runtime::store::Millis;

use crate::records::{QueuedRun, State};

/// Returns the runs that begin now: one of a repository at once, the oldest first, and repositories in
/// turn: who has waited longest since its last one began comes first.
pub(crate) fn choose<'r>(
    open: &'r [QueuedRun],
    busy: &BTreeSet<String>,
    begun: &BTreeMap<String, Millis>,
    places: usize,
) -> Vec<&'r QueuedRun> {
    let mut first: BTreeMap<&str, &QueuedRun> = BTreeMap::new();
    for run in open.iter().filter(|run| run.state == State::Waiting) {
        if !busy.contains(&run.repository) {
            first.entry(&run.repository).or_insert(run);
        }
    }
    let mut chosen: Vec<&QueuedRun> = first.into_values().collect();
    chosen.sort_by_key(|run| (begun.get(&run.repository).copied().unwrap_or(0), run.id));
    chosen.truncate(places);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(id: u64, repository: &str) -> QueuedRun {
        QueuedRun {
            id,
            repository: repository.to_owned(),
            pipeline: "p".to_owned(),
            file: "pipelines/p.yml".to_owned(),
            cause: runtime::store::Cause::default(),
            parameters: BTreeMap::new(),
            grouped: None,
            state: State::Waiting,
            verdict: None,
            message: None,
            project_run: None,
            course: None,
            of: None,
            cancel: None,
            queued: 0,
            started: None,
            ended: None,
        }
    }

    fn ids(chosen: Vec<&QueuedRun>) -> Vec<u64> {
        chosen.into_iter().map(|run| run.id).collect()
    }

    #[test]
    fn repositories_take_turns_whoever_pushes_most() {
        let mut open: Vec<QueuedRun> = (1..=5).map(|id| waiting(id, "busy")).collect();
        open.push(waiting(6, "quiet"));
        let begun = BTreeMap::from([("busy".to_owned(), 10), ("quiet".to_owned(), 5)]);
        assert_eq!(ids(choose(&open, &BTreeSet::new(), &begun, 1)), [6]);
        assert_eq!(ids(choose(&open, &BTreeSet::new(), &begun, 4)), [6, 1]);
        let busy = BTreeSet::from(["quiet".to_owned()]);
        assert_eq!(ids(choose(&open, &busy, &begun, 4)), [1]);
        assert_eq!(ids(choose(&open, &busy, &begun, 0)), [0; 0]);
    }

    #[test]
    fn what_runs_or_waits_for_people_is_not_begun() {
        let mut open = vec![waiting(1, "shop"), waiting(2, "shop")];
        open[0].state = State::Approval;
        assert_eq!(ids(choose(&open, &BTreeSet::new(), &BTreeMap::new(), 2)), [2]);
    }
}
