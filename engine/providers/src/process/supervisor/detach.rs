//! Leaving behind what clings to a process from whoever started it: session, descriptors, umask.

use std::fs;
use std::io;
use std::os::fd::RawFd;

use rustix::fs::Mode;
use rustix::process::{setsid, umask};

/// Detaches this process. It holds no descriptor of its own yet but the standard ones.
///
/// What is inherited would stay open here and in every service: the lock of a `flock` around the
/// command that started it would never be free again, the end of a pipe never be seen.
pub(crate) fn detach() -> io::Result<()> {
    // Refused to the leader of a group: then there is nothing to detach from.
    _ = setsid();
    // What most systems start services with, whatever the shell had that happened to start this one.
    umask(Mode::from_raw_mode(0o022));
    for inherited in open_descriptors()?.into_iter().filter(|descriptor| *descriptor > 2) {
        // One of them read the list, and is closed already.
        _ = nix::unistd::close(inherited);
    }
    Ok(())
}

fn open_descriptors() -> io::Result<Vec<RawFd>> {
    let entries = fs::read_dir("/proc/self/fd")?.flatten();
    Ok(entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}
