//! What the supervisor did, a line each in `supervisor.log`: for people who look for what happened.
//!
//! No secret gets here: only names, pids, numbers and paths.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::lock::Lock;

/// The file's name; the supervisor's own output goes to it as well.
pub(super) const FILE: &str = "supervisor.log";
/// Past this it is set aside, once.
const SIZE: u64 = 1 << 20;

pub(super) struct Diary {
    file: PathBuf,
    lock: Rc<Lock>,
}

impl Diary {
    pub(super) fn new(home: &Path, lock: Rc<Lock>) -> Self {
        Self { file: home.join(FILE), lock }
    }

    /// Writes a line. A full disk must not end a supervisor: then there is none. Nor is there where
    /// the diary of another supervisor may lie by now.
    pub(super) fn note(&self, text: &str) {
        if !self.lock.stands() {
            return;
        }
        let file = &self.file;
        if fs::metadata(file).is_ok_and(|m| m.len() > SIZE) {
            _ = fs::rename(file, file.with_extension("log.1"));
        }
        let time = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S%.3fZ");
        let pid = std::process::id();
        let mut options = OpenOptions::new();
        if let Ok(mut file) = options.create(true).append(true).mode(0o600).open(file) {
            _ = writeln!(file, "{time} [{pid}] {text}");
        }
    }
}
