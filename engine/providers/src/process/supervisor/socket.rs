//! The supervisor's socket, whatever the length of its folder's path.
//!
//! The address of a socket ends at 108 bytes (unix(7)), so it is named through the opened folder.

use std::fs::{File, Permissions, set_permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

const NAME: &str = "socket";

/// Listens in the folder; the caller holds its lock, so that what is there is stale for certain.
pub(super) fn listen(home: &Path) -> io::Result<UnixListener> {
    remove(home);
    let folder = File::open(home)?;
    let listener = UnixListener::bind(short(&folder))?;
    set_permissions(home.join(NAME), Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Removes the socket, so that nobody connects any more.
pub(super) fn remove(home: &Path) {
    _ = std::fs::remove_file(home.join(NAME));
}

/// Connects to whoever listens in the folder.
pub(super) async fn connect(home: &Path) -> io::Result<UnixStream> {
    let folder = File::open(home)?;
    UnixStream::connect(short(&folder)).await
}

fn short(folder: &File) -> PathBuf {
    format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()).into()
}
