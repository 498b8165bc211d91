//! Forgetting what old runs did and wrote: their events, their logs, and what they made for later steps.
//!
//! The state, what is in doubt and leases stay as they are, and so does the run itself, as a line: its
//! number, its cause and its plan are never used again. Logs go before events, so that a run whose
//! logs went and whose events are there is done again.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::spawn_blocking;

use super::{Engine, Problem};
use crate::keep::{Keep, Known, SERVED, old};
use crate::log::folder;
use crate::pipeline::{Sweep, sweep};
use crate::store::{Run, RunId};

/// Of so many runs of a stack or pipeline everything is kept, where no server says otherwise.
pub const KEPT_RUNS: usize = 100;

/// So many runs are forgotten at once: whoever writes beside it waits for one such step.
const AT_ONCE: usize = 10;

/// What was forgotten, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The runs, oldest first.
    pub runs: Vec<Run>,
    /// How many bytes their logs took, and what they made.
    pub bytes: u64,
}

impl Engine {
    /// Forgets runs that have had their time. `needed` are those that somebody who starts runs needs; who
    /// is not told keeps the newest of each branch.
    ///
    /// # Errors
    /// The store cannot be read or written, or a log cannot be removed.
    pub async fn prune(
        &self,
        keep: Keep,
        needed: Option<BTreeSet<RunId>>,
        dry_run: bool,
    ) -> Result<Pruned, Problem> {
        let engine = self.clone();
        let runs = blocking(move || engine.old_runs(&keep, needed.as_ref())).await??;
        let ids: BTreeSet<RunId> = runs.iter().map(|run| run.id).collect();
        let mut bytes = 0;
        for some in runs.chunks(AT_ONCE) {
            let ids: Vec<RunId> = some.iter().map(|run| run.id).collect();
            let (home, logs) = (self.project.home.clone(), ids.clone());
            bytes += blocking(move || remove_logs(&home, &logs, dry_run)).await??;
            if !dry_run {
                self.store.prune(ids).await?;
            }
        }
        let engine = self.clone();
        bytes += blocking(move || engine.sweep(&ids, dry_run)).await??;
        Ok(Pruned { runs, bytes })
    }

    fn old_runs(&self, keep: &Keep, needed: Option<&BTreeSet<RunId>>) -> Result<Vec<Run>, Problem> {
        // What is in doubt is asked for last: a run that leaves something in doubt has no end before.
        let runs = self.store.unpruned()?;
        let doubts = self.store.in_doubt()?;
        let lines: Vec<String> = runs.iter().map(|run| run.kind.scope(&run.subject)).collect();
        let known = runs.iter().zip(&lines).map(|(run, line)| known(run, line, needed, &doubts));
        let known: Vec<Known<'_>> = known.collect();
        let old: BTreeSet<u64> = old(keep, &known, self.now()).into_iter().collect();
        Ok(runs.into_iter().rev().filter(|run| old.contains(&run.id.0)).collect())
    }

    /// A run that is at work may have kept an object long before it names it.
    fn sweep(&self, without: &BTreeSet<RunId>, dry_run: bool) -> Result<u64, Problem> {
        let mut since = SystemTime::now();
        for run in self.store.unpruned()?.iter().filter(|run| run.ended.is_none()) {
            if self.is_at_work(run)? {
                since = since.min(UNIX_EPOCH + Duration::from_millis(run.began));
            }
        }
        sweep(&self.project.home, &Sweep { without, since, dry_run }).map_err(|error| {
            let home = self.project.home.display();
            Problem::failed(format!("what old runs made in {home}/objects is not removed: {error}"))
                .help("see that its files are yours, and try again")
        })
    }

    /// Whether a server began this, which has a rule of its own and sees to it.
    pub(super) fn is_served(&self) -> bool {
        self.site.environment.contains_key(SERVED)
    }

    /// Forgets what the oldest runs of a stack or pipeline did and wrote. That it could not is no fault
    /// of the run that has just ended: the next one tries again.
    pub(super) async fn tidy(&self, scope: &str) {
        if self.is_served() {
            return;
        }
        let old = self.store.prunable(scope, KEPT_RUNS).unwrap_or_default();
        if old.is_empty() {
            return;
        }
        let again = self.store.runs_in(scope, KEPT_RUNS).unwrap_or_default();
        let again: BTreeSet<RunId> = again.iter().filter_map(|run| run.again).collect();
        let parts = again.iter().filter_map(|first| self.store.parts(*first).ok()).flatten();
        let needed: BTreeSet<RunId> = parts.map(|run| run.id).collect();
        let old: Vec<RunId> = old.into_iter().filter(|run| !needed.contains(run)).collect();
        if old.is_empty() {
            return;
        }
        let home = self.project.home.clone();
        let (from, logs) = (home.clone(), old.clone());
        if blocking(move || remove_logs(&from, &logs, false)).await.is_ok_and(|done| done.is_ok()) {
            _ = self.store.prune(old).await;
        }
        _ = blocking(move || sweep(&home, &Sweep::now())).await;
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    spawn_blocking(work).await.map_err(|error| Problem::failed(error.to_string()))
}

/// What the rule looks at in a run.
fn known<'r>(
    run: &'r Run,
    line: &'r str,
    needed: Option<&BTreeSet<RunId>>,
    doubts: &BTreeSet<RunId>,
) -> Known<'r> {
    let branch = run.cause.as_ref().map(|cause| &*cause.branch).filter(|name| !name.is_empty());
    let is_needed = needed.is_some_and(|needed| needed.contains(&run.id));
    Known {
        id: run.id.0,
        line,
        branch: branch.filter(|_| needed.is_none()),
        at: run.ended.unwrap_or(run.began),
        stays: run.ended.is_none() || doubts.contains(&run.id) || is_needed,
        again: run.again.map(|first| first.0),
        parent: run.parent.map(|parent| parent.0),
    }
}

/// Returns how many bytes they took.
fn remove_logs(home: &Path, runs: &[RunId], dry_run: bool) -> Result<u64, Problem> {
    let mut bytes = 0;
    for &run in runs {
        let folder = folder(home, run);
        let removed = || -> io::Result<u64> {
            let size = size(&folder)?;
            if !dry_run {
                fs::remove_dir_all(&folder)?;
            }
            Ok(size)
        };
        bytes += match removed() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            removed => removed.map_err(|error| {
                let folder = folder.display();
                Problem::failed(format!("the log of run {run} ({folder}) is not removed: {error}"))
                    .help("see that the folder and its files are yours, and try again")
            })?,
        };
    }
    Ok(bytes)
}

fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.metadata()?;
        bytes += if found.is_dir() { size(&entry.path())? } else { found.len() };
    }
    Ok(bytes)
}
