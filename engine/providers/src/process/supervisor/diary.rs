//! What the supervisor did, a line each in `supervisor.log`: for people who look for what happened.
//!
//! No secret gets here: only names, pids, numbers and paths.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file's name; the supervisor's own output goes to it as well.
pub(super) const FILE: &str = "supervisor.log";
/// Past this it is set aside, once.
const SIZE: u64 = 1 << 20;

pub(super) struct Diary(PathBuf);

impl Diary {
    pub(super) fn new(home: &Path) -> Self {
        Self(home.join(FILE))
    }

    /// Writes a line. A full disk must not end a supervisor: then there is none.
    pub(super) fn note(&self, text: &str) {
        if fs::metadata(&self.0).is_ok_and(|m| m.len() > SIZE) {
            _ = fs::rename(&self.0, self.0.with_extension("log.1"));
        }
        let time = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S%.3fZ");
        let pid = std::process::id();
        let mut options = OpenOptions::new();
        if let Ok(mut file) = options.create(true).append(true).mode(0o600).open(&self.0) {
            _ = writeln!(file, "{time} [{pid}] {text}");
        }
    }
}
