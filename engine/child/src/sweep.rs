//! Finding and ending processes by the token in their environment: what a dead engine left running.
//!
//! It must not touch a process without the token.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process_group};
use tokio::time::{Instant, sleep};

use crate::TOKEN;

/// Returns the processes that carry the token, zombies not among them.
pub fn find(token: &str) -> Vec<Pid> {
    let wanted = format!("{TOKEN}={token}");
    let carries = |pid: &i32| {
        fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|text| text.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes()))
    };
    let own = std::process::id().cast_signed();
    pids().filter(|pid| *pid != own).filter(carries).filter_map(Pid::from_raw).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Returns the processes of a group that still run. Zombies are not among them: nobody can end them,
/// and where nobody reaps orphans they stay for ever.
pub fn living(group: Pid) -> Vec<Pid> {
    if test_kill_process_group(group).is_err_and(|error| error == Errno::SRCH) {
        return Vec::new();
    }
    let own = group.as_raw_nonzero().to_string();
    let runs = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything: the state, the parent, the group.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let state = fields.next().unwrap_or("Z");
        !matches!(state, "Z" | "X") && fields.nth(1) == Some(&own)
    };
    pids().filter(runs).filter_map(Pid::from_raw).collect()
}

/// Ends every process that carries the token, and returns how many there were. A child that is about
/// to be started shows its parent's environment until it runs its program, so it looks twice.
///
/// # Errors
/// Some process does not end.
pub async fn sweep(token: &str, grace: Duration) -> io::Result<usize> {
    let first = find(token);
    first.iter().for_each(|pid| _ = kill_process(*pid, Signal::TERM));
    let patience = Instant::now() + grace;
    while !find(token).is_empty() && Instant::now() < patience {
        sleep(Duration::from_millis(10)).await;
    }
    let mut ended = first.len();
    for _ in 0..100 {
        let left = find(token);
        if left.is_empty() {
            sleep(Duration::from_millis(20)).await;
            if find(token).is_empty() {
                return Ok(ended);
            }
        }
        ended = ended.max(left.len());
        left.iter().for_each(|pid| _ = kill_process(*pid, Signal::KILL));
        sleep(Duration::from_millis(10)).await;
    }
    let left = find(token).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(io::Error::other(format!("what it started does not end: process {left}")))
}
