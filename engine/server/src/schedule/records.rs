//! Until when each schedule was seen to, and the runs that it starts: in one transaction, so that no time
//! starts two and none is lost.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::file::pipeline::Overlap;
use runtime::store::Millis;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::entry::Entry;
use crate::house::Wanted;
use crate::records::queue::insert;

/// What is known before anything is looked at.
pub(super) struct Known {
    /// Where branches are, by repository and reference.
    pub(super) heads: BTreeMap<(String, String), String>,
    /// Until when schedules were seen to, by repository, pipeline and name.
    pub(super) seen: BTreeMap<(String, String, String), Timestamp>,
}

/// Returns what is known, in one go.
pub(super) fn known(connection: &mut Connection) -> rusqlite::Result<Known> {
    let mut heads = connection.prepare_cached("SELECT repository, reference, hash FROM seen")?;
    let heads = heads.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    let heads = heads.collect::<rusqlite::Result<_>>()?;
    let mut seen =
        connection.prepare_cached("SELECT repository, pipeline, entry, last FROM schedule")?;
    let seen = seen.query_map([], |row| {
        let last = Timestamp::from_millisecond(row.get(3)?).unwrap_or_default();
        Ok(((row.get(0)?, row.get(1)?, row.get(2)?), last))
    })?;
    Ok(Known { heads, seen: seen.collect::<rusqlite::Result<_>>()? })
}

/// Notes until when a schedule was seen to, and queues what is due. Returns how many runs are new.
pub(super) fn fire(
    connection: &mut Connection,
    entry: &Entry,
    wanted: &[Wanted],
    until: Timestamp,
    now: Millis,
) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "REPLACE INTO schedule (repository, pipeline, entry, last) VALUES (?1, ?2, ?3, ?4)",
        params![entry.repository, entry.pipeline, entry.name, until.as_millisecond()],
    )?;
    let mut started = 0;
    for one in wanted {
        started += usize::from(start(&transaction, entry, one, now)?);
    }
    transaction.commit()?;
    Ok(started)
}

/// Queues a run, unless it is there already or may not be beside those that are.
fn start(
    transaction: &Transaction<'_>,
    entry: &Entry,
    wanted: &Wanted,
    now: Millis,
) -> rusqlite::Result<bool> {
    let known = "SELECT 1 FROM run WHERE repository = ?1 AND cause ->> 'id' = ?2";
    if transaction.prepare(known)?.exists([&wanted.repository, &wanted.cause.id])? {
        return Ok(false);
    }
    let open =
        "repository = ?1 AND pipeline = ?2 AND state <> 'ended' AND cause ->> 'by' = 'schedule'";
    let names = [&entry.repository, &entry.pipeline];
    match entry.schedule.overlap {
        Overlap::Queue => {}
        Overlap::Skip => {
            let open = format!("SELECT 1 FROM run WHERE {open}");
            if transaction.prepare(&open)?.exists(names)? {
                return Ok(false);
            }
        }
        Overlap::Cancel => {
            let why = "its schedule is due again";
            transaction.execute(
                &format!("UPDATE run SET cancel = coalesce(cancel, ?3) WHERE {open}"),
                params![entry.repository, entry.pipeline, why],
            )?;
            transaction.execute(
                &format!(
                    "UPDATE run SET state = 'ended', verdict = 'cancelled', message = ?3, ended = ?4
                     WHERE {open} AND state IN ('waiting', 'approval')"
                ),
                params![entry.repository, entry.pipeline, why, now],
            )?;
        }
    }
    insert(transaction, wanted, now).map(|_| true)
}

/// Forgets schedules that no pipeline has any more and that were not seen to since.
pub(super) fn prune(connection: &mut Connection, before: Timestamp) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM schedule WHERE last < ?1", [before.as_millisecond()])
}
