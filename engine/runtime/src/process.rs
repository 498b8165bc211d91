//! Which process this is, and whether another one still lives: a pid alone may mean somebody else by
//! now or in another container, so its start time, the boot and the pid namespace go with it.
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
    /// All containers of a machine see the same boot, and each its own processes.
    namespace: String,
}

impl Process {
    /// Returns this process.
    pub fn own() -> Option<Self> {
        let pid = std::process::id();
        Some(Self { pid, start: start(pid)?, boot: boot()?, namespace: namespace()? })
    }

    /// Reads what `Display` wrote, up to the first space.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ').next()?.splitn(4, ':');
        let (pid, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let mut word = || parts.next().map(str::to_owned);
        Some(Self { pid, start, boot: word()?, namespace: word().unwrap_or_default() })
    }

    /// Returns whether it has surely ended. Of a process of another machine or container nothing is
    /// known; that of an earlier boot looks the same, and waits for its lease to end.
    pub fn is_gone(&self) -> bool {
        let seen_from_here =
            boot().as_ref() == Some(&self.boot) && namespace().as_ref() == Some(&self.namespace);
        seen_from_here && start(self.pid) != Some(self.start)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.pid, self.start, self.boot, self.namespace)
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

/// Returns what tells this boot of the machine from all others.
pub(crate) fn boot() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

/// The number in `pid:[4026531836]`.
fn namespace() -> Option<String> {
    let link = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.to_str()?.chars().filter(char::is_ascii_digit).collect())
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
        let ended = Process { start: own.start + 1, ..own.clone() };
        assert!(!Process { boot: "another".to_owned(), ..ended.clone() }.is_gone());
        assert!(!Process { namespace: "1".to_owned(), ..ended }.is_gone(), "a living container's");
    }
}
