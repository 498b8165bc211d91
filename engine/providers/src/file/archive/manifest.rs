//! What is in a folder, without reading the files: names, kinds, modes, sizes, times and where
//! links lead.
//!
//! It is made alike from the same archive on every machine. Whoever changes a file and gives it its
//! old size and time is not noticed: to read everything for each plan would cost too much.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::{Digest, Fault};

use crate::beside::beside;
use crate::disk;

/// What is in a folder.
pub(super) struct Manifest {
    pub(super) digest: Digest,
    pub(super) files: u64,
    pub(super) size: u64,
}

impl Manifest {
    /// Looks through a folder, beside the other work. It only looks: one that is given up harms
    /// nobody.
    pub(super) async fn of(folder: &Path) -> Result<Self, Fault> {
        let folder = folder.to_owned();
        beside(move |stop| {
            let failed = |error| disk::fault("look through", &folder, &error);
            let mut found = Vec::new();
            let mut open = vec![folder.clone()];
            while let Some(next) = open.pop() {
                if stop.is_called() {
                    return Err(Fault::passing("it was given up"));
                }
                entries(&next, &mut open, &mut found).map_err(failed)?;
            }
            found.sort();
            Self::sum(&folder, &found).map_err(failed)
        })
        .await
    }

    fn sum(folder: &Path, found: &[PathBuf]) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let (mut files, mut size) = (0, 0);
        for path in found {
            let metadata = fs::symlink_metadata(path)?;
            bytes.extend(path.strip_prefix(folder).unwrap_or(path).as_os_str().as_bytes());
            bytes.push(0);
            if metadata.is_symlink() {
                bytes.push(b'l');
                bytes.extend(fs::read_link(path)?.as_os_str().as_bytes());
            } else {
                bytes.push(if metadata.is_dir() { b'd' } else { b'f' });
                bytes.extend((metadata.mode() & 0o7777).to_le_bytes());
            }
            if metadata.is_file() {
                files += 1;
                size += metadata.len();
                bytes.extend(metadata.len().to_le_bytes());
                bytes.extend(metadata.mtime().to_le_bytes());
                bytes.extend(metadata.mtime_nsec().to_le_bytes());
            }
            bytes.push(0);
        }
        Ok(Self { digest: Digest::of(&bytes), files, size })
    }
}

fn entries(folder: &Path, open: &mut Vec<PathBuf>, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open.push(entry.path());
        }
        found.push(entry.path());
    }
    Ok(())
}
