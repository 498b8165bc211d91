//! The supervisor's socket, whatever the length of its folder's path.
//!
//! The address of a socket ends at 108 bytes (unix(7)), so it is named through the opened folder.

use std::fs::{File, Permissions, remove_file, set_permissions, symlink_metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

const NAME: &str = "socket";

/// The file that a supervisor listens at, known by its inode: once the folder was deleted and made
/// anew, another supervisor's socket may lie at the same path.
pub(super) struct Socket {
    file: PathBuf,
    inode: u64,
}

/// Listens in the folder; the caller holds its lock, so that what is there is stale for certain.
pub(super) fn listen(home: &Path) -> io::Result<(UnixListener, Socket)> {
    let file = home.join(NAME);
    _ = remove_file(&file);
    let folder = File::open(home)?;
    let listener = UnixListener::bind(short(&folder))?;
    set_permissions(&file, Permissions::from_mode(0o600))?;
    let inode = symlink_metadata(&file)?.ino();
    Ok((listener, Socket { file, inode }))
}

impl Socket {
    /// Removes it if it is still this one, so that nobody connects any more.
    pub(super) fn remove(&self) {
        if symlink_metadata(&self.file).is_ok_and(|found| found.ino() == self.inode) {
            _ = remove_file(&self.file);
        }
    }
}

/// Connects to whoever listens in the folder.
pub(super) async fn connect(home: &Path) -> io::Result<UnixStream> {
    let folder = File::open(home)?;
    UnixStream::connect(short(&folder)).await
}

fn short(folder: &File) -> PathBuf {
    format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_its_own_socket_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_first, own) = listen(folder.path()).expect("a socket");
        let (_second, successor) = listen(folder.path()).expect("a socket");
        own.remove();
        connect(folder.path()).await.expect("the successor's socket is still there");
        successor.remove();
        connect(folder.path()).await.expect_err("it is gone");
    }
}
