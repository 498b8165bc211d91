//! Until when each schedule was seen to, and the runs that it starts: in one transaction, so that no time
//! starts two and none is lost.

use jiff::Timestamp;
use model::file::pipeline::Overlap;
use runtime::store::Millis;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::entry::Entry;
use crate::house::Wanted;
use crate::records::queue::insert;

/// Returns until when a schedule was seen to; None: it is new.
pub(super) fn seen(
    connection: &mut Connection,
    entry: &Entry,
) -> rusqlite::Result<Option<Timestamp>> {
    let query = "SELECT last FROM schedule WHERE repository = ?1 AND pipeline = ?2 AND entry = ?3";
    let names = [&entry.repository, &entry.pipeline, &entry.name];
    let last: Option<i64> = connection.query_row(query, names, |row| row.get(0)).optional()?;
    Ok(last.and_then(|last| Timestamp::from_millisecond(last).ok()))
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
