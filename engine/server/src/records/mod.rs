//! What the server must know again after its death: the queue, and which commits were seen.
//!
//! One `SQLite` file, WAL, `synchronous = FULL`: whatever was answered is on disk. Calls take a moment
//! on a disk, so they are made off the threads that serve. It must not decide what runs.

pub(crate) mod past;
pub(crate) mod queue;
pub(crate) mod row;
mod schema;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use runtime::engine::Problem;
use rusqlite::Connection;

pub use row::{Grouped, QueuedRun, State, Verdict};

use crate::trouble::failed;

/// The server's own memory. Cheap to clone.
#[derive(Clone)]
pub struct Records(Arc<Mutex<Connection>>);

impl Records {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// It is no such file, or a newer version wrote it.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let connection = schema::open(path)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Asks, off the threads that serve: whatever it wrote is durable when this answers.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let records = self.clone();
        let asked = tokio::task::spawn_blocking(move || records.now(question)).await;
        asked.map_err(|error| failed(error.to_string()))?
    }

    /// As [`Records::ask`], on this thread.
    ///
    /// # Errors
    /// See [`Records::ask`].
    pub fn now<T>(
        &self,
        question: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Problem> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        question(&mut connection).map_err(|error| {
            failed(format!("the server's records (.windlass/server.sqlite): {error}"))
                .help("see that the disk has room and .windlass can be written")
        })
    }
}
