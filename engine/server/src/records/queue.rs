//! The queue: what was asked for, in the order in which it was asked.
//!
//! Whatever belongs together is written in one transaction: that a commit was seen, and its runs.

use std::collections::BTreeMap;

use runtime::store::Millis;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::row::{COLUMNS, Grouped, QueuedRun, State, Verdict};
use crate::house::Wanted;

/// A branch that points to another commit than before.
pub(crate) struct Moved<'m> {
    /// The repository.
    pub(crate) repository: &'m str,
    /// The reference, such as `refs/heads/main`.
    pub(crate) reference: &'m str,
    /// The commit.
    pub(crate) hash: &'m str,
    /// The commit that the branch was seen at when it was decided what is wanted.
    pub(crate) after: Option<&'m str>,
    /// A newer one was seen before it: the branch stays where it was seen.
    pub(crate) is_late: bool,
}

/// Notes that a branch points to a commit, and queues its runs, once. Returns their numbers, also when
/// it was noted before. None: the branch was seen elsewhere meanwhile, and it has to be decided again.
pub(crate) fn arrive(
    connection: &mut Connection,
    moved: &Moved<'_>,
    wanted: &[Wanted],
    now: Millis,
) -> rusqlite::Result<Option<Vec<u64>>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Moved { repository, reference, hash, after, is_late } = moved;
    let seen = "SELECT hash, first, last FROM seen WHERE repository = ?1 AND reference = ?2";
    let seen = transaction.query_row(seen, [repository, reference], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?, row.get::<_, u64>(2)?))
    });
    let seen = seen.optional()?;
    if let Some((at, first, last)) = &seen
        && at == hash
    {
        let ids = "SELECT id FROM run WHERE repository = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id";
        let mut ids = transaction.prepare(ids)?;
        let ids = ids.query_map(params![repository, first, last], |row| row.get(0))?;
        return ids.collect::<rusqlite::Result<_>>().map(Some);
    }
    if seen.as_ref().map(|(at, ..)| at.as_str()) != *after {
        return Ok(None);
    }
    if *is_late {
        let mut ids = known_of(&transaction, wanted)?;
        if ids.is_empty() {
            for one in wanted {
                ids.push(insert(&transaction, one, now)?);
            }
            transaction.commit()?;
        }
        return Ok(Some(ids));
    }
    let mut ids = Vec::new();
    for one in wanted {
        ids.push(insert(&transaction, one, now)?);
    }
    let (first, last) = (ids.first().copied().unwrap_or(1), ids.last().copied().unwrap_or(0));
    transaction.execute(
        "REPLACE INTO seen (repository, reference, hash, first, last) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![repository, reference, hash, first, last],
    )?;
    transaction.commit()?;
    Ok(Some(ids))
}

/// Runs of a commit that came late, if it is told of once more.
fn known_of(transaction: &Transaction<'_>, wanted: &[Wanted]) -> rusqlite::Result<Vec<u64>> {
    let Some(Wanted { repository, cause, .. }) = wanted.first() else { return Ok(Vec::new()) };
    let mut known = transaction.prepare(
        "SELECT id FROM run WHERE repository = ?1 AND cause ->> 'commit' = ?2
         AND cause ->> 'branch' = ?3 AND cause ->> 'by' = ?4 ORDER BY id",
    )?;
    let names = [repository, &cause.commit, &cause.branch, &cause.by];
    known.query_map(names, |row| row.get(0))?.collect()
}

/// Returns the newest run of a branch that stands for a pipeline or leaves out others of its group: its
/// number and commit, where that is another one.
pub(crate) fn newest_like(
    connection: &mut Connection,
    wanted: &Wanted,
) -> rusqlite::Result<Option<(u64, String)>> {
    let newest = "SELECT id, cause ->> 'commit' FROM run WHERE repository = ?1
         AND cause ->> 'branch' = ?2 AND cause ->> 'commit' <> ?3
         AND (verdict IS NULL OR verdict <> 'superseded')
         AND (pipeline = ?4 OR (grouped ->> 'group' = ?5 AND grouped ->> 'keeps_newest'))
         ORDER BY id DESC LIMIT 1";
    let Wanted { repository, pipeline, cause, grouped, .. } = wanted;
    let group = grouped.as_ref().map(|grouped| &grouped.group);
    let names = params![repository, cause.branch, cause.commit, pipeline, group];
    connection.query_row(newest, names, |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Forgets a branch that is gone.
pub(crate) fn forget(
    connection: &mut Connection,
    repository: &str,
    reference: &str,
) -> rusqlite::Result<()> {
    let forget = "DELETE FROM seen WHERE repository = ?1 AND reference = ?2";
    connection.execute(forget, [repository, reference]).map(|_| ())
}

/// Returns which commit each branch of a repository was last seen at.
pub(crate) fn seen(
    connection: &mut Connection,
    repository: &str,
) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut seen = connection.prepare("SELECT reference, hash FROM seen WHERE repository = ?1")?;
    seen.query_map([repository], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Queues one run.
pub(crate) fn enqueue(
    connection: &mut Connection,
    wanted: &Wanted,
    now: Millis,
) -> rusqlite::Result<u64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let id = insert(&transaction, wanted, now)?;
    transaction.commit()?;
    Ok(id)
}

/// Queues a run within a transaction.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    wanted: &Wanted,
    now: Millis,
) -> rusqlite::Result<u64> {
    let over = wanted.superseded.as_ref().map(|_| now);
    transaction.execute(
        "INSERT INTO run (repository, file, pipeline, cause, parameters, grouped, course, of, state, queued,
         verdict, message, ended)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, iif(?10 IS NULL, 'waiting', 'ended'), ?9,
         iif(?10 IS NULL, NULL, 'superseded'), ?10, ?11)",
        params![
            wanted.repository,
            wanted.file,
            wanted.pipeline,
            json(&wanted.cause),
            json(&wanted.parameters),
            wanted.grouped.as_ref().map(json),
            wanted.course,
            wanted.of,
            now,
            wanted.superseded,
            over
        ],
    )?;
    let id = transaction.last_insert_rowid().cast_unsigned();
    if let (Some(grouped), None) = (&wanted.grouped, &wanted.superseded) {
        make_way(transaction, wanted, grouped, id, now)?;
    }
    Ok(id)
}

/// What becomes of the others of its group.
fn make_way(
    transaction: &Transaction<'_>,
    wanted: &Wanted,
    grouped: &Grouped,
    id: u64,
    now: Millis,
) -> rusqlite::Result<()> {
    let by = is_newer(id);
    let others = "repository = ?1 AND grouped ->> 'group' = ?2 AND id < ?3";
    if grouped.keeps_newest {
        let leave_out = format!(
            "UPDATE run SET state = 'ended', verdict = ?4, message = ?5, ended = ?6
             WHERE {others} AND state IN ('waiting', 'approval')"
        );
        let word = Verdict::Superseded.word();
        transaction
            .execute(&leave_out, params![wanted.repository, grouped.group, id, word, by, now])?;
    }
    if grouped.ends_running {
        let end = format!(
            "UPDATE run SET cancel = coalesce(cancel, ?4) WHERE {others} AND state = 'running'"
        );
        transaction.execute(&end, params![wanted.repository, grouped.group, id, by])?;
    }
    Ok(())
}

/// Returns one run.
pub(crate) fn run(connection: &mut Connection, id: u64) -> rusqlite::Result<Option<QueuedRun>> {
    let query = format!("SELECT {COLUMNS} FROM run WHERE id = ?1");
    connection.query_row(&query, [id], QueuedRun::of_row).optional()
}

/// Returns runs that are not over, in their order.
pub(crate) fn open(connection: &mut Connection) -> rusqlite::Result<Vec<QueuedRun>> {
    let query = format!("SELECT {COLUMNS} FROM run WHERE state <> 'ended' ORDER BY id");
    connection.prepare_cached(&query)?.query_map([], QueuedRun::of_row)?.collect()
}

/// Returns runs, newest first: of one repository or of all, older than one or all.
pub(crate) fn list(
    connection: &mut Connection,
    repository: Option<&str>,
    before: Option<u64>,
    most: usize,
) -> rusqlite::Result<Vec<QueuedRun>> {
    let query = format!(
        "SELECT {COLUMNS} FROM run WHERE (?1 IS NULL OR repository = ?1)
         AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
    );
    let mut query = connection.prepare_cached(&query)?;
    query.query_map(params![repository, before, most as u64], QueuedRun::of_row)?.collect()
}

/// When each repository of which a run waits had one begun last. Looks at few runs, however many there are:
/// those since the last that was begun.
pub(crate) fn begun(
    connection: &mut Connection,
    open: &[QueuedRun],
) -> rusqlite::Result<BTreeMap<String, Millis>> {
    let mut last = connection.prepare_cached(
        "SELECT started FROM run WHERE repository = ?1 AND started IS NOT NULL ORDER BY id DESC LIMIT 1",
    )?;
    let mut begun = BTreeMap::new();
    for run in open.iter().filter(|run| run.state == State::Waiting) {
        if !begun.contains_key(&run.repository)
            && let Some(started) = last.query_row([&run.repository], |row| row.get(0)).optional()?
        {
            begun.insert(run.repository.clone(), started);
        }
    }
    Ok(begun)
}

/// Notes that a run is begun, or gone on with. Returns whether it is: it may have ended while its turn
/// came.
pub(crate) fn begin(connection: &mut Connection, id: u64, now: Millis) -> rusqlite::Result<bool> {
    let begin = "UPDATE run SET state = 'running', started = coalesce(started, ?2)
                 WHERE id = ?1 AND state IN ('waiting', 'running')";
    connection.execute(begin, params![id, now]).map(|begun| begun > 0)
}

/// Notes which run of its project it is.
pub(crate) fn known_as(connection: &mut Connection, id: u64, run: u64) -> rusqlite::Result<()> {
    connection.execute("UPDATE run SET project_run = ?2 WHERE id = ?1", [id, run]).map(|_| ())
}

/// Notes that a run waits until somebody approves; one whose end was asked for meanwhile, or whose place a
/// newer one of its group takes, ends.
pub(crate) fn approval(connection: &mut Connection, id: u64, now: Millis) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let ended =
        "UPDATE run SET state = 'ended', verdict = 'cancelled', message = cancel, ended = ?2
                 WHERE id = ?1 AND state = 'running' AND cancel IS NOT NULL";
    transaction.execute(ended, params![id, now])?;
    let newer = "SELECT newer.id FROM run AS own, run AS newer WHERE own.id = ?1 AND newer.id > own.id
         AND newer.repository = own.repository AND newer.grouped ->> 'group' = own.grouped ->> 'group'
         AND newer.grouped ->> 'keeps_newest'
         AND (newer.verdict IS NULL OR newer.verdict NOT IN ('superseded', 'cancelled'))
         ORDER BY newer.id DESC LIMIT 1";
    if let Some(newer) = transaction.query_row(newer, [id], |row| row.get(0)).optional()? {
        let left_out =
            "UPDATE run SET state = 'ended', verdict = 'superseded', message = ?2, ended = ?3
                        WHERE id = ?1 AND state = 'running'";
        transaction.execute(left_out, params![id, is_newer(newer), now])?;
    }
    let waits = "UPDATE run SET state = 'approval' WHERE id = ?1 AND state = 'running'";
    transaction.execute(waits, [id])?;
    transaction.commit()
}

/// Why a run is left out.
fn is_newer(newer: u64) -> String {
    format!("run {newer} is newer")
}

/// Puts a run that was approved back into the queue.
pub(crate) fn again(connection: &mut Connection, id: u64) -> rusqlite::Result<()> {
    let again = "UPDATE run SET state = 'waiting' WHERE id = ?1 AND state = 'approval'";
    connection.execute(again, [id]).map(|_| ())
}

/// Notes how a run ended.
pub(crate) fn end(
    connection: &mut Connection,
    id: u64,
    verdict: Verdict,
    message: Option<&str>,
    now: Millis,
) -> rusqlite::Result<()> {
    let end = "UPDATE run SET state = 'ended', verdict = ?2, message = ?3, ended = ?4
               WHERE id = ?1 AND state <> 'ended'";
    connection.execute(end, params![id, verdict.word(), message, now]).map(|_| ())
}

/// Notes that somebody asked for the end of a run. One that waits ends at once.
pub(crate) fn cancel(
    connection: &mut Connection,
    id: u64,
    why: &str,
    now: Millis,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let asked = "UPDATE run SET cancel = coalesce(cancel, ?2) WHERE id = ?1 AND state <> 'ended'";
    transaction.execute(asked, params![id, why])?;
    let ended = "UPDATE run SET state = 'ended', verdict = 'cancelled', message = ?2, ended = ?3
                 WHERE id = ?1 AND state IN ('waiting', 'approval')";
    transaction.execute(ended, params![id, why, now])?;
    transaction.commit()
}

/// Fails where the queue cannot be read.
pub(crate) fn is_readable(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM (SELECT id FROM run LIMIT 1)", [], |_| Ok(()))
}

/// How many runs there are, by state or verdict, and how long those that ended took in all, in
/// milliseconds.
pub(crate) fn counts(
    connection: &mut Connection,
) -> rusqlite::Result<Vec<(String, String, u64, u64)>> {
    let mut counts = connection.prepare_cached(
        "SELECT repository, CASE state WHEN 'ended' THEN verdict ELSE state END AS word, count(*),
         coalesce(sum(ended - started), 0) FROM run GROUP BY repository, word",
    )?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    counts.query_map([], row)?.collect()
}

/// What is kept as JSON: texts and maps of texts, which always can be.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
