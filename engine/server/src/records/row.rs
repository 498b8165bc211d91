//! One run of the queue, as it is kept and as it is shown.

use std::collections::BTreeMap;

use runtime::store::{Cause, Millis};
use rusqlite::Row;
use serde::{Deserialize, Serialize};

/// A run that was asked for: it waits, runs, or has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueuedRun {
    /// Its number, on this server.
    #[serde(rename = "run")]
    pub id: u64,
    /// Whose it is.
    pub repository: String,
    /// The name of the pipeline, or of its file where that cannot be read.
    pub pipeline: String,
    /// The pipeline's file, relative to the project.
    pub file: String,
    /// What it was started for.
    pub cause: Cause,
    /// Parameters, by name.
    pub parameters: BTreeMap<String, String>,
    /// Which others it does not run beside, and what becomes of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouped: Option<Grouped>,
    /// What it does now.
    pub state: State,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// Why, where the steps do not say it.
    pub message: Option<String>,
    /// Its number in the project, where `windlass runs show` knows it by.
    pub project_run: Option<u64>,
    /// A part of another run: `failed`, or `from STEP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub course: Option<String>,
    /// The run of which it does a part again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// Somebody asked for its end: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel: Option<String>,
    /// When it was asked for, in milliseconds since 1970.
    pub queued: Millis,
    /// When it began.
    pub started: Option<Millis>,
    /// When it ended.
    pub ended: Option<Millis>,
}

/// The group of a run: what becomes of the others of it when a new one comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouped {
    /// The group's name.
    pub group: String,
    /// Those that wait for their turn or for a person are left out: the newest runs.
    pub keeps_newest: bool,
    /// The one that is at work is ended.
    pub ends_running: bool,
}

/// What a run does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for its turn.
    Waiting,
    /// It was begun, and has no end yet.
    Running,
    /// It did what it could, and waits until somebody approves.
    Approval,
    /// It is over.
    Ended,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every step did what it should.
    Passed,
    /// A step did not, or it could not begin.
    Failed,
    /// Somebody asked for its end.
    Cancelled,
    /// A newer one took its place before it began, or while it waited for a person.
    Superseded,
}

impl State {
    /// Returns the word under which it is kept and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Approval => "approval",
            Self::Ended => "ended",
        }
    }

    fn of_word(word: &str) -> Self {
        match word {
            "waiting" => Self::Waiting,
            "running" => Self::Running,
            "approval" => Self::Approval,
            _ => Self::Ended,
        }
    }
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Passed, Self::Failed, Self::Cancelled, Self::Superseded];

    /// Returns the word under which it is kept and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.word() == word)
    }
}

/// What [`QueuedRun::of_row`] reads.
pub(crate) const COLUMNS: &str = "id, repository, pipeline, file, cause, parameters, grouped, state, \
     verdict, message, project_run, course, of, cancel, queued, started, ended";

impl QueuedRun {
    pub(crate) fn of_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text = |at: usize| row.get::<_, Option<String>>(at);
        Ok(Self {
            id: row.get(0)?,
            repository: row.get(1)?,
            pipeline: row.get(2)?,
            file: row.get(3)?,
            cause: read(&row.get::<_, String>(4)?).unwrap_or_default(),
            parameters: read(&row.get::<_, String>(5)?).unwrap_or_default(),
            grouped: text(6)?.and_then(|grouped| read(&grouped)),
            state: State::of_word(&row.get::<_, String>(7)?),
            verdict: text(8)?.and_then(|verdict| Verdict::of_word(&verdict)),
            message: row.get(9)?,
            project_run: row.get(10)?,
            course: row.get(11)?,
            of: row.get(12)?,
            cancel: row.get(13)?,
            queued: row.get(14)?,
            started: row.get(15)?,
            ended: row.get(16)?,
        })
    }

    /// Returns whether it is over.
    pub fn is_over(&self) -> bool {
        self.state == State::Ended
    }
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
