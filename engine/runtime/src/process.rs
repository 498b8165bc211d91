//! Which process this is, and whether another one still lives: a pid alone may mean somebody else by
//! now, so its start time and the boot go with it.
//!
//! It must not signal anyone.

use std::fmt;
use std::fs;

/// A process, told from all others on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    start: u64,
    boot: String,
}

impl Process {
    /// Returns this process.
    pub fn own() -> Option<Self> {
        let pid = std::process::id();
        Some(Self { pid, start: start(pid)?, boot: boot()? })
    }

    /// Reads what `Display` wrote, up to the first space.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ').next()?.splitn(3, ':');
        let (pid, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { pid, start, boot: parts.next()?.to_owned() })
    }

    /// Returns whether it has surely ended. Of another machine's process nothing is known; that of an
    /// earlier boot of this one looks the same, and waits for its lease to end.
    pub fn is_gone(&self) -> bool {
        boot().as_ref() == Some(&self.boot) && start(self.pid) != Some(self.start)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.pid, self.start, self.boot)
    }
}

/// In ticks since the boot; None for what has ended, zombies among it.
fn start(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z" && state != "X").then_some(())?;
    fields.nth(18)?.parse().ok()
}

fn boot() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn this_process_lives_and_one_that_started_at_another_time_does_not() {
        let own = Process::own().expect("a /proc");
        assert_eq!(Process::parse(&format!("{own} apply shop")), Some(own.clone()));
        assert!(!own.is_gone());
        assert!(Process { start: own.start + 1, ..own.clone() }.is_gone());
        assert!(!Process { boot: "another".to_owned(), ..own }.is_gone());
    }
}
