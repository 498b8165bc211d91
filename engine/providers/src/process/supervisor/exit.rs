//! How a process ended, and taking that from the kernel: for one process at a time, never for any.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde::{Deserialize, Serialize};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// Nobody saw it: it ended while no supervisor ran, or it was not the child of this one.
    Unseen,
}

impl Exit {
    /// Whether it said itself that all is well.
    pub fn well(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => match name(*signal) {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {signal}"),
            },
            Self::Unseen => f.write_str("exit code unknown"),
        }
    }
}

/// Takes the exit of a child that has ended. Unseen: it is not a child of this process.
pub(super) fn take(held: &OwnedFd) -> Exit {
    take_from(WaitId::PidFd(held.as_fd()))
}

/// Frees the entry of an orphan that has ended; nobody asks how.
pub(super) fn bury(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        take_from(WaitId::Pid(pid));
    }
}

fn take_from(which: WaitId<'_>) -> Exit {
    let Ok(Some(status)) = waitid(which, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) else {
        return Exit::Unseen;
    };
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unseen,
    }
}

/// The signals that end services in practice: signal(7).
fn name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::identity::{ended, open};
    use super::*;

    #[expect(clippy::zombie_processes, reason = "it is taken by its pidfd")]
    fn run(script: &str) -> Exit {
        let child = Command::new("/bin/sh").args(["-c", script]).spawn().expect("a shell");
        let held = open(child.id().cast_signed()).expect("a pidfd");
        while !ended(&held) {
            std::thread::yield_now();
        }
        take(&held)
    }

    #[test]
    fn codes_and_signals_are_told_apart() {
        assert_eq!(run("exit 3"), Exit::Code(3));
        assert_eq!(run("kill -9 $$").to_string(), "killed by KILL");
        assert!(run("exit 0").well());
    }

    #[test]
    fn the_end_of_another_ones_child_is_unseen() {
        let held = open(1).expect("the first process");
        assert_eq!(take(&held), Exit::Unseen);
    }
}
