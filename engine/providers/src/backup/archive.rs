//! What a job needs of whatever stores its snapshots.
//!
//! It must not know what a job is.

use std::future::Future;
use std::io;
use std::path::Path;

use child::Exit;
use model::Fault;
use serde::Deserialize;

use super::job::Stamp;

/// A place that stores snapshots, opened with its key.
pub(super) trait Archive: Send + Sync {
    /// Returns the repository's own id; None: there is no repository at the place.
    ///
    /// # Errors
    /// The key is wrong, or the place cannot be reached.
    fn id(&self) -> impl Future<Output = Result<Option<String>, Fault>> + Send;

    /// Makes an empty repository.
    ///
    /// # Errors
    /// There is something at the place already, or it cannot be written.
    fn init(&self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Returns the ids of all snapshots, also of those that are damaged.
    fn ids(&self) -> impl Future<Output = Result<Vec<String>, Fault>> + Send;

    /// Returns all snapshots that can be read.
    fn snapshots(&self) -> impl Future<Output = Result<Vec<Stored>, Fault>> + Send;

    /// Stores files. What could not be read is left out of the snapshot, and told.
    fn store_files(
        &self,
        label: &Label,
        paths: &[String],
        exclude: &[String],
    ) -> impl Future<Output = Result<Taken, Fault>> + Send;

    /// Stores what a command writes. `whole` is told when it has ended well, before there can be a
    /// snapshot, and when it is begun anew; if that fails, or the command does, there is none.
    fn store_dump(
        &self,
        label: &Label,
        dump: &child::Command,
        file: &str,
        whole: &mut (dyn FnMut(bool) -> io::Result<()> + Send),
        say: &mut (dyn FnMut(&str) + Send),
    ) -> impl Future<Output = Result<Dumped, Fault>> + Send;

    /// Removes snapshots; what they alone have stored goes with [`Archive::clear`].
    fn forget(&self, ids: &[String]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Gives the room back that nothing needs any more.
    fn clear(&self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Looks at how everything hangs together, and reads one part of so many of the data.
    fn check(
        &self,
        part: u32,
        of: u32,
    ) -> impl Future<Output = Result<Option<Damage>, Fault>> + Send;

    /// Reads everything of one snapshot, and leaves it nowhere.
    fn read_whole(&self, id: &str) -> impl Future<Output = Result<Option<Damage>, Fault>> + Send;

    /// Restores a snapshot into a folder that is empty.
    fn restore(
        &self,
        id: &str,
        to: &Path,
    ) -> impl Future<Output = Result<Option<Damage>, Fault>> + Send;

    /// Takes away the locks of who is dead. Those of the living stay.
    fn unlock(&self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Returns whether its windows keep the oldest snapshot too while they have places left.
    fn keeps_oldest(&self) -> impl Future<Output = bool> + Send;
}

/// What a snapshot is known by.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) tags: Vec<String>,
    pub(super) host: Option<String>,
    pub(super) taken: Stamp,
}

/// A snapshot as the repository knows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) id: String,
    #[serde(rename = "time")]
    pub(super) taken: Stamp,
    pub(super) tree: Option<String>,
    #[serde(default, rename = "hostname")]
    pub(super) host: String,
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

/// A snapshot that was taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    /// Perhaps only its beginning.
    pub(super) id: String,
    /// Of everything in it, in bytes.
    pub(super) size: u64,
    /// What was not stored before, in bytes.
    pub(super) added: u64,
    pub(super) files: u64,
    /// What could not be read.
    pub(super) unread: Vec<String>,
}

/// What came of storing a command's output.
#[derive(Debug)]
pub(super) enum Dumped {
    /// It ended well, and is stored.
    Taken(Taken),
    /// It failed: there is no snapshot.
    Failed(Exit),
    /// It could not be started: there is no snapshot.
    NotStarted(io::Error),
}

/// That something stored is not what it was, in the words of who found it.
#[derive(Clone, Debug)]
pub(super) struct Damage(pub(super) Vec<String>);
