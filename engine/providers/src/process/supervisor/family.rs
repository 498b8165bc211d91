//! All processes that belong to a service: its leader, its group and session, whatever carries its
//! mark, and the descendants of all of these.
//!
//! It must not signal anything that it does not hold: a pid may come to mean somebody else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, Signal, kill_process_group, pidfd_send_signal};

use super::identity::{Stat, ended, open};

/// The variable that every process of a service inherits: `ID.START`.
pub(super) const MARK: &str = "WINDLASS_SERVICE";

/// The processes of a service, each held by a descriptor.
pub(super) struct Family {
    /// The service's id: the mark without the number of the start.
    id: String,
    leader: Option<i32>,
    held: BTreeMap<i32, OwnedFd>,
}

impl Family {
    /// Gathers all of them. The leader's pid counts only while nobody else can have it: when it is
    /// alive and held, or a child of ours that has ended and was not taken yet.
    pub(super) fn gather(id: &str, leader: Option<i32>) -> Self {
        let mut family = Self { id: id.to_owned(), leader, held: BTreeMap::new() };
        family.look(leader.is_some());
        family
    }

    /// Looks again: for children of those it holds, and for the mark. Returns whether any is alive.
    pub(super) fn again(&mut self) -> bool {
        self.held.retain(|_, held| !ended(held));
        self.look(false);
        !self.held.is_empty()
    }

    fn look(&mut self, pinned: bool) {
        let all = processes();
        let mut members = self.roots(&all, pinned);
        // Parents come before children only mostly: repeat until nothing is added.
        loop {
            let before = members.len();
            let more = all.iter().filter(|p| members.contains(&p.parent)).map(|p| p.pid);
            members.extend(more.collect::<Vec<_>>());
            if members.len() == before {
                break;
            }
        }
        for process in all.iter().filter(|p| p.alive() && members.contains(&p.pid)) {
            self.hold(process);
        }
    }

    fn roots(&self, all: &[Stat], pinned: bool) -> BTreeSet<i32> {
        // A group's number is not given away while anyone is in it.
        let ours = |p: &Stat| self.held.contains_key(&p.pid) && Some(p.group) == self.leader;
        let group = self.leader.filter(|_| pinned || all.iter().any(ours));
        let mark = format!("{MARK}={}.", self.id);
        let root = |p: &&Stat| {
            self.held.contains_key(&p.pid)
                || group.is_some_and(|leader| [p.pid, p.group, p.session].contains(&leader))
                || marked(p.pid, |value| value.starts_with(mark.as_bytes()))
        };
        let me = std::process::id().cast_signed();
        all.iter().filter(root).map(|p| p.pid).filter(|pid| *pid != me).collect()
    }

    fn hold(&mut self, process: &Stat) {
        let Some(held) = open(process.pid) else { return };
        // Opened first, compared afterwards.
        if Stat::of(process.pid).is_some_and(|now| now.start == process.start) {
            self.held.entry(process.pid).or_insert(held);
        }
    }

    /// Returns the first one that is alive.
    pub(super) fn any(&self) -> Option<(i32, &OwnedFd)> {
        self.held.iter().map(|(pid, held)| (*pid, held)).find(|(_, held)| !ended(held))
    }

    /// Signals all of them: the leader's group at once, so that none forks out from under it, and
    /// those outside one by one.
    pub(super) fn signal(&self, signal: Signal) {
        let group = self.leader.filter(|leader| self.held.contains_key(leader));
        if let Some(group) = group.and_then(Pid::from_raw) {
            _ = kill_process_group(group, signal);
        }
        for (pid, held) in &self.held {
            if group.is_none() || Stat::of(*pid).map(|p| p.group) != group {
                _ = pidfd_send_signal(held, signal);
            }
        }
    }
}

/// The process that was started as this one start, by a supervisor that died before it wrote the pid
/// down: the first of those that carry its mark.
pub(super) fn started_as(start: &str) -> Option<i32> {
    let mark = format!("{MARK}={start}");
    let all = processes().into_iter().filter(|p| p.alive() && p.group == p.pid);
    let mut found = all.filter(|p| marked(p.pid, |value| value == mark.as_bytes()));
    let first = found.next()?;
    Some(found.fold(first, |a, b| if b.start < a.start { b } else { a }).pid)
}

/// Returns the mark that a process carries: `ID.START`.
pub(in crate::process) fn mark_of(pid: i32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let name = format!("{MARK}=");
    let mut variables = environment.split(|byte| *byte == 0);
    let value = variables.find_map(|one| one.strip_prefix(name.as_bytes()))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Whether a variable of a process's environment, as `NAME=VALUE`, passes. An environment that is
/// not ours to read, or was cleared, passes nothing.
fn marked(pid: i32, passes: impl Fn(&[u8]) -> bool) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ"));
    environment.is_ok_and(|all| all.split(|byte| *byte == 0).any(passes))
}

fn processes() -> Vec<Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|e| Stat::of(e.file_name().to_str()?.parse().ok()?)).collect()
}

/// Returns the children of this process, of all of its threads, that have ended: also orphans that
/// it inherited.
pub(super) fn ended_children() -> Vec<i32> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|t| fs::read_to_string(t.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    let children: Vec<i32> = if lists.is_empty() {
        // A kernel without CONFIG_PROC_CHILDREN.
        let me = std::process::id().cast_signed();
        processes().iter().filter(|p| p.parent == me).map(|p| p.pid).collect()
    } else {
        lists.iter().flat_map(|l| l.split_whitespace()).filter_map(|p| p.parse().ok()).collect()
    };
    children.into_iter().filter(|pid| Stat::of(*pid).is_some_and(|p| !p.alive())).collect()
}
