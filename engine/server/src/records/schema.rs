//! The tables, and opening the file that holds them. It must refuse what it does not know.

use std::path::Path;
use std::time::Duration;

use runtime::engine::Problem;
use rusqlite::Connection;

use crate::trouble::{place, refused};

/// One more with every change.
const VERSION: i64 = 1;

/// Marks the file as ours: "Wnds".
const APPLICATION: i64 = 0x576e_6473;

/// How long to wait for somebody who looks into the file by hand.
const PATIENCE: Duration = Duration::from_secs(10);

const SCHEMA: &str = "
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT, repository TEXT NOT NULL, file TEXT NOT NULL,
        cause TEXT NOT NULL, pipeline TEXT NOT NULL, parameters TEXT NOT NULL DEFAULT '{}',
        grouped TEXT, state TEXT NOT NULL, verdict TEXT, message TEXT, project_run INTEGER,
        course TEXT, of INTEGER, cancel TEXT,
        queued INTEGER NOT NULL, started INTEGER, ended INTEGER
    ) STRICT;
    CREATE INDEX run_open ON run (id) WHERE state <> 'ended';
    CREATE INDEX run_of ON run (repository, id);
    CREATE INDEX run_queued ON run (repository, queued);
    CREATE TABLE seen (
        repository TEXT NOT NULL, reference TEXT NOT NULL, hash TEXT NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (repository, reference)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE delivery (
        repository TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (repository, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE schedule (
        repository TEXT NOT NULL, pipeline TEXT NOT NULL, entry TEXT NOT NULL,
        last INTEGER NOT NULL, PRIMARY KEY (repository, pipeline, entry)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE status (
        run INTEGER PRIMARY KEY, told TEXT, about TEXT, tries INTEGER NOT NULL,
        next INTEGER NOT NULL
    ) STRICT;";

pub(super) fn open(path: &Path) -> Result<Connection, Problem> {
    let unusable = |error: rusqlite::Error| place("open", path, error);
    let mut connection = Connection::open(path).map_err(unusable)?;
    connection.busy_timeout(PATIENCE).map_err(unusable)?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
        .map_err(unusable)?;
    let version = bring_up(&mut connection).map_err(unusable)?;
    match version {
        VERSION => Ok(connection),
        newer => {
            let message =
                format!("{} has format {newer}, and this program knows {VERSION}", path.display());
            Err(refused(message, "use the newer windlass that wrote it"))
        }
    }
}

fn bring_up(connection: &mut Connection) -> rusqlite::Result<i64> {
    let transaction = connection.transaction()?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
        return Ok(VERSION);
    }
    Ok(version)
}
