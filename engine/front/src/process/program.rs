//! Which program a front is: one that was installed in its place is another.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Returns what tells the file of a program from whatever stands at its path later; nothing where it cannot
/// be looked at.
pub(crate) fn mark(program: &Path) -> Option<String> {
    let found = fs::metadata(program).ok()?;
    let (seconds, nanos) = (found.mtime(), found.mtime_nsec());
    Some(format!("{}:{}:{}:{seconds}.{nanos}", found.dev(), found.ino(), found.len()))
}

/// Returns that of this process, also when its file is gone from its path.
pub(crate) fn own_mark() -> Option<String> {
    mark(Path::new("/proc/self/exe"))
}
