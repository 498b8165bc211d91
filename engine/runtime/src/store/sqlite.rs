//! The store in one `SQLite` file: WAL, `synchronous = FULL`, one writer thread, group commit.
//!
//! Appends that arrive while a commit is under way share the next one. It must not answer before the
//! commit has reached the disk, and it must not cut an append in two. After a failed commit the writer
//! ends: an fsync that failed is never tried again, since the pages may be gone by then.

mod read;
mod schema;
mod write;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use model::Registry;
use model::event::Event;
use model::record::{OutputsRecord, Record, Row};
use model::registry::BoxFuture;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{
    Acquired, Claim, Doubt, Holder, Lease, Millis, NewRun, Run, RunId, RunOutcome, Store,
    StoreError,
};
use write::{Answer, Operation, Request};

/// See the module.
pub struct SqliteStore {
    project: String,
    reader: Mutex<Connection>,
    requests: Option<mpsc::UnboundedSender<Request>>,
    writer: Option<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens the store in this file, or makes it. `project` is the name that a new one is given.
    ///
    /// # Errors
    /// It cannot be opened, is damaged, or was written by a newer version.
    pub fn open(path: &Path, project: &str, kinds: Registry) -> Result<Self, StoreError> {
        let writer = schema::open(path, project)?;
        let reader = schema::open_reader(path)?;
        let project = read::project(&reader)?;
        let (requests, inbox) = mpsc::unbounded_channel();
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write::serve(writer, inbox, &kinds))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let reader = Mutex::new(reader);
        Ok(Self { project, reader, requests: Some(requests), writer: Some(writer) })
    }

    /// Looks at every page of a store, without changing it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn examine(path: &Path) -> Result<(), StoreError> {
        let connection = schema::open_reader(path)?;
        let sound = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        match connection.query_row("PRAGMA quick_check(1)", [], sound)?.as_str() {
            "ok" => schema::checked_version(&connection).map(|_| ()),
            why => Err(StoreError::Corrupt(why.to_owned())),
        }
    }

    /// Returns the file of a project's store.
    pub fn path(home: &Path) -> PathBuf {
        home.join("store.db")
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, operation: Operation) -> Result<Answer, StoreError> {
        let gone = || StoreError::Unavailable("its writer has stopped".to_owned());
        let (answer, answered) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(Request { operation, answer }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// Waits for the writer, so that a store that is gone has closed its files.
impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            _ = writer.join();
        }
    }
}

impl Store for SqliteStore {
    fn project(&self) -> &str {
        &self.project
    }

    fn begin(&self, run: NewRun) -> BoxFuture<'_, Result<RunId, StoreError>> {
        Box::pin(async move {
            match self.ask(Operation::Begin(Box::new(run))).await? {
                Answer::Run(id) => Ok(id),
                _ => Err(StoreError::Corrupt("the run has no number".to_owned())),
            }
        })
    }

    fn append(
        &self,
        run: RunId,
        lease: &Lease,
        events: Vec<Event>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let lease = lease.clone();
        Box::pin(
            async move { self.ask(Operation::Append { run, lease, events }).await.map(|_| ()) },
        )
    }

    fn finish(
        &self,
        run: RunId,
        outcome: RunOutcome,
        now: Millis,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.ask(Operation::Finish { run, outcome, now }).await.map(|_| ()) })
    }

    fn note(&self, run: RunId, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        let event = Box::new(event);
        Box::pin(async move { self.ask(Operation::Note { run, event }).await.map(|_| ()) })
    }

    fn wait(&self, run: RunId, waits: bool) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.ask(Operation::Wait { run, waits }).await.map(|_| ()) })
    }

    fn prune(&self, runs: Vec<RunId>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.ask(Operation::Prune { runs }).await.map(|_| ()) })
    }

    fn acquire(
        &self,
        subject: &str,
        holder: Holder,
        now: Millis,
    ) -> BoxFuture<'_, Result<Acquired, StoreError>> {
        let subject = subject.to_owned();
        Box::pin(async move {
            match self.ask(Operation::Acquire { subject, holder, now }).await? {
                Answer::Acquired(acquired) => Ok(acquired),
                _ => Err(StoreError::Corrupt("the lease has no number".to_owned())),
            }
        })
    }

    fn renew(&self, lease: &Lease, until: Millis) -> BoxFuture<'_, Result<(), StoreError>> {
        let lease = lease.clone();
        Box::pin(async move { self.ask(Operation::Renew { lease, until }).await.map(|_| ()) })
    }

    fn release(&self, lease: &Lease) -> BoxFuture<'_, Result<(), StoreError>> {
        let lease = lease.clone();
        Box::pin(async move { self.ask(Operation::Release { lease }).await.map(|_| ()) })
    }

    fn rows(&self, stack: &str) -> Result<Vec<(String, Row)>, StoreError> {
        read::rows(&self.reader(), stack)
    }

    fn record(&self, stack: &str, key: &str) -> Result<Option<Record>, StoreError> {
        read::record(&self.reader(), stack, key)
    }

    fn needs(&self, stack: &str) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        read::needs(&self.reader(), stack)
    }

    fn claims(&self) -> Result<Vec<Claim>, StoreError> {
        read::claims(&self.reader())
    }

    fn doubts(&self, stack: &str) -> Result<Vec<Doubt>, StoreError> {
        read::doubts(&self.reader(), stack)
    }

    fn outputs(&self, stack: &str) -> Result<Option<OutputsRecord>, StoreError> {
        read::outputs(&self.reader(), stack)
    }

    fn stacks(&self) -> Result<Vec<String>, StoreError> {
        read::stacks(&self.reader())
    }

    fn runs(&self, subject: Option<&str>, most: usize) -> Result<Vec<Run>, StoreError> {
        read::runs(&self.reader(), subject, most)
    }

    fn runs_in(&self, scope: &str, most: usize) -> Result<Vec<Run>, StoreError> {
        read::runs_in(&self.reader(), scope, most)
    }

    fn unended(&self, scope: &str) -> Result<Vec<Run>, StoreError> {
        read::unended(&self.reader(), scope)
    }

    fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        read::run(&self.reader(), id)
    }

    fn run_for(&self, cause: &str) -> Result<Option<Run>, StoreError> {
        read::run_for(&self.reader(), cause)
    }

    fn prunable(&self, scope: &str, keep: usize) -> Result<Vec<RunId>, StoreError> {
        read::prunable(&self.reader(), scope, keep)
    }

    fn unpruned(&self) -> Result<Vec<Run>, StoreError> {
        read::unpruned(&self.reader())
    }

    fn in_doubt(&self) -> Result<BTreeSet<RunId>, StoreError> {
        read::in_doubt(&self.reader())
    }

    fn parts(&self, first: RunId) -> Result<Vec<Run>, StoreError> {
        read::parts(&self.reader(), first)
    }

    fn plan_used(&self, id: &str) -> Result<Option<RunId>, StoreError> {
        read::plan_used(&self.reader(), id)
    }

    fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError> {
        read::events(&self.reader(), run, 0)
    }

    fn events_since(&self, run: RunId, known: usize) -> Result<Vec<Event>, StoreError> {
        read::events(&self.reader(), run, known)
    }

    fn holder(&self, subject: &str) -> Result<Option<Holder>, StoreError> {
        read::holder(&self.reader(), subject)
    }

    fn timings(&self, scope: &str) -> Result<HashMap<String, u64>, StoreError> {
        read::timings(&self.reader(), scope)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(text),
            Some(ErrorCode::DiskFull) => Self::Full(text),
            _ => Self::Unavailable(text),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}
