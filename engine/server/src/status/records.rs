//! What providers were told of which run, and when they are told again.
//!
//! There is no list of things to send: what is to be said follows from the run and from what was said last,
//! so that nothing can be lost between the two, whatever dies when.

use runtime::store::Millis;
use rusqlite::{Connection, params};

use super::message;
use crate::records::QueuedRun;
use crate::records::row::COLUMNS;

/// After this nobody wants to know any more, in milliseconds.
pub(crate) const TOLD_WITHIN: Millis = 3 * 24 * 60 * 60 * 1_000;

/// A run of which something is to be said.
pub(super) struct Untold {
    /// The run.
    pub(super) run: QueuedRun,
    /// How often that was tried.
    pub(super) tries: u32,
    /// When it is tried next.
    pub(super) next: Millis,
}

/// Returns what a provider has not been told yet of the runs of a repository, oldest first. Of several runs
/// of one pipeline for one commit only the newest counts: the provider keeps one word for all.
pub(super) fn untold(
    connection: &mut Connection,
    repository: &str,
    now: Millis,
) -> rusqlite::Result<Vec<Untold>> {
    let query = format!(
        "SELECT {COLUMNS}, coalesce(told, ''), coalesce(tries, 0), coalesce(next, 0), coalesce(about, '')
         FROM run LEFT JOIN status ON status.run = run.id
         WHERE repository = ?1 AND queued > ?2 AND (state <> 'ended' OR told IS NULL OR told <> 'ended '||verdict)
         AND NOT EXISTS (
             SELECT 1 FROM run AS newer WHERE newer.repository = ?1 AND newer.id > run.id
             AND newer.pipeline = run.pipeline AND newer.cause ->> 'commit' = run.cause ->> 'commit'
         ) ORDER BY id"
    );
    let mut query = connection.prepare_cached(&query)?;
    let rows = query.query_map(params![repository, now.saturating_sub(TOLD_WITHIN)], |row| {
        let run = QueuedRun::of_row(row)?;
        let told: String = row.get("coalesce(told, '')")?;
        let about: String = row.get("coalesce(about, '')")?;
        let is_new = about != message::told(&run);
        let tries = if is_new { 0 } else { row.get("coalesce(tries, 0)")? };
        let next = if is_new { 0 } else { row.get("coalesce(next, 0)")? };
        let is_told = told == message::told(&run) || run.cause.commit.is_empty();
        Ok((!is_told).then_some(Untold { run, tries, next }))
    });
    rows?.filter_map(Result::transpose).collect()
}

/// Notes that a provider was told.
pub(super) fn tell(connection: &mut Connection, run: u64, told: &str) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO status (run, told, about, tries, next) VALUES (?1, ?2, ?2, 0, 0)
             ON CONFLICT (run) DO UPDATE SET told = ?2, about = ?2, tries = 0, next = 0",
            params![run, told],
        )
        .map(|_| ())
}

/// Notes that a provider could not be told, and when to try again.
pub(super) fn put_off(
    connection: &mut Connection,
    run: u64,
    about: &str,
    tries: u32,
    next: Millis,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO status (run, about, tries, next) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (run) DO UPDATE SET about = ?2, tries = ?3, next = ?4",
            params![run, about, tries, next],
        )
        .map(|_| ())
}
