//! What became of a run's commands, as this machine saw it.
//!
//! The journal knows which steps were about to begin. Whether a command did begin, and how it ended
//! before the engine could say so, is noted here without waiting for the disk: it outlives the engine,
//! not the machine. After a reboot it must not be asked.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use model::Fault;
use model::event::LogRange;
use serde::{Deserialize, Serialize};

use crate::process::boot;

const NAME: &str = "trace";

/// The trace of one run.
pub struct Trace {
    file: File,
    /// Of an earlier life of this run; None: nothing can be said of it.
    earlier: Option<HashMap<String, Seen>>,
}

/// What was seen of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nobody knows.
    Unknown,
    /// It did not begin.
    NotBegun,
    /// It began, and no end was seen.
    Begun,
    /// It ended, well or with this fault, and its output is kept there.
    Ended(Option<Fault>, Option<LogRange>),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
enum Line {
    Boot { id: String },
    Begun { step: String },
    Ended { step: String, fault: Option<Fault>, log: Option<LogRange> },
}

impl Trace {
    /// Opens the trace of a run in the folder of its logs. That there is one is durable before the
    /// first command, so that an empty one says something.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        let earlier = read(&path);
        let is_new = !path.exists();
        fs::create_dir_all(folder)?;
        let mut trace =
            Self { file: OpenOptions::new().create(true).append(true).open(&path)?, earlier };
        if is_new {
            trace.earlier = Some(HashMap::new());
            trace.note(&Line::Boot { id: boot().unwrap_or_default() })?;
            trace.file.sync_all()?;
            File::open(folder)?.sync_all()?;
        }
        Ok(trace)
    }

    /// Returns a trace that nobody reads.
    ///
    /// # Errors
    /// There is no `/dev/null`.
    pub fn unkept() -> io::Result<Self> {
        let file = OpenOptions::new().append(true).open("/dev/null")?;
        Ok(Self { file, earlier: Some(HashMap::new()) })
    }

    /// Returns what an earlier life of this run saw of a command.
    pub fn earlier(&self, step: &str) -> Seen {
        match &self.earlier {
            None => Seen::Unknown,
            Some(seen) => seen.get(step).cloned().unwrap_or(Seen::NotBegun),
        }
    }

    /// Notes that a command is about to begin.
    ///
    /// # Errors
    /// It cannot be written: the command must not begin.
    pub fn begun(&self, step: &str) -> io::Result<()> {
        self.note(&Line::Begun { step: step.to_owned() })
    }

    /// Notes how a command ended. If it cannot be written, its end is in doubt until the journal has it.
    pub fn ended(&self, step: &str, fault: Option<Fault>, log: Option<LogRange>) {
        _ = self.note(&Line::Ended { step: step.to_owned(), fault, log });
    }

    /// One write to the end of the file: lines of steps at work at once do not mix.
    fn note(&self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        (&self.file).write_all(&text)
    }
}

/// Returns the steps of a run whose commands began and were not seen to end.
pub fn cut_off(folder: &Path) -> Vec<String> {
    let seen = read(&folder.join(NAME)).unwrap_or_default();
    let mut cut: Vec<String> =
        seen.into_iter().filter(|(_, seen)| *seen == Seen::Begun).map(|(step, _)| step).collect();
    cut.sort();
    cut
}

/// Reads the trace of an earlier life; None if it was of another boot, or is damaged.
fn read(path: &Path) -> Option<HashMap<String, Seen>> {
    let mut lines = BufReader::new(File::open(path).ok()?).lines();
    let first = serde_json::from_str(&lines.next()?.ok()?).ok()?;
    if !matches!(first, Line::Boot { id } if Some(&id) == boot().as_ref()) {
        return None;
    }
    let mut seen = HashMap::new();
    for line in lines {
        match serde_json::from_str(&line.ok()?).ok()? {
            Line::Boot { .. } => return None,
            Line::Begun { step } => seen.insert(step, Seen::Begun),
            Line::Ended { step, fault, log } => seen.insert(step, Seen::Ended(fault, log)),
        };
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_what_an_earlier_life_saw() {
        let folder = tempfile::tempdir().expect("a folder");
        let trace = Trace::open(folder.path()).expect("a trace");
        let log = Some(LogRange { slot: 1, from: 2, to: 3 });
        for step in ["good", "bad", "cut"] {
            trace.begun(step).expect("written");
        }
        trace.ended("good", None, log.clone());
        trace.ended("bad", Some(Fault::refused("exit code 1")), None);
        let later = Trace::open(folder.path()).expect("a trace");
        assert_eq!(later.earlier("good"), Seen::Ended(None, log));
        assert_eq!(later.earlier("bad"), Seen::Ended(Some(Fault::refused("exit code 1")), None));
        assert_eq!(later.earlier("cut"), Seen::Begun);
        assert_eq!(later.earlier("never"), Seen::NotBegun);
        assert_eq!(cut_off(folder.path()), ["cut"]);
    }

    #[test]
    fn it_says_nothing_of_another_boot_or_once_it_is_damaged() {
        for text in ["{\"seen\":\"boot\",\"id\":\"another\"}\n", "{\"seen\":\"bo", ""] {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join(NAME), text).expect("a file");
            let trace = Trace::open(folder.path()).expect("a trace");
            assert_eq!(trace.earlier("any"), Seen::Unknown, "{text:?}");
        }
    }
}
