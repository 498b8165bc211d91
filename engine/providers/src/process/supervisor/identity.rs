//! Which process is meant. A pid alone is never trusted: it may belong to somebody else by now.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};

/// A process, and no other one with its pid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) pid: i32,
    /// When it started, in ticks since boot.
    start: u64,
    /// Which boot, and which pid namespace: the folder may be seen by several.
    boot: String,
}

/// What `/proc/PID/stat` says about a process: proc(5).
#[derive(Clone, Debug)]
pub(in crate::process) struct Stat {
    pub(in crate::process) pid: i32,
    pub(super) state: char,
    pub(in crate::process) parent: i32,
    pub(in crate::process) group: i32,
    pub(super) session: i32,
    pub(super) start: u64,
}

impl Stat {
    /// Reads it; None: there is no such process.
    pub(in crate::process) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        // The name may hold anything, also parentheses: fields begin behind the last one.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse().ok();
        Some(Self {
            pid,
            state: fields.first()?.chars().next()?,
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            start: fields.get(19)?.parse().ok()?,
        })
    }

    /// Whether a signal keeps it from going on: STOP, or a debugger's.
    pub(super) fn stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }

    /// A zombie is not alive.
    pub(super) fn alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }
}

impl Identity {
    /// Returns who has this pid now, dead or alive.
    pub(super) fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, start: Stat::of(pid)?.start, boot: boot()? })
    }

    /// Returns a hold on it while it is alive. Opens first and checks afterwards: from then on the
    /// descriptor cannot come to mean another process.
    pub(super) fn hold(&self) -> Option<OwnedFd> {
        let held = open(self.pid)?;
        let stat = Stat::of(self.pid)?;
        let same = stat.start == self.start && boot()? == self.boot;
        (same && stat.alive()).then_some(held)
    }

    /// Whether it still runs.
    pub(super) fn alive(&self) -> bool {
        self.hold().is_some()
    }
}

/// Returns a descriptor for whoever has this pid now.
pub(super) fn open(pid: i32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()
}

/// Whether the process behind a pidfd has ended.
pub(super) fn ended(held: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(held, PollFlags::IN)], Some(&now)).is_ok_and(|ready| ready > 0)
}

fn boot() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    Some(format!("{} {}", boot.trim(), space.display()))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_pid_with_another_start_is_somebody_else() {
        let me = Identity::of(std::process::id().cast_signed()).expect("this process");
        assert!(me.alive());
        assert!(!Identity { start: me.start + 1, ..me.clone() }.alive());
        assert!(!Identity { boot: "another".into(), ..me }.alive());
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "exit 0"])
            .stdin(Stdio::null())
            .spawn()
            .expect("a shell");
        let pid = child.id().cast_signed();
        let held = open(pid).expect("a pidfd");
        while !ended(&held) {
            std::thread::yield_now();
        }
        let dead = Identity::of(pid).expect("a zombie is still listed");
        assert!(!dead.alive());
        child.wait().expect("a child");
        assert!(Identity::of(pid).is_none_or(|other| other != dead));
    }
}
