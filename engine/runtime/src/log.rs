//! The logs of a run: one append-only file per slot, a step's output one range of it, since a file per
//! step costs more than the step.
//!
//! Each line is `<milliseconds since 1970> <text>`. Before the lines of a step stands `# <process> <step>`:
//! who reads along knows whose they are before the journal says so, and whether more may come. It must
//! not let a secret through.

mod pieces;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::UNIX_EPOCH;

use model::context::{Clock, Progress};
use model::event::LogRange;
use model::mask::Masker;

use crate::annotations::{Annotation, NOTICE};
use crate::process::Process;
use crate::sealing::Sealing;
use crate::store::RunId;
use crate::walk::Live;

pub use pieces::Pieces;

/// The logs of one run.
pub struct Logs {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    free: Mutex<Vec<Slot>>,
    next: AtomicU32,
    writer: OnceLock<String>,
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
        Self {
            folder,
            clock,
            free: Mutex::default(),
            next: AtomicU32::new(0),
            writer: OnceLock::new(),
        }
    }

    /// Takes a file for the lines of a step.
    fn take(&self, step: &str) -> io::Result<Slot> {
        let mut slot = self.free_slot()?;
        let own = || Process::own().map_or_else(|| "?".to_owned(), |own| own.to_string());
        slot.write(&format!("# {} {step}\n", self.writer.get_or_init(own)))?;
        Ok(slot)
    }

    fn free_slot(&self) -> io::Result<Slot> {
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

impl Slot {
    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.length += text.len() as u64;
        Ok(())
    }
}

impl StepLog {
    /// Returns the log of a step, which is shown to who watches as it is written.
    pub fn new(logs: &Arc<Logs>, sealing: Arc<dyn Sealing>, live: Live) -> Self {
        Self { logs: Arc::clone(logs), sealing, live, slot: Mutex::default() }
    }

    /// Returns the text with every secret covered.
    pub fn masked(&self, text: &str) -> String {
        self.sealing.masked(text)
    }

    /// Returns what covers every secret that is known by now.
    pub(crate) fn masker(&self) -> Arc<Masker> {
        self.sealing.masker()
    }

    /// Writes lines that are masked already, and shows them.
    pub(crate) fn masked_lines<T: AsRef<str>>(&self, lines: &[T]) {
        // A log that cannot be kept must not fail what it tells of.
        _ = self.keep(lines);
        lines.iter().for_each(|line| self.live.line(line.as_ref()));
    }

    /// Keeps lines with one write, each with the time and its end.
    fn keep<T: AsRef<str>>(&self, lines: &[T]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut held = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            let slot = self.logs.take(self.live.step())?;
            let from = slot.length;
            *held = Some((slot, from));
        }
        let Some((slot, _)) = held.as_mut() else { return Ok(()) };
        let now = self.logs.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = now.as_millis().to_string();
        let mut text = String::new();
        for line in lines {
            text.extend([&at, " ", line.as_ref(), "\n"]);
        }
        slot.write(&text)
    }
}

impl StepLog {
    /// Says what came of the step, or of a step of a run within it.
    pub(crate) fn came_of(&self, step: Option<&str>, text: &str) {
        let message = self.masked(text);
        _ = self.keep(&[&message]);
        self.live.came_of_it(&message);
        let (level, title) = (NOTICE.to_owned(), step.map(str::to_owned));
        self.annotate(vec![Annotation { level, title, message, ..Annotation::default() }]);
    }

    /// Keeps what the step says about files. As with its lines: that it cannot be kept is no fault of what
    /// it tells of.
    pub(crate) fn annotate(&self, mut found: Vec<Annotation>) {
        let step = self.live.step();
        found.iter_mut().for_each(|one| step.clone_into(&mut one.step));
        _ = crate::annotations::keep(&self.logs.folder, &found);
    }
}

impl Progress for StepLog {
    fn status(&self, text: &str) {
        self.live.status(&self.sealing.masked(text));
    }

    fn line(&self, text: &str) {
        self.masked_lines(&[self.sealing.masked(text)]);
    }

    fn came_of_it(&self, text: &str) {
        self.came_of(None, text);
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

/// Reads what one step wrote, line by line.
///
/// # Errors
/// The log is gone or cannot be read.
pub fn read(
    home: &Path,
    run: RunId,
    range: &LogRange,
) -> io::Result<impl Iterator<Item = io::Result<Line>> + use<>> {
    let mut file = File::open(path(&folder(home, run), range.slot))?;
    file.seek(SeekFrom::Start(range.from))?;
    let text = BufReader::new(file.take(range.to.saturating_sub(range.from)));
    Ok(text.split(b'\n').map(|line| Ok(Line::read(&String::from_utf8_lossy(&line?)))))
}

impl Line {
    fn read(line: &str) -> Self {
        let (at, text) = line.split_once(' ').unwrap_or(("0", line));
        Self { at: at.parse().unwrap_or_default(), text: text.to_owned() }
    }
}

/// Reads what the steps of a run write, while they write it.
pub struct Reading {
    folder: PathBuf,
    slots: Vec<OpenSlot>,
}

#[derive(Default)]
struct OpenSlot {
    at: u64,
    step: String,
    writer: Option<Process>,
}

impl Reading {
    /// Begins with the first line of every step.
    pub fn new(home: &Path, run: RunId) -> Self {
        Self { folder: folder(home, run), slots: Vec::new() }
    }

    /// Returns the whole lines that were written since, each with its step, in the order in which they
    /// were written.
    ///
    /// # Errors
    /// A log cannot be read.
    pub fn more(&mut self) -> io::Result<Vec<(String, Line)>> {
        let mut found = Vec::new();
        for number in 0.. {
            let file = match File::open(path(&self.folder, number)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                file => file?,
            };
            let at = number as usize;
            if self.slots.len() == at {
                self.slots.push(OpenSlot::default());
            }
            self.slots[at].read(file, &mut found)?;
        }
        found.sort_by_key(|(_, line)| line.at);
        Ok(found)
    }

    /// Returns whether the process that wrote the last of it is gone: no more will come.
    pub fn is_over(&self) -> bool {
        let mut writers = self.slots.iter().filter_map(|slot| slot.writer.as_ref()).peekable();
        writers.peek().is_some() && writers.all(Process::is_gone)
    }
}

impl OpenSlot {
    fn read(&mut self, mut file: File, found: &mut Vec<(String, Line)>) -> io::Result<()> {
        file.seek(SeekFrom::Start(self.at))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // The last line may not be written to its end yet.
        text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        self.at += text.len() as u64;
        for line in String::from_utf8_lossy(&text).lines() {
            match line.strip_prefix("# ").and_then(|line| line.split_once(' ')) {
                Some((writer, step)) => {
                    (self.writer, self.step) = (Process::parse(writer), step.to_owned());
                }
                None => found.push((self.step.clone(), Line::read(line))),
            }
        }
        Ok(())
    }
}

fn path(folder: &Path, slot: u32) -> PathBuf {
    folder.join(format!("{slot}.log"))
}
