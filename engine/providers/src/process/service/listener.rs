//! Who listens on a port of this machine, as far as `/proc` tells: proc(5).

use std::fmt;
use std::fs;

use crate::process::supervisor::{Stat, mark_of};

/// A process that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    /// It, by name and pid.
    Known(String, i32),
    /// A process whose descriptors cannot be seen.
    Hidden,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(name, pid) => write!(f, "{name} (pid {pid})"),
            Self::Hidden => f.write_str("a process of another user"),
        }
    }
}

/// Returns who listens on a port, on any address.
pub(super) fn on(port: u16) -> Option<Listener> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let text = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    let inode = text.iter().flat_map(|text| text.lines()).find_map(|line| listening(line, port))?;
    Some(owner(&format!("socket:[{inode}]")).unwrap_or(Listener::Hidden))
}

/// Returns who listens on a port that was given to a service and is not one of its processes: its
/// leader, its group, their descendants, and whoever carries its mark.
pub(super) fn stranger_on(port: u16, leader: Option<i32>) -> Option<Listener> {
    let found = on(port)?;
    match (&found, leader) {
        (Listener::Known(_, pid), Some(leader)) if belongs(*pid, leader) => None,
        // Who it is cannot be seen: it may be the service under another user.
        (Listener::Hidden, Some(_)) => None,
        _ => Some(found),
    }
}

fn belongs(pid: i32, leader: i32) -> bool {
    let mark =
        |pid: i32| mark_of(pid).map(|mark| mark.rsplit_once('.').map(|(id, _)| id.to_owned()));
    if mark(leader).is_some_and(|ours| mark(pid) == Some(ours)) {
        return true;
    }
    let mut ancestors = std::iter::successors(Stat::of(pid), |stat| Stat::of(stat.parent));
    ancestors.any(|stat| stat.pid == leader || stat.group == leader)
}

/// The inode of a line of the table, if it listens on the port.
fn listening(line: &str, port: u16) -> Option<&str> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (_, number) = fields.get(1)?.rsplit_once(':')?;
    let here = u16::from_str_radix(number, 16).is_ok_and(|number| number == port);
    // 0A is LISTEN (include/net/tcp_states.h).
    (here && fields.get(3) == Some(&"0A")).then(|| fields.get(9).copied()).flatten()
}

fn owner(socket: &str) -> Option<Listener> {
    let entries = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let pid = pids.find(|pid| holds(*pid, socket))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(Listener::Known(name.trim().to_owned(), pid))
}

fn holds(pid: i32, socket: &str) -> bool {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut targets = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.any(|target| target.to_str() == Some(socket))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_listener_is_found_by_its_port_and_gone_when_it_is() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).expect("a port");
            let port = listener.local_addr().expect("an address").port();
            let found = on(port).expect("a listener");
            let me = std::process::id().cast_signed();
            assert!(matches!(&found, Listener::Known(_, pid) if *pid == me), "{found}");
            drop(listener);
            // A child that another test is about to start has a hold of it for a moment.
            let soon = Instant::now() + Duration::from_secs(5);
            while let Some(found) = on(port) {
                assert!(Instant::now() < soon, "{found}");
            }
        }
    }
}
