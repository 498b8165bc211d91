//! The tables, and opening a file that holds them.
//!
//! It must refuse what it does not know rather than mend it.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;

/// The version of the form; one more with every change that an older program could not read.
const VERSION: i64 = 4;

/// Marks the file as ours: "Wndl".
const APPLICATION: i64 = 0x576e_646c;

/// `digest` is narrow, so that telling same from changed reads little; `resource` is decoded only for
/// what changed.
const SCHEMA: &str = "
    CREATE TABLE about (project TEXT NOT NULL) STRICT;
    CREATE TABLE run (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, parent INTEGER,
        plan_id TEXT UNIQUE, plan TEXT, began INTEGER NOT NULL, ended INTEGER, outcome TEXT,
        nonce TEXT NOT NULL DEFAULT '', pruned INTEGER NOT NULL DEFAULT 0, again INTEGER,
        cause TEXT, caused TEXT
    ) STRICT;
    CREATE UNIQUE INDEX run_by_cause ON run (cause) WHERE cause IS NOT NULL;
    CREATE INDEX run_by_subject ON run (subject, id);
    CREATE INDEX run_with_events ON run (subject, id) WHERE pruned = 0;
    CREATE TABLE event (
        run INTEGER NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE digest (
        stack TEXT NOT NULL, address TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
        generation INTEGER NOT NULL, digest BLOB NOT NULL, object BLOB NOT NULL,
        sealed INTEGER NOT NULL, attributes BLOB NOT NULL, needs TEXT NOT NULL,
        claim TEXT, PRIMARY KEY (stack, address)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX digest_by_claim ON digest (claim) WHERE claim IS NOT NULL;
    CREATE TABLE resource (
        stack TEXT NOT NULL, address TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (stack, address)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE doubt (
        stack TEXT NOT NULL, step TEXT NOT NULL, run INTEGER NOT NULL, token TEXT NOT NULL,
        intent TEXT NOT NULL, PRIMARY KEY (stack, step)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE output (stack TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE lease (
        subject TEXT PRIMARY KEY, fence INTEGER NOT NULL, holder TEXT, until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE timing (
        subject TEXT NOT NULL, step TEXT NOT NULL, took INTEGER NOT NULL,
        PRIMARY KEY (subject, step)
    ) STRICT, WITHOUT ROWID;";

/// From version 1, which had to read all events to find those of one run.
const FROM_1: &str = "
    ALTER TABLE run ADD COLUMN nonce TEXT NOT NULL DEFAULT '';
    ALTER TABLE run ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN again INTEGER;
    CREATE INDEX run_with_events ON run (subject, id) WHERE pruned = 0;
    ALTER TABLE event RENAME TO event_1;
    CREATE TABLE event (
        run INTEGER NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO event SELECT run, seq, body FROM event_1 ORDER BY run, seq;
    DROP TABLE event_1;";

/// From version 2, which did not say what is what in the world: a resource says it when it is changed
/// next.
const FROM_2: &str = "
    ALTER TABLE digest ADD COLUMN claim TEXT;
    CREATE INDEX digest_by_claim ON digest (claim) WHERE claim IS NOT NULL;";

/// From version 3, which did not know what runs were started for.
const FROM_3: &str = "
    ALTER TABLE run ADD COLUMN cause TEXT;
    ALTER TABLE run ADD COLUMN caused TEXT;
    CREATE UNIQUE INDEX run_by_cause ON run (cause) WHERE cause IS NOT NULL;";

/// How long one process waits for another's commit.
const PATIENCE: Duration =
    if cfg!(test) { Duration::from_millis(200) } else { Duration::from_secs(20) };

/// Opens the file for its one writing connection; a new one gets its tables.
pub(super) fn open(path: &Path, project: &str) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    let version = checked_version(&connection)?;
    make_durable(&connection)?;
    durable(&connection)?;
    if version < VERSION {
        bring_up(&mut connection, project)?;
    }
    Ok(connection)
}

/// Opens the file for reading beside its writer.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA mmap_size = 268435456;")?;
    Ok(connection)
}

/// Where two processes make a new store at once, `SQLite` does not wait for the other one's change of the
/// journal, whatever its patience.
fn make_durable(connection: &Connection) -> Result<(), StoreError> {
    let pragmas =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16000;";
    let end = Instant::now() + PATIENCE;
    loop {
        match connection.execute_batch(pragmas) {
            Err(error) if is_busy(&error) && Instant::now() < end => {
                sleep(Duration::from_millis(2));
            }
            done => return Ok(done?),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}

/// 0 for a file without tables.
pub(super) fn checked_version(connection: &Connection) -> Result<i64, StoreError> {
    // In one transaction, so that nobody makes the tables in between.
    let connection = connection.unchecked_transaction()?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (version, application) = (pragma("user_version")?, pragma("application_id")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match version {
        0 if tables == 0 => Ok(0),
        1.. if application == APPLICATION => match version > VERSION {
            true => Err(StoreError::Newer { found: version, known: VERSION }),
            false => Ok(version),
        },
        _ => Err(StoreError::Corrupt("the file is a database of something else".to_owned())),
    }
}

/// NORMAL was seen to lose intents in a power cut: what was asked for is read back.
fn durable(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if mode == "wal" && synchronous == 2 {
        return Ok(());
    }
    let why = format!("it cannot be made durable (journal {mode}, synchronous {synchronous})");
    Err(StoreError::Unavailable(why))
}

/// Makes the tables, or those of an older version into ours. Two processes may come here at once:
/// whoever is second finds them.
fn bring_up(connection: &mut Connection, project: &str) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        0 => {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute("INSERT INTO about (project) VALUES (?1)", [project])?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
        }
        1 => transaction.execute_batch(&[FROM_1, FROM_2, FROM_3].concat())?,
        2 => transaction.execute_batch(&[FROM_2, FROM_3].concat())?,
        3 => transaction.execute_batch(FROM_3)?,
        _ => return Ok(()),
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}
