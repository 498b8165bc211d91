//! The logs of a run: one append-only file per slot, a step's output one range of it, since a file per
//! step costs more than the step.
//!
//! Each line is `<milliseconds since 1970> <text>`. It must not let a secret through.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use model::context::{Clock, Progress};
use model::event::LogRange;

use crate::sealing::Sealing;
use crate::store::RunId;
use crate::walk::Live;

/// The logs of one run.
pub struct Logs {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    free: Mutex<Vec<Slot>>,
    next: AtomicU32,
}

struct Slot {
    number: u32,
    file: File,
    length: u64,
}

/// What one step writes. Its file is taken with the first line.
pub struct StepLog {
    logs: Arc<Logs>,
    sealing: Arc<dyn Sealing>,
    live: Live,
    slot: Mutex<Option<(Slot, u64)>>,
}

impl Logs {
    /// Returns the logs of a run; nothing is made before somebody writes.
    pub fn new(home: &Path, run: RunId, clock: Arc<dyn Clock>) -> Self {
        let folder = folder(home, run);
        Self { folder, clock, free: Mutex::default(), next: AtomicU32::new(0) }
    }

    fn take(&self) -> io::Result<Slot> {
        if let Some(slot) = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(slot);
        }
        std::fs::create_dir_all(&self.folder)?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = path(&self.folder, number);
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let length = file.metadata()?.len();
        Ok(Slot { number, file, length })
    }

    fn give_back(&self, slot: Slot) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
    }
}

impl StepLog {
    /// Returns the log of a step, which is shown to who watches as it is written.
    pub fn new(logs: &Arc<Logs>, sealing: Arc<dyn Sealing>, live: Live) -> Self {
        Self { logs: Arc::clone(logs), sealing, live, slot: Mutex::default() }
    }

    /// Keeps lines that are masked already, each with its line end.
    fn keep(&self, text: &str) -> io::Result<()> {
        let mut held = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            let slot = self.logs.take()?;
            let from = slot.length;
            *held = Some((slot, from));
        }
        let Some((slot, _)) = held.as_mut() else { return Ok(()) };
        let now = self.logs.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = format!("{} {text}\n", now.as_millis());
        slot.file.write_all(line.as_bytes())?;
        slot.length += line.len() as u64;
        Ok(())
    }
}

impl Progress for StepLog {
    fn status(&self, text: &str) {
        self.live.status(&self.sealing.masked(text));
    }

    fn line(&self, text: &str) {
        let text = self.sealing.masked(text);
        // A log that cannot be kept must not fail what it tells of.
        _ = self.keep(&text);
        self.live.line(&text);
    }
}

/// However its step ended, what was written is kept.
impl Drop for StepLog {
    fn drop(&mut self) {
        let held = self.slot.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((slot, from)) = held {
            self.live.wrote(LogRange { slot: slot.number, from, to: slot.length });
            self.logs.give_back(slot);
        }
    }
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Milliseconds since 1970.
    pub at: u64,
    /// What was written.
    pub text: String,
}

/// Returns the folder of a run's logs.
pub fn folder(home: &Path, run: RunId) -> PathBuf {
    home.join("logs").join(run.to_string())
}

/// Reads what one step wrote.
///
/// # Errors
/// The log is gone or cannot be read.
pub fn read(home: &Path, run: RunId, range: &LogRange) -> io::Result<Vec<Line>> {
    let mut file = File::open(path(&folder(home, run), range.slot))?;
    file.seek(SeekFrom::Start(range.from))?;
    let mut text = Vec::new();
    file.take(range.to.saturating_sub(range.from)).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let line = |line: &str| {
        let (at, text) = line.split_once(' ').unwrap_or(("0", line));
        Line { at: at.parse().unwrap_or_default(), text: text.to_owned() }
    };
    Ok(text.lines().map(line).collect())
}

fn path(folder: &Path, slot: u32) -> PathBuf {
    folder.join(format!("{slot}.log"))
}
