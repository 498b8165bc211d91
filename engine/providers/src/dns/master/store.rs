//! Changes of a zone file, one after the other: many records of one zone are applied at once, by one
//! process or several, and none may undo another.
//!
//! Tasks of this process queue at the file. Whoever comes first takes the lock and does what all that
//! wait have asked for: a thousand records are a few writes. Processes exclude each other with `flock`
//! on `.NAME.lock` beside the file, which is removed again.
//!
//! The last number of each zone is noted beside the state: a file that is made again, here or under
//! another path, goes on from there. Secondaries would take no notice of a smaller one. It must not
//! know what changes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::civil::Date;
use model::{Context, Digest, Fault};
use rustix::fs::{FlockOperation, flock};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::read::read;
use super::write::write;
use super::{Keeper, Zone};
use crate::disk::{self, Rights};
use crate::dns::name::Name;
use crate::dns::serial::{Serials, later};
use crate::file::owner::Names;
use crate::note::Note;

/// How long another process may take. Its own changes take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// What to do when the folder of a zone file is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Make it.
    Make,
    /// There is no zone then, and nothing to lock.
    Leave,
}

/// Runs a change of a zone file while nobody else changes it. When it answers, the file is written.
pub async fn change<T: Send + 'static>(
    context: &Context,
    path: &str,
    folder: Folder,
    change: impl FnOnce(&Locked) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let place = real(context.place(path));
    if folder == Folder::Make {
        let shown = disk::folder_of(path.as_ref());
        disk::make_folder(disk::folder_of(&place))
            .map_err(|error| disk::fault("make", shown, &error))?;
    }
    let queue = queue(&place);
    let (tell, mut told) = oneshot::channel();
    // Whoever gives up waiting takes the change back, unless it has begun.
    let _asking = queue.ask(Box::new(move |locked| {
        let changed = change(locked);
        Box::new(move |written| {
            _ = tell.send(changed.and_then(|changed| written.map(|()| changed)));
        })
    }));
    let turn = queue.turn.lock().await;
    // Whoever had the turn before may have done it already.
    if let Ok(answer) = told.try_recv() {
        return answer;
    }
    let lock =
        if disk::folder_of(&place).is_dir() { Some(lock(&place, path).await?) } else { None };
    let now = jiff::Timestamp::try_from(context.site.clock.now()).unwrap_or_default();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let (asked, shown, context) = (queue.take(), path.to_owned(), context.clone());
    let work = spawn_blocking(move || {
        Locked::open(context, place, shown, today).run(asked);
        drop(lock);
    });
    let broke = |_| Fault::broken(format!("the change of {path} broke off"));
    work.await.map_err(broke)?;
    drop(turn);
    told.await.map_err(|_| Fault::broken(format!("the change of {path} broke off")))?
}

/// Reads a zone; None: there is no file.
///
/// # Errors
/// It cannot be read, or a line in it is wrong.
pub fn load(place: &Path, shown: &str) -> Result<Option<Zone>, Fault> {
    let text = disk::read(place).map_err(|error| disk::fault("read", shown, &error))?;
    text.map(|text| parse(&text, shown)).transpose()
}

fn parse(text: &str, shown: &str) -> Result<Zone, Fault> {
    read(text).map_err(|wrong| {
        Fault::broken(format!("{shown}:{}: {}", wrong.line, wrong.why))
            .help(format!("the file is kept as it is: mend line {}, or move it away", wrong.line))
    })
}

/// What one task asks for: it changes the zone, and is told afterwards whether that was written.
type Asked = Box<dyn FnOnce(&Locked) -> Told + Send>;
type Told = Box<dyn FnOnce(Result<(), Fault>) + Send>;

/// A zone file that this task alone may change. Changes are made in memory and written together.
pub struct Locked {
    context: Context,
    path: PathBuf,
    shown: String,
    today: Date,
    text: Option<String>,
    before: Result<Option<Zone>, Fault>,
    after: RefCell<After>,
    /// The change that runs has changed something.
    touched: Cell<bool>,
}

/// What becomes of the file.
enum After {
    Same,
    Zone(Zone),
    Gone,
}

impl Locked {
    fn open(context: Context, path: PathBuf, shown: String, today: Date) -> Self {
        let text = disk::read(&path).map_err(|error| disk::fault("read", &shown, &error));
        // Nothing is lost with an empty file.
        let parsed = |text: &str| match text {
            "" => Ok(None),
            text => parse(text, &shown).map(Some),
        };
        let (text, before) = match text {
            Ok(Some(text)) => (Some(text.clone()), parsed(&text)),
            Ok(None) => (None, Ok(None)),
            Err(fault) => (None, Err(fault)),
        };
        let (after, touched) = (RefCell::new(After::Same), Cell::new(false));
        Self { context, path, shown, today, text, before, after, touched }
    }

    /// Returns the zone; None: there is no file, or nothing in it.
    pub fn load(&self) -> Result<Option<Zone>, Fault> {
        match &*self.after.borrow() {
            After::Same => self.before.clone(),
            After::Zone(zone) => Ok(Some(zone.clone())),
            After::Gone => Ok(None),
        }
    }

    /// Puts a zone in the place of what was there.
    pub fn save(&self, zone: Zone) {
        self.touched.set(true);
        *self.after.borrow_mut() = After::Zone(zone);
    }

    /// Removes the file.
    pub fn remove(&self) {
        self.touched.set(true);
        *self.after.borrow_mut() = After::Gone;
    }

    /// Removes what an attempt has left that was cut short.
    pub fn clear(&self) -> Result<(), Fault> {
        disk::remove(&disk::beside(&self.path, "new"))
            .map_err(|error| disk::fault("remove", &self.shown, &error))
    }

    /// Makes all changes, writes the file once, and tells those who have asked.
    fn run(self, asked: Vec<Asked>) {
        let run = |change: Asked| {
            self.touched.set(false);
            let told = change(&self);
            (told, self.touched.get())
        };
        let told: Vec<(Told, bool)> = asked.into_iter().map(run).collect();
        let written = self.finish();
        for (told, touched) in told {
            told(if touched { written.clone() } else { Ok(()) });
        }
    }

    fn finish(self) -> Result<(), Fault> {
        let before = self.before.ok().flatten();
        match self.after.into_inner() {
            After::Same => Ok(()),
            After::Gone => {
                if let Some(before) = &before {
                    Last::of(&self.context, &before.origin)?.note(before.soa.serial)?;
                }
                disk::remove(&self.path).map_err(|error| disk::fault("remove", &self.shown, &error))
            }
            After::Zone(mut zone) => {
                let last = Last::of(&self.context, &zone.origin)?;
                zone.soa.serial = serial(&zone, before.as_ref(), last.serial, self.today);
                let text = write(&zone);
                if self.text.as_ref() == Some(&text) {
                    return Ok(());
                }
                // It comes first: a number that nobody has seen may be left out.
                last.note(zone.soa.serial)?;
                let there = fs::metadata(&self.path).ok();
                let rights = there.as_ref().map_or(Rights::from(0o644), Rights::of);
                disk::put(&self.path, text.as_bytes(), rights)
                    .map_err(|error| not_written(&self.shown, rights, &error))
            }
        }
    }
}

/// A name server must be able to read the file after us as before.
fn not_written(shown: &str, rights: Rights, error: &io::Error) -> Fault {
    let (true, Some(uid), Some(gid)) = (disk::is_not_given(error), rights.uid, rights.gid) else {
        return disk::fault("write", shown, error);
    };
    let names = Names::default();
    let (user, group) = (names.user(uid), names.group(gid));
    Fault::refused(format!("{shown} belongs to {user}:{group}, and would not afterwards"))
        .help(format!("run as root or as {user}, or make the file your own: chown"))
}

/// The number goes up if anything else than comments is another than before.
fn serial(zone: &Zone, before: Option<&Zone>, noted: Option<u32>, today: Date) -> u32 {
    if let Some(before) = before.filter(|before| zone.says_the_same(before)) {
        return before.soa.serial;
    }
    let serials = zone.keeper.as_ref().map(|keeper: &Keeper| keeper.serials);
    let serials = serials.unwrap_or_else(|| Serials::guess(zone.soa.serial));
    let last = before.map(|before| before.soa.serial).into_iter().chain(noted).reduce(later);
    last.map_or_else(|| serials.first(today), |last| serials.next(last, today))
}

/// The last number of a zone that secondaries may have seen.
struct Last {
    note: Note,
    serial: Option<u32>,
}

impl Last {
    fn of(context: &Context, zone: &Name) -> Result<Self, Fault> {
        let note = Note::of(context, "zones", &Digest::of(zone.bare().as_bytes()).to_string());
        let serial = note.read()?;
        Ok(Self { note, serial })
    }

    /// Notes a number, unless a later one is noted: two files may hold one zone.
    fn note(&self, serial: u32) -> Result<(), Fault> {
        let latest = self.serial.map_or(serial, |noted| later(noted, serial));
        if self.serial == Some(latest) { Ok(()) } else { self.note.write(&latest) }
    }
}

/// Follows links, so that the file itself is changed and not the link replaced.
fn real(place: PathBuf) -> PathBuf {
    fs::canonicalize(&place).unwrap_or(place)
}

/// The tasks of this process that want to change one file.
#[derive(Default)]
struct Queue {
    turn: tokio::sync::Mutex<()>,
    asked: Mutex<Asking>,
}

/// Changes that nobody has begun, by number.
#[derive(Default)]
struct Asking {
    next: u64,
    changes: BTreeMap<u64, Asked>,
}

/// Takes a change back when it is dropped.
struct Place<'q> {
    queue: &'q Queue,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.asking().changes.remove(&self.number);
    }
}

impl Queue {
    fn ask(&self, change: Asked) -> Place<'_> {
        let mut asking = self.asking();
        asking.next += 1;
        let number = asking.next;
        asking.changes.insert(number, change);
        Place { queue: self, number }
    }

    fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asking().changes).into_values().collect()
    }

    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn queue(place: &Path) -> Arc<Queue> {
    static QUEUES: LazyLock<Mutex<BTreeMap<PathBuf, Weak<Queue>>>> = LazyLock::new(Mutex::default);
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
