//! The course of a service: started, ended, settled, started again.
//!
//! Each effect follows a record that says it was meant: killed anywhere, a successor knows.

use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::time::{Instant, sleep};

use super::end::{end, ending};
use super::exit::{Exit, take};
use super::family::Family;
use super::health::{Prober, Sight};
use super::identity::{Identity, ended, open};
use super::record::Wanted;
use super::service::{Ending, Phase, Service, Task, Then, Up};
use super::spec::{ServiceSpec, StopSignal};
use super::status::Health;
use super::supervise::{News, Supervisor};

/// What to do when the program of a service that ended cannot be opened.
const NEEDS_SECRETS: &str = "it ended, and its environment is sealed with a key that is gone: it needs secrets: run \
     windlass apply";

impl Supervisor {
    /// Starts it: the intent, the process, the record of it.
    pub(super) fn start(&mut self, name: &str) {
        let Some(mut service) = self.services.remove(name) else { return };
        match self.launch(&mut service) {
            Ok((pid, held)) => {
                service.problem = None;
                self.watch(&mut service, pid, held, true);
                self.diary.note(&format!("started {name}, pid {pid}"));
            }
            Err(why) => {
                self.diary.note(&format!("{name} was not started: {why}"));
                service.problem = Some(why);
                service.record.start = None;
                service.record.started_at = None;
                self.crashed(&mut service, Duration::ZERO);
            }
        }
        service.answer();
        self.services.insert(name.to_owned(), service);
    }

    fn launch(&mut self, service: &mut Service) -> Result<(i32, OwnedFd), String> {
        let program = service.program.as_ref().ok_or(NEEDS_SECRETS)?;
        let record = &mut service.record;
        record.starts += 1;
        let start = format!("{}.{}", record.id, record.starts);
        (record.wanted, record.process) = (Wanted::Running, None);
        (record.start, record.started_at) = (Some(start.clone()), Some(now()));
        self.records.write(record).map_err(|error| self.unwritten(&error))?;
        let pid = program.start(&record.rules.working_directory, &record.rules.log, &start)?;
        let held = held(pid, open(pid))?;
        // Not taken yet: also one that has ended already is still listed under its pid.
        record.process = Identity::of(pid);
        if let Err(error) = self.records.write(record) {
            // The intent is there, and its successor would find it by its mark.
            self.diary.note(&format!("{}: {}", record.name, self.unwritten(&error)));
        }
        Ok((pid, held))
    }

    pub(super) fn unwritten(&self, error: &std::io::Error) -> String {
        format!("{} cannot be written to: {error}", self.home.display())
    }

    /// Watches and probes a process that runs.
    pub(super) fn watch(&self, service: &mut Service, pid: i32, held: OwnedFd, own: bool) {
        let watched = held.try_clone();
        let watch = self.later(service, async move {
            match watched {
                Ok(held) => ending(&held).await,
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
            News::Gone
        });
        service.health = Health::new(service.record.rules.health.is_some());
        let probe = self.probe(service);
        let since = Instant::now();
        service.phase = Phase::Up(Up { pid, held, since, own, _watch: watch, probe });
    }

    /// Begins to probe it, if anything says how.
    pub(super) fn probe(&self, service: &Service) -> Option<Task> {
        let record = &service.record;
        let prober = Prober {
            check: record.rules.health.clone()?,
            program: service.program.clone().unwrap_or_default(),
            folder: record.rules.working_directory.clone(),
            mark: record.start.clone().unwrap_or_default(),
            claims: self.claims.clone(),
        };
        let tell = self.teller(service);
        let task = tokio::spawn(prober.run(move |sight| tell(News::Seen(sight))));
        Some(Task(task.abort_handle()))
    }

    pub(super) fn seen(&mut self, name: &str, sight: Sight) {
        let Some(service) = self.services.get_mut(name) else { return };
        let Phase::Up(up) = &service.phase else { return };
        let (age, before) = (up.since.elapsed(), service.health.verdict);
        if let Some(check) = &service.record.rules.health {
            service.health.take(sight, check, age);
        }
        if service.health.verdict != before {
            let Health { verdict, detail, .. } = &service.health;
            self.diary.note(&format!("{name} is {verdict:?}: {detail}").to_lowercase());
        }
    }

    /// Its leader has ended: what it left behind has to end too, before anything else.
    pub(super) fn gone(&mut self, name: &str) {
        let Some(mut service) = self.services.remove(name) else { return };
        if let Phase::Up(up) = std::mem::replace(&mut service.phase, Phase::Off) {
            if ended(&up.held) {
                // Gathered while its pid is its own; only then its exit is taken.
                let family = Family::gather(&service.record.id, up.own.then_some(up.pid));
                let exit = take(&up.held);
                let ran = up.since.elapsed();
                service.record.last_exit = Some(exit);
                service.record.lasted = up.own.then_some(ran.as_millis() as u64);
                self.diary.note(&format!("{name} ended after {} ms: {exit}", ran.as_millis()));
                self.end_family(&mut service, family, Then::Settle(exit, ran), None);
            } else {
                self.watch(&mut service, up.pid, up.held, up.own);
            }
        }
        self.services.insert(name.to_owned(), service);
    }

    /// Begins to end a service, whatever it is doing.
    pub(super) fn end(&mut self, service: &mut Service, then: Then) {
        let (leader, pinned) = match std::mem::replace(&mut service.phase, Phase::Off) {
            Phase::Up(up) => {
                let pinned = (up.own || !ended(&up.held)).then_some(up.pid);
                (Some((up.pid, up.held)), pinned)
            }
            _ => (None, None),
        };
        let family = Family::gather(&service.record.id, pinned);
        self.end_family(service, family, then, leader);
    }

    fn end_family(
        &self,
        service: &mut Service,
        family: Family,
        then: Then,
        leader: Option<(i32, OwnedFd)>,
    ) {
        let stop = service.record.rules.stop.clone();
        let work = self.later(service, async move {
            let kill = stop.signal == StopSignal::Kill;
            let grace = if kill { Duration::ZERO } else { stop.grace };
            News::Ended(end(family, stop.signal.signal(), grace).await)
        });
        service.phase = Phase::Ending(Ending { then, leader, _work: work });
    }

    /// All of its processes have ended.
    pub(super) fn ended(&mut self, name: &str, result: Result<(), String>) {
        let Some(mut service) = self.services.remove(name) else { return };
        if let Phase::Ending(Ending { then, leader, _work }) =
            std::mem::replace(&mut service.phase, Phase::Off)
        {
            if let Err(why) = result {
                self.diary.note(&format!("{name} does not end: {why}"));
                service.refuse(&why);
                service.problem = Some(why);
                let family = Family::gather(&service.record.id, None);
                self.end_family(&mut service, family, then, leader);
            } else {
                if let Some((_, held)) = leader {
                    let exit = take(&held);
                    service.record.last_exit = Some(exit);
                    service.record.lasted = None;
                    self.diary.note(&format!("{name} was ended: {exit}"));
                }
                (service.record.process, service.record.start) = (None, None);
                return self.follow(service, then);
            }
        }
        self.services.insert(name.to_owned(), service);
    }

    /// Does what follows when nothing of a service runs any more.
    fn follow(&mut self, mut service: Service, then: Then) {
        let name = service.record.name.clone();
        match then {
            Then::Settle(exit, ran) => self.settle(&mut service, exit, ran),
            Then::Start(spec, token) => {
                self.fill(&mut service, *spec, token);
                self.services.insert(name.clone(), service);
                return self.start(&name);
            }
            Then::Rest => {
                self.rest(&mut service);
                service.answer();
            }
            Then::Forget { logs } => return self.forget(service, logs),
        }
        self.services.insert(name, service);
    }

    /// It ended by itself: started again after a pause, or left.
    pub(super) fn settle(&mut self, service: &mut Service, exit: Exit, ran: Duration) {
        if service.record.rules.restart.again(exit) {
            self.crashed(service, ran);
        } else {
            self.rest(service);
        }
    }

    fn crashed(&mut self, service: &mut Service, ran: Duration) {
        let restart = &service.record.rules.restart;
        let pause = restart.pause_after(service.record.crashes + 1);
        let steady = ran >= restart.steady;
        if !restart.again(Exit::Unseen) {
            return self.rest(service);
        }
        let crashes = if steady { 1 } else { service.record.crashes.saturating_add(1) };
        service.record.crashes = crashes;
        let pause = if steady { service.record.rules.restart.pause_after(1) } else { pause };
        self.note_down(service);
        if service.program.is_none() {
            service.problem = Some(NEEDS_SECRETS.into());
            service.phase = Phase::Off;
            return self.diary.note(&format!("{}: {NEEDS_SECRETS}", service.record.name));
        }
        let alarm = self.later(service, async move {
            sleep(pause).await;
            News::Due
        });
        service.phase = Phase::Waiting { until: Instant::now() + pause, _alarm: alarm };
    }

    pub(super) fn due(&mut self, name: &str) {
        if let Some(service) = self.services.get_mut(name) {
            service.record.restarts += 1;
            self.start(name);
        }
    }

    /// It stays off, also when a successor comes.
    pub(super) fn rest(&self, service: &mut Service) {
        service.phase = Phase::Off;
        service.record.wanted = Wanted::Stopped;
        self.note_down(service);
    }

    fn forget(&mut self, mut service: Service, logs: bool) {
        let name = service.record.name.clone();
        if let Err(error) = self.records.forget(&name) {
            service.refuse(&self.unwritten(&error));
            self.services.insert(name, service);
            return;
        }
        if logs {
            service.record.rules.log.remove();
        }
        self.diary.note(&format!("removed {name}"));
        service.done();
    }

    /// Writes its record. A full disk must not end what runs: the one before stays true enough.
    pub(super) fn note_down(&self, service: &Service) {
        if let Err(error) = self.records.write(&service.record) {
            self.diary.note(&format!("{}: {}", service.record.name, self.unwritten(&error)));
        }
    }

    /// Makes a service what is wanted, from the next start on.
    pub(super) fn fill(&self, service: &mut Service, spec: ServiceSpec, token: String) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let plain = serde_json::to_vec(&spec.program).unwrap_or_default();
        let record = &mut service.record;
        record.sealed = self.secrets.seal(&plain).map(|sealed| STANDARD.encode(sealed));
        (record.token, record.rules, record.crashes) = (token, spec.rules, 0);
        service.program = Some(spec.program);
        service.problem = None;
    }
}

/// Returns the hold on a child that was started. One that cannot be held is not kept: its group is
/// killed, or the next start would stand beside it.
fn held(pid: i32, held: Option<OwnedFd>) -> Result<OwnedFd, String> {
    held.ok_or_else(|| {
        if let Some(pid) = Pid::from_raw(pid) {
            // Its exit was not taken, so that its pid is still its own.
            _ = kill_process_group(pid, Signal::KILL);
            _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
        }
        "it cannot be watched (pidfd_open failed) and was killed: see ulimit -n of the supervisor, \
         and that the kernel is Linux 5.3 or later"
            .to_owned()
    })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use super::super::identity::Stat;
    use super::*;

    #[test]
    #[expect(clippy::zombie_processes, reason = "what is tested waits for it")]
    fn a_child_that_cannot_be_held_is_ended_with_its_group() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 1000 & echo $!; wait"]).process_group(0).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let mut line = String::new();
        let mut out = std::io::BufReader::new(child.stdout.take().expect("its output"));
        std::io::BufRead::read_line(&mut out, &mut line).expect("a pid");
        let pid = child.id().cast_signed();
        let why = held(pid, None).expect_err("it is not kept");
        assert!(why.contains("cannot be watched"), "{why}");
        assert!(Stat::of(pid).is_none(), "it is there, or was not waited for");
        let other: i32 = line.trim().parse().expect("a pid");
        let until = Instant::now() + Duration::from_secs(5);
        while Stat::of(other).is_some_and(|process| process.alive()) {
            assert!(Instant::now() < until, "{other} still runs");
            std::thread::yield_now();
        }
    }
}
