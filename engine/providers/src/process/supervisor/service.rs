//! One service: what is durable about it, and what it is doing at this moment.
//!
//! Pure bookkeeping; what follows from an event is decided in `supervisor`.

use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::exit::Exit;
use super::protocol::Answer;
use super::record::{Record, Wanted};
use super::spec::{Program, Restart, RestartWhen, ServiceSpec};
use super::status::{Health, State, Status};

/// So many crashes in a row are no accident.
const CRASHING: u32 = 3;
/// So many lines of its log say what is wrong.
const TAIL: usize = 5;

/// Where an answer is waited for.
pub(super) type Reply = oneshot::Sender<Answer>;

/// A service.
pub(super) struct Service {
    pub(super) record: Record,
    /// None: it is not known, and what lies on disk could not be opened.
    pub(super) program: Option<Program>,
    pub(super) phase: Phase,
    pub(super) health: Health,
    /// Why it could not be started, or could not be ended.
    pub(super) problem: Option<String>,
    /// Those who wait until its present processes have ended.
    pub(super) waiting: Vec<Reply>,
}

/// What it is doing.
pub(super) enum Phase {
    /// Nothing runs, and nothing is going to be started.
    Off,
    /// It runs.
    Up(Up),
    /// Its processes are being ended, and something follows.
    Ending(Ending),
    /// It is started again at a time.
    Waiting { until: Instant, _alarm: Task },
}

/// A start that runs.
pub(super) struct Up {
    pub(super) pid: i32,
    pub(super) held: OwnedFd,
    pub(super) since: Instant,
    /// Whether it is a child of this supervisor: then its pid is its own until its exit is taken.
    pub(super) own: bool,
    pub(super) _watch: Task,
    pub(super) probe: Option<Task>,
}

/// The end of its processes.
pub(super) struct Ending {
    pub(super) then: Then,
    /// The leader, as long as its exit was not taken.
    pub(super) leader: Option<(i32, OwnedFd)>,
    pub(super) _work: Task,
}

/// What follows when its processes have ended.
#[derive(Debug)]
pub(super) enum Then {
    /// It ended by itself, after so long.
    Settle(Exit, Duration),
    /// Another one takes its place.
    Start(Box<ServiceSpec>, String),
    /// It stays off.
    Rest,
    /// It is forgotten.
    Forget { logs: bool },
}

/// A task that ends with its owner.
pub(super) struct Task(pub(super) AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Service {
    /// Returns one that does not run.
    pub(super) fn new(record: Record, program: Option<Program>) -> Self {
        let health = Health::new(record.rules.health.is_some());
        Self { record, program, phase: Phase::Off, health, problem: None, waiting: vec![] }
    }

    /// Whether a supervisor has to be there for it.
    pub(super) fn needs_care(&self) -> bool {
        !matches!(self.phase, Phase::Off) || self.record.wanted == Wanted::Running
    }

    /// The leader whose exit is its own to take.
    pub(super) fn leader(&self) -> Option<i32> {
        match &self.phase {
            Phase::Up(up) => Some(up.pid),
            Phase::Ending(ending) => ending.leader.as_ref().map(|(pid, _)| *pid),
            _ => None,
        }
    }

    /// Its leader's pid, while it runs.
    pub(super) fn pid(&self) -> Option<i32> {
        match &self.phase {
            Phase::Up(up) => Some(up.pid),
            _ => None,
        }
    }

    pub(super) fn status(&self) -> Status {
        let record = &self.record;
        let state = self.state();
        let until = match self.phase {
            Phase::Waiting { until, .. } => Some(until.saturating_duration_since(Instant::now())),
            _ => None,
        };
        Status {
            name: record.name.clone(),
            token: record.token.clone(),
            facts: record.rules.facts.clone(),
            state,
            pid: self.pid(),
            supervised: true,
            starts: record.starts,
            restarts: record.restarts,
            last_exit: record.last_exit,
            lasted: record.lasted,
            started_at: record.started_at,
            health: self.health.clone(),
            problem: self.problem.clone(),
            next_start: until.map(|left| left.as_millis() as u64),
            tail: if state == State::Running { vec![] } else { record.rules.log.tail(TAIL) },
        }
    }

    fn state(&self) -> State {
        let crashing = self.record.crashes >= CRASHING;
        match &self.phase {
            Phase::Up(up) if !crashing || self.steady(up) => State::Running,
            Phase::Ending(ending) if !matches!(ending.then, Then::Settle(..)) => State::Stopping,
            Phase::Up(_) | Phase::Waiting { .. } | Phase::Ending(_) if crashing => State::Crashing,
            Phase::Up(_) | Phase::Waiting { .. } | Phase::Ending(_) => State::Waiting,
            Phase::Off if self.record.wanted == Wanted::Running => State::NeedsSecrets,
            Phase::Off => State::Stopped,
        }
    }

    fn steady(&self, up: &Up) -> bool {
        up.since.elapsed() >= self.record.rules.restart.steady
    }

    /// Answers all who wait.
    pub(super) fn answer(&mut self) {
        for reply in std::mem::take(&mut self.waiting) {
            _ = reply.send(Answer::Statuses(vec![Some(self.status())]));
        }
    }

    /// Tells all who wait that there is nothing any more.
    pub(super) fn done(&mut self) {
        for reply in std::mem::take(&mut self.waiting) {
            _ = reply.send(Answer::Done);
        }
    }

    /// Says no to all who wait.
    pub(super) fn refuse(&mut self, why: &str) {
        for reply in std::mem::take(&mut self.waiting) {
            _ = reply.send(Answer::Refused(why.to_owned()));
        }
    }
}

impl Restart {
    /// Whether it is started again after this.
    pub(super) fn again(&self, exit: Exit) -> bool {
        match self.when {
            RestartWhen::Always => true,
            RestartWhen::OnFailure => !exit.well(),
            RestartWhen::Never => false,
        }
    }

    /// The pause after so many crashes in a row.
    pub(super) fn pause_after(&self, crashes: u32) -> Duration {
        let times = self.factor.max(1.0).powi(crashes.saturating_sub(1).min(1_000).cast_signed());
        let pause = self.pause.as_secs_f64() * times;
        Duration::try_from_secs_f64(pause).map_or(self.longest, |pause| pause.min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_the_longest() {
        let restart = Restart {
            when: RestartWhen::OnFailure,
            pause: Duration::from_millis(200),
            factor: 2.0,
            longest: Duration::from_secs(30),
            steady: Duration::from_secs(10),
        };
        let pauses = [1, 2, 3, 8, 9, 4_000_000].map(|n| restart.pause_after(n).as_millis());
        assert_eq!(pauses, [200, 400, 800, 25_600, 30_000, 30_000]);
        assert!(restart.again(Exit::Unseen) && restart.again(Exit::Signal(9)));
        assert!(!restart.again(Exit::Code(0)));
    }
}
