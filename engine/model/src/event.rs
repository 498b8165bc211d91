//! What is durable about a run. Everything else about it is a fold of these.
//!
//! It must not hold anything that is only interesting while it happens (progress, log lines), and
//! never the text of a secret.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::{Address, Token};
use crate::fault::Fault;
use crate::record::{OutputsRecord, Record};
use crate::value::{Digest, Tree};

/// One thing that happened to a step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The intent: durable before the effect may begin.
    Started {
        /// The step.
        step: Address,
        /// Names the effect, for every attempt.
        token: Token,
        /// What is about to happen, so that a later run can find out whether it did. None: nothing
        /// outside of the state, or a step that is known from the stored plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intent: Option<Box<Intent>>,
    },
    /// How it ended.
    Ended {
        /// The step.
        step: Address,
        /// Its end.
        ending: Ending,
        /// How long it ran, in milliseconds; 0 if it did not.
        #[serde(default, skip_serializing_if = "is_zero")]
        took: u64,
        /// Its output in the run's logs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<LogRange>,
    },
    /// A gate was reached, and waits for a person.
    Asked {
        /// The step.
        step: Address,
        /// What is asked.
        question: Box<Question>,
    },
    /// A person answered.
    Decided {
        /// The step.
        step: Address,
        /// What was said.
        decision: Decision,
    },
}

/// What a gate asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// When it was reached, in milliseconds since 1970.
    pub at: u64,
    /// Until when it may be answered, in milliseconds since 1970.
    pub until: u64,
    /// Who may answer: names of people or of groups; none: anybody.
    pub approvers: Vec<String>,
    /// In words, for who is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What is asked about, by name: the steps behind the gate, the files that they read, the commit.
    pub about: BTreeMap<String, Digest>,
}

/// What a person said to a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether it goes on.
    pub approved: bool,
    /// Who said so.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Of [`Question::about`]: what was decided about.
    pub about: Digest,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Ending {
    /// It is done, and this is what is different now.
    Done {
        /// What it did, in words: `created`, `kept: it can change in place`.
        what: Outcome,
        /// What becomes of the state, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        state: Vec<StateChange>,
    },
    /// It ran, and the answer is no.
    Failed {
        /// Why.
        fault: Fault,
    },
    /// It could not run, or nobody knows how it went: its token stays in doubt for the next run.
    Errored {
        /// Why.
        fault: Fault,
    },
    /// It was in doubt, or the run was stopped before it: it has not happened, and may yet.
    Lost,
    /// Something before it failed.
    Blocked {
        /// The step that it waited for.
        by: Address,
    },
    /// Its `when` did not come true.
    Skipped,
}

/// What a step did that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A resource was made.
    Created,
    /// A resource was changed in place.
    Updated,
    /// A new one was made beside the old one, which goes later.
    Replaced,
    /// A resource was destroyed.
    Deleted,
    /// It goes on to exist, but is no longer looked after.
    Forgotten,
    /// Only the state was brought up to date.
    Remembered,
    /// It was to be destroyed first, and can change in place after all.
    Kept,
    /// Nothing was left to do.
    Nothing,
    /// A step of a pipeline succeeded.
    Succeeded,
    /// It succeeded in the run of which this one does a part again.
    Earlier,
}

impl Outcome {
    /// Returns it for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Replaced => "replaced",
            Self::Deleted => "destroyed",
            Self::Forgotten => "forgotten",
            Self::Remembered => "remembered",
            Self::Kept => "kept, it could change in place",
            Self::Nothing => "nothing to do",
            Self::Succeeded => "done",
            Self::Earlier => "done in the run before",
        }
    }
}

/// A change of the remembered state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateChange {
    /// This is what there is under this key now.
    Put {
        /// The key in the state.
        key: String,
        /// What there is.
        record: Box<Record>,
    },
    /// Nothing is left under this key.
    Remove {
        /// The key in the state.
        key: String,
    },
    /// What other stacks may read.
    Outputs(OutputsRecord),
}

/// What an effect was about to do, complete: a later run finds out whether it happened and, if so,
/// remembers it as this run would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What was to happen.
    pub verb: Verb,
    /// The name of the kind.
    pub kind: String,
    /// The key in the state that it is about.
    pub key: String,
    /// What was wanted, complete; of a deletion what had been applied.
    pub spec: Tree,
    /// Of the block and of every value that it reads.
    pub digest: Digest,
    /// The generation that it was to become.
    pub generation: u64,
    /// See [`Record::needs`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// See [`Record::protect`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// See [`Record::claim`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// Where the old one goes in the state when the new one is made beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// How long one attempt may take, and one look for what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

/// What was to happen to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is destroyed.
    Delete,
}

/// A part of a log file: what one step wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRange {
    /// The file's number within the run.
    pub slot: u32,
    /// The first byte.
    pub from: u64,
    /// The byte after the last.
    pub to: u64,
}

impl Event {
    /// Returns the step that it is about.
    pub fn step(&self) -> &Address {
        match self {
            Self::Started { step, .. }
            | Self::Ended { step, .. }
            | Self::Asked { step, .. }
            | Self::Decided { step, .. } => step,
        }
    }
}

impl Question {
    /// Returns what tells what it is about from anything else.
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::to_string(&self.about).unwrap_or_default().as_bytes())
    }
}

impl Ending {
    /// Returns whether the step is done.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// Returns why it is not done, if it ran or tried to.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Failed { fault } | Self::Errored { fault } => Some(fault),
            _ => None,
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
