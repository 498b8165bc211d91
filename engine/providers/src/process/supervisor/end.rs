//! Ends all processes of a service: the signal, the grace, and KILL until none is left.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::family::Family;
use super::identity::ended;

/// How long processes may take to go after KILL: one that waits for a disk or a mount does not.
const AFTER_KILL: Duration = Duration::from_secs(10);

/// Ends them all, or says which one does not go.
pub(super) async fn end(mut family: Family, signal: Signal, grace: Duration) -> Result<(), String> {
    let deadline = Instant::now() + grace;
    let mut any = family.any().is_some();
    while any && Instant::now() < deadline {
        family.signal(signal);
        _ = timeout_at(deadline, gone(&family)).await;
        // What they left behind is asked in turn.
        any = family.again();
    }
    let deadline = Instant::now() + AFTER_KILL;
    while family.again() {
        family.signal(Signal::KILL);
        _ = timeout(Duration::from_millis(50), gone(&family)).await;
        if Instant::now() > deadline {
            return Err(stuck(&family));
        }
    }
    Ok(())
}

/// Waits until all that are held have ended.
async fn gone(family: &Family) {
    while let Some((_, held)) = family.any() {
        ending(held).await;
    }
}

/// Waits until a process has ended.
pub(super) async fn ending(held: &OwnedFd) {
    while !ended(held) {
        match held.try_clone().and_then(watch) {
            Ok(watched) => _ = watched.readable().await,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

#[expect(
    deprecated,
    reason = "the replacement is unsafe, for types that may hand out another descriptor later; an \
              `OwnedFd` cannot"
)]
fn watch(held: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(held, Interest::READABLE)
}

fn stuck(family: &Family) -> String {
    let Some((pid, _)) = family.any() else {
        return "its processes did not end within 10 s of KILL".into();
    };
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!(
        "process {pid} ({}) did not end within 10 s of KILL; it may be waiting for a disk or a \
         network mount: see /proc/{pid}/stack",
        name.trim()
    )
}
