//! The lock of a supervisor's folder. Who holds it is the folder's supervisor, as long as it is the
//! one at its path: once the folder was deleted, another supervisor may hold another one there.

use std::fs::{File, Metadata, OpenOptions, symlink_metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

const NAME: &str = "lock";

/// Held until it is dropped.
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes it; None: somebody else has it.
    pub(super) fn take(home: &Path) -> io::Result<Option<Self>> {
        let path = home.join(NAME);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        let lock = Self { file, path };
        Ok(lock.stands().then_some(lock))
    }

    /// Whether it is still the one at its path. In doubt it is.
    pub(super) fn stands(&self) -> bool {
        let inode = |file: Metadata| (file.dev(), file.ino());
        match (self.file.metadata().map(inode), symlink_metadata(&self.path).map(inode)) {
            (Ok(own), Ok(found)) => own == found,
            (_, Err(error)) => {
                !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
            }
            (Err(_), _) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_stands_until_another_one_or_none_is_at_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("services");
        fs::create_dir(&home).expect("a folder");
        let first = Lock::take(&home).expect("a lock").expect("it is free");
        assert!(first.stands());
        assert!(Lock::take(&home).expect("a lock").is_none());
        fs::remove_dir_all(&home).expect("it goes");
        assert!(!first.stands());
        fs::create_dir(&home).expect("a folder");
        let second = Lock::take(&home).expect("a lock").expect("it is another one");
        assert!(!first.stands() && second.stands());
        fs::rename(&home, folder.path().join("elsewhere")).expect("it moves");
        fs::write(&home, "").expect("a file in its place");
        assert!(!second.stands());
    }
}
