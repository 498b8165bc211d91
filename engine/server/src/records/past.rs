//! Runs of the queue that are over, and forgetting those that have had their time.
//!
//! It must not decide which those are: one rule does, for projects and for servers.

use std::collections::BTreeSet;

use runtime::keep::{Keep, Known, old};
use runtime::store::{Millis, RunId};
use rusqlite::{Connection, TransactionBehavior, params};

/// What the queue of a repository can do without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// Runs that go, oldest first.
    pub(crate) old: Vec<u64>,
    /// Runs of its project that those that stay tell of.
    pub(crate) needed: BTreeSet<RunId>,
}

struct Row {
    id: u64,
    pipeline: String,
    /// None: it is gone.
    branch: Option<String>,
    /// None: the run is not over, or somebody is still to be told of it.
    ended: Option<Millis>,
    of: Option<u64>,
    project_run: Option<u64>,
}

/// All runs of a repository, newest first. A branch is there as long as it is seen; what is to be told of a
/// run to a provider is tried for a while.
const ROWS: &str = "
    SELECT run.id, pipeline, seen.reference, iif(state = 'ended' AND NOT EXISTS (
        SELECT 1 FROM status WHERE status.run = run.id AND queued > ?2
        AND (told IS NULL OR told <> 'ended ' || verdict)
    ), ended, NULL), of, project_run
    FROM run LEFT JOIN seen ON seen.repository = run.repository
        AND seen.reference = 'refs/heads/' || (cause ->> 'branch')
    WHERE run.repository = ?1 ORDER BY run.id DESC";

/// Returns what a repository can do without. After `told` nobody is told of a run any more.
pub(crate) fn past(
    connection: &mut Connection,
    repository: &str,
    keep: &Keep,
    told: Millis,
    now: Millis,
) -> rusqlite::Result<Past> {
    let mut rows = connection.prepare_cached(ROWS)?;
    let rows = rows.query_map(params![repository, now.saturating_sub(told)], |row| {
        Ok(Row {
            id: row.get(0)?,
            pipeline: row.get(1)?,
            branch: row.get(2)?,
            ended: row.get(3)?,
            of: row.get(4)?,
            project_run: row.get(5)?,
        })
    });
    let rows: Vec<Row> = rows?.collect::<rusqlite::Result<_>>()?;
    let known = rows.iter().map(|row| Known {
        id: row.id,
        line: &row.pipeline,
        branch: row.branch.as_deref(),
        at: row.ended.unwrap_or(now),
        stays: row.ended.is_none(),
        again: row.of,
        parent: None,
    });
    let old = old(keep, &known.collect::<Vec<_>>(), now);
    let goes: BTreeSet<u64> = old.iter().copied().collect();
    let stay = rows.iter().filter(|row| !goes.contains(&row.id));
    let needed = stay.filter_map(|row| row.project_run.map(RunId)).collect();
    Ok(Past { old, needed })
}

/// Forgets runs that are over, and what was told of them.
pub(crate) fn forget(connection: &mut Connection, runs: &[u64]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for run in runs {
        let over = "DELETE FROM run WHERE id = ?1 AND state = 'ended'";
        if transaction.execute(over, [run])? > 0 {
            transaction.execute("DELETE FROM status WHERE run = ?1", [run])?;
        }
    }
    transaction.commit()
}
