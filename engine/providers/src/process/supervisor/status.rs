//! What a service is doing, as far as its supervisor knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::exit::Exit;

/// What a service is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What it is called.
    pub name: String,
    /// Whose effect it is.
    pub token: String,
    /// What its owner wanted to be told again.
    pub facts: BTreeMap<String, String>,
    /// What it does.
    pub state: State,
    /// Its leader, while it runs.
    pub pid: Option<i32>,
    /// Whether a supervisor is there to keep it running.
    pub supervised: bool,
    /// How often it was started, in all.
    pub starts: u64,
    /// How often of these by the supervisor, because it had ended.
    pub restarts: u64,
    /// How it ended last.
    pub last_exit: Option<Exit>,
    /// How many milliseconds it had run by then, if it was seen from the start.
    #[serde(default)]
    pub lasted: Option<u64>,
    /// When it was started last: milliseconds since 1970.
    pub started_at: Option<u64>,
    /// Whether it works.
    pub health: Health,
    /// What keeps it from running, and what to do.
    pub problem: Option<String>,
    /// Milliseconds until it is started again.
    pub next_start: Option<u64>,
    /// The last lines of its log, when it does not run well.
    pub tail: Vec<String>,
}

/// What a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It runs.
    Running,
    /// It ended and is started again after a pause.
    Waiting,
    /// It ended again and again, whether it happens to run at this moment or not.
    Crashing,
    /// It is being ended.
    Stopping,
    /// It does not run, and nothing will start it.
    Stopped,
    /// It ended and cannot be started again: its environment is sealed with another key.
    NeedsSecrets,
}

/// What the probes said about the present start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What follows from them.
    pub verdict: Verdict,
    /// What the last one saw: `GET /health → 503`.
    pub detail: String,
    /// How many failed in a row.
    pub failures: u32,
}

/// Whether a service works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing says how to see it.
    Unchecked,
    /// No probe has succeeded since it was started, and it is still given time.
    Starting,
    /// The last probes succeeded.
    Healthy,
    /// It failed too often.
    Unhealthy,
}

impl Status {
    /// Returns how it is, in a word; `running` is well.
    pub fn word(&self) -> &'static str {
        match self.state {
            State::Running if !self.supervised => "unsupervised",
            State::Running if self.health.verdict == Verdict::Unhealthy => "unhealthy",
            // It is about to be started again, as it should be.
            State::Running | State::Waiting => "running",
            State::Crashing => "crashing",
            State::Stopping | State::Stopped => "stopped",
            State::NeedsSecrets => "needs-secrets",
        }
    }
}

impl Health {
    /// Before the first probe; `checked`: there will be one.
    pub(super) fn new(checked: bool) -> Self {
        let verdict = if checked { Verdict::Starting } else { Verdict::Unchecked };
        Self { verdict, detail: String::new(), failures: 0 }
    }
}
