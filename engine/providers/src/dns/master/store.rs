//! One change of a zone file at a time: many records of one zone are applied at once, by one process
//! or several, and none may undo another.
//!
//! Tasks of this process queue in order at a lock of their own; processes exclude each other with
//! `flock` on `.NAME.lock` beside the file, which is removed again. It must not know what changes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use jiff::civil::Date;
use model::{Context, Fault};
use rustix::fs::{FlockOperation, flock};
use tokio::task::spawn_blocking;

use super::read::read;
use super::write::write;
use super::{Keeper, Zone};
use crate::disk;
use crate::dns::serial::Serials;

/// How long another process may take. Its own changes take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// A zone file that this task alone may change.
pub struct Locked {
    path: PathBuf,
    shown: String,
    today: Date,
}

/// What to do when the folder of a zone file is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Make it.
    Make,
    /// There is no zone then, and nothing to lock.
    Leave,
}

/// Runs a change of a zone file while nobody else changes it.
pub async fn change<T: Send + 'static>(
    context: &Context,
    path: &str,
    folder: Folder,
    change: impl FnOnce(&Locked) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let place = real(context.place(path));
    let queue = queue(&place);
    let _turn = queue.lock().await;
    if folder == Folder::Make {
        let shown = disk::folder_of(path.as_ref());
        fs::create_dir_all(disk::folder_of(&place))
            .map_err(|error| disk::fault("make", shown, &error))?;
    }
    let lock =
        if disk::folder_of(&place).is_dir() { Some(lock(&place, path).await?) } else { None };
    let now = jiff::Timestamp::try_from(context.site.clock.now()).unwrap_or_default();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let locked = Locked { path: place, shown: path.to_owned(), today };
    let changed = spawn_blocking(move || {
        let changed = change(&locked);
        drop(lock);
        changed
    });
    changed.await.unwrap_or_else(|_| Err(Fault::broken(format!("the change of {path} broke off"))))
}

/// Reads a zone; None: there is no file.
///
/// # Errors
/// It cannot be read, or a line in it is wrong.
pub fn load(place: &Path, shown: &str) -> Result<Option<Zone>, Fault> {
    let text = disk::read(place).map_err(|error| disk::fault("read", shown, &error))?;
    let Some(text) = text else { return Ok(None) };
    let zone = read(&text).map_err(|wrong| {
        Fault::broken(format!("{shown}:{}: {}", wrong.line, wrong.why))
            .help(format!("the file is kept as it is: mend line {}, or move it away", wrong.line))
    })?;
    Ok(Some(zone))
}

impl Locked {
    /// Reads the zone; None: there is no file, or nothing in it.
    pub fn load(&self) -> Result<Option<Zone>, Fault> {
        match fs::metadata(&self.path) {
            Ok(file) if file.len() == 0 => Ok(None),
            _ => load(&self.path, &self.shown),
        }
    }

    /// Writes a zone in the place of what was there. Its number goes up if anything else than
    /// comments is another than before.
    pub fn save(&self, mut zone: Zone, before: Option<&Zone>) -> Result<Zone, Fault> {
        let serials = zone.keeper.as_ref().map(|keeper: &Keeper| keeper.serials);
        let serials = serials.unwrap_or_else(|| Serials::guess(zone.soa.serial));
        zone.soa.serial = match before {
            None => serials.first(self.today),
            Some(before) if zone.says_the_same(before) => before.soa.serial,
            Some(before) => serials.next(before.soa.serial, self.today),
        };
        let text = write(&zone);
        let failed = |error: io::Error| disk::fault("write", &self.shown, &error);
        let there = disk::read(&self.path).map_err(failed)?;
        if there.as_deref() != Some(&text) {
            let mode = fs::metadata(&self.path).map_or(0o644, |file| file.mode() & 0o777);
            disk::put(&self.path, text.as_bytes(), mode).map_err(failed)?;
        }
        Ok(zone)
    }

    /// Removes the file.
    pub fn remove(&self) -> Result<(), Fault> {
        disk::remove(&self.path).map_err(|error| disk::fault("remove", &self.shown, &error))
    }

    /// Removes what an attempt has left that was cut short.
    pub fn clear(&self) -> Result<(), Fault> {
        disk::remove(&disk::beside(&self.path, "new"))
            .map_err(|error| disk::fault("remove", &self.shown, &error))
    }
}

/// Follows links, so that the file itself is changed and not the link replaced.
fn real(place: PathBuf) -> PathBuf {
    fs::canonicalize(&place).unwrap_or(place)
}

/// Returns the lock of a file among the tasks of this process.
fn queue(place: &Path) -> Arc<tokio::sync::Mutex<()>> {
    type Queues = BTreeMap<PathBuf, Weak<tokio::sync::Mutex<()>>>;
    static QUEUES: LazyLock<Mutex<Queues>> = LazyLock::new(Mutex::default);
    let mut queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(queue) = queues.get(place).and_then(Weak::upgrade) {
        return queue;
    }
    queues.retain(|_, queue| queue.strong_count() > 0);
    let queue = Arc::default();
    queues.insert(place.to_owned(), Arc::downgrade(&queue));
    queue
}

/// A lock among processes. Dropping it removes its file while it is still held, so that nobody can
/// hold a lock on a file that others no longer see.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that stays is locked again by the next change, and removed by that.
        _ = fs::remove_file(&self.path);
    }
}

async fn lock(place: &Path, shown: &str) -> Result<Lock, Fault> {
    let path = disk::beside(place, "lock");
    let mut waited = Duration::ZERO;
    loop {
        if let Some(lock) = try_lock(&path).map_err(|error| disk::fault("write", shown, &error))? {
            return Ok(lock);
        }
        if waited > PATIENCE {
            let seconds = PATIENCE.as_secs();
            return Err(Fault::passing(format!("{shown} is locked by another process"))
                .help(format!("it has been for {seconds} s; see who: fuser {}", path.display())));
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
}

/// Returns the lock; None: somebody else has it.
fn try_lock(path: &Path) -> io::Result<Option<Lock>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        other => other?,
    }
    // The one who had it may have removed the file meanwhile.
    let (held, seen) = (file.metadata()?, fs::metadata(path));
    let same = seen.is_ok_and(|seen| (seen.dev(), seen.ino()) == (held.dev(), held.ino()));
    Ok(same.then(|| Lock { path: path.to_owned(), _file: file }))
}
