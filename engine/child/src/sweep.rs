//! Finding and ending processes by the token in their environment: what a dead engine left running.
//!
//! It must not touch a process without the token.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
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
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| *pid != own)
        .filter(carries)
        .filter_map(Pid::from_raw)
        .collect()
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
    Err(io::Error::other("processes that it started do not end"))
}
