//! Where runs, their events and the state that follows from them are kept.
//!
//! State is a fold of the journal: an append writes its events and what follows from them in one
//! transaction, so that neither can be there without the other. A store must not decide anything
//! but whether the writer still holds its lease.

mod cause;
mod fold;
mod memory;
mod sqlite;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use model::event::{Event, Intent};
use model::record::{OutputsRecord, Record, Row};
use model::registry::BoxFuture;
use model::{Address, Token};
use serde::{Deserialize, Serialize};

pub use cause::Cause;
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;

/// The number of a run: later runs have larger ones. Also the generation of what it makes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct RunId(pub u64);

/// Milliseconds since 1970, UTC.
pub type Millis = u64;

/// A run that is about to begin.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// What it does.
    pub kind: RunKind,
    /// The stack or pipeline.
    pub subject: String,
    /// The run that started it as one of its steps.
    pub parent: Option<RunId>,
    /// The name of the saved plan, which runs once.
    pub plan_id: Option<String>,
    /// What it takes to go on with it after a crash, where the files cannot say it again.
    pub plan: Option<String>,
    /// See [`Run::nonce`].
    pub nonce: String,
    /// The number that its steps were told, if they were told one: it begins under this or not at all.
    pub expects: Option<RunId>,
    /// See [`Run::again`].
    pub again: Option<RunId>,
    /// See [`Run::cause`].
    pub cause: Option<Box<Cause>>,
    /// What is known from the start.
    pub events: Vec<Event>,
    /// The time.
    pub now: Millis,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Makes a stack as its file says.
    Apply,
    /// Destroys a stack.
    Destroy,
    /// Walks a pipeline.
    Pipeline,
    /// Changes what is remembered, and nothing else.
    State,
    /// Lets a resource do something.
    Action,
}

/// A run as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
    /// The stack or pipeline.
    pub subject: String,
    /// The run that started it as one of its steps.
    pub parent: Option<RunId>,
    /// When it began.
    pub began: Millis,
    /// When it ended; None: it is running, or its process is gone.
    pub ended: Option<Millis>,
    /// How it ended; [`RunOutcome::Waiting`]: it goes on when a person says so.
    pub outcome: Option<RunOutcome>,
    /// What was stored to go on with it.
    #[serde(skip)]
    pub plan: Option<String>,
    /// Random, and part of its tokens: a store that was put back from a copy hands out numbers of runs
    /// once more, and what the lost runs made must not pass for what the new ones make. Empty for runs
    /// of older versions.
    #[serde(skip)]
    pub nonce: String,
    /// The run of which it does a part again: its steps were told that one's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<RunId>,
    /// What it was started for, where a program started it: no other run is for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<Cause>>,
    /// Its events are no longer kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pruned: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every step is done, or was rightly skipped.
    Done,
    /// A step failed or could not run.
    Failed,
    /// It was told to stop.
    Stopped,
    /// Its process ended without a word; a later run settled what was in doubt.
    Abandoned,
    /// It has not ended: a gate waits for a person, and nobody is at work meanwhile.
    Waiting,
}

/// The right to change one stack or pipeline, for a time. The number only grows: who comes with an
/// older one has been overtaken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The stack or pipeline.
    pub subject: String,
    /// The fencing number.
    pub fence: u64,
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// In words: `apply by process 4711 on this machine`.
    pub name: String,
    /// When it ends unless it is renewed.
    pub until: Millis,
}

/// What came of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is yours.
    Lease(Lease),
    /// Somebody else holds it.
    HeldBy(Holder),
}

/// Who is what in the world.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// See [`Record::claim`].
    pub claim: String,
    /// The stack of the resource.
    pub stack: String,
    /// Its key in the state.
    pub key: String,
}

/// An effect of which nobody knows whether it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The step.
    pub step: Address,
    /// The run that began it.
    pub run: RunId,
    /// Names the effect.
    pub token: Token,
    /// What was about to happen.
    pub intent: Intent,
}

/// Why the store did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The lease went to somebody else.
    Fenced {
        /// The stack or pipeline.
        subject: String,
    },
    /// The saved plan has run before.
    PlanUsed {
        /// The run that it became.
        run: RunId,
    },
    /// There is a run for the same cause.
    CauseUsed {
        /// That run.
        run: RunId,
    },
    /// Another run took the number that this one counted on.
    Overtaken,
    /// A newer version of Windlass wrote it.
    Newer {
        /// The version of the form that was found.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It is not a store, or damaged.
    Corrupt(String),
    /// It cannot be written: the disk is full.
    Full(String),
    /// It cannot be read or written for another reason.
    Unavailable(String),
}

/// Where everything durable is kept. Reads answer at once; writes answer when they are durable.
pub trait Store: Send + Sync {
    /// Returns the name that this store was given when it was made: part of every token.
    fn project(&self) -> &str;

    /// Begins a run and returns its number.
    fn begin(&self, run: NewRun) -> BoxFuture<'_, Result<RunId, StoreError>>;

    /// Appends events of a run, and what follows from them. When it answers, all of it is durable in
    /// this order; a crash leaves a prefix of the appends, each whole.
    fn append(
        &self,
        run: RunId,
        lease: &Lease,
        events: Vec<Event>,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Ends a run.
    fn finish(
        &self,
        run: RunId,
        outcome: RunOutcome,
        now: Millis,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Adds what a person said about a run. It needs no lease, since nothing follows from it before who
    /// holds the lease looks.
    fn note(&self, run: RunId, event: Event) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Says that a run waits for a person and nobody is at work on it, or no longer so. It has not ended.
    fn wait(&self, run: RunId, waits: bool) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Forgets the events of these runs, but of none that has no end or left something in doubt.
    fn prune(&self, runs: Vec<RunId>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Asks for the lease of a stack or pipeline.
    fn acquire(
        &self,
        subject: &str,
        holder: Holder,
        now: Millis,
    ) -> BoxFuture<'_, Result<Acquired, StoreError>>;

    /// Holds a lease for longer.
    fn renew(&self, lease: &Lease, until: Millis) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Gives a lease back; one that was lost is no error.
    fn release(&self, lease: &Lease) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Returns the rows of a stack, sorted by key.
    fn rows(&self, stack: &str) -> Result<Vec<(String, Row)>, StoreError>;

    /// Returns one record of a stack.
    fn record(&self, stack: &str, key: &str) -> Result<Option<Record>, StoreError>;

    /// Returns what each resource of a stack needed when it was applied: names of blocks by key.
    fn needs(&self, stack: &str) -> Result<Vec<(String, Vec<String>)>, StoreError>;

    /// Returns what the resources of all stacks are in the world, sorted by their claims.
    fn claims(&self) -> Result<Vec<Claim>, StoreError>;

    /// Returns the effects of a stack of which nobody knows whether they happened, in their order.
    fn doubts(&self, stack: &str) -> Result<Vec<Doubt>, StoreError>;

    /// Returns the outputs of a stack; None: it was never applied to its end.
    fn outputs(&self, stack: &str) -> Result<Option<OutputsRecord>, StoreError>;

    /// Returns the names of all stacks of which something is remembered.
    fn stacks(&self) -> Result<Vec<String>, StoreError>;

    /// Returns runs, newest first.
    fn runs(&self, subject: Option<&str>, most: usize) -> Result<Vec<Run>, StoreError>;

    /// Returns runs of one [`RunKind::scope`], newest first: those of a pipeline and of the stack of its
    /// name are told apart.
    fn runs_in(&self, scope: &str, most: usize) -> Result<Vec<Run>, StoreError>;

    /// Returns all runs of a scope that have no end, newest first.
    fn unended(&self, scope: &str) -> Result<Vec<Run>, StoreError>;

    /// Returns one run.
    fn run(&self, id: RunId) -> Result<Option<Run>, StoreError>;

    /// Returns the run that was started for a cause, by the cause's id.
    fn run_for(&self, cause: &str) -> Result<Option<Run>, StoreError>;

    /// Returns runs with events that nobody needs any more, oldest first, at most a hundred: they have
    /// ended, left nothing in doubt, and are older than the newest `keep` of their [`RunKind::scope`].
    fn prunable(&self, scope: &str, keep: usize) -> Result<Vec<RunId>, StoreError>;

    /// Returns all runs whose events are kept, newest first.
    fn unpruned(&self) -> Result<Vec<Run>, StoreError>;

    /// Returns the runs that left something in doubt, of all stacks.
    fn in_doubt(&self) -> Result<BTreeSet<RunId>, StoreError>;

    /// Returns a run and those that did a part of it again, newest first.
    fn parts(&self, first: RunId) -> Result<Vec<Run>, StoreError>;

    /// Returns the run that a kept plan was applied by.
    fn plan_used(&self, id: &str) -> Result<Option<RunId>, StoreError>;

    /// Returns the events of a run, in order.
    fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError>;

    /// Returns the events of a run behind the first `known` of them, in order: what came since is little,
    /// however long the run is.
    fn events_since(&self, run: RunId, known: usize) -> Result<Vec<Event>, StoreError>;

    /// Returns who holds the lease of a stack or pipeline, perhaps beyond its end.
    fn holder(&self, subject: &str) -> Result<Option<Holder>, StoreError>;

    /// Returns how long each step took last time, in milliseconds, by what [`timed`] makes of it, of the
    /// [`RunKind::scope`] of its runs; steps that were quick are left out.
    fn timings(&self, scope: &str) -> Result<HashMap<String, u64>, StoreError>;
}

/// Forgetting takes a moment for each run: it is shared among those that come later.
const PRUNED_AT_ONCE: usize = 100;

/// What the scopes of pipelines begin with.
pub(crate) const PIPELINE: &str = "pipeline ";

/// What the scopes of actions begin with.
pub(crate) const ACTION: &str = "action ";

/// What the leases of groups of pipelines begin with.
pub(crate) const GROUP: &str = "group ";

/// Steps that took less are not worth remembering, in milliseconds.
pub const WORTH_TIMING: u64 = 100;

/// Returns under what the time of a step is kept: to destroy something takes another time than to make
/// it, and so does another kind. `of` is the kind that was made, `delete`, or nothing.
pub fn timed(step: &str, of: &str) -> String {
    format!("{of} {step}").trim_start().to_owned()
}

/// The rows of one stack, sorted by key.
pub type Rows = BTreeMap<String, Row>;

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fenced { subject } => write!(
                f,
                "the lease on `{subject}` ran out and somebody else took over: nothing more is written"
            ),
            Self::PlanUsed { run } => {
                write!(f, "this plan was applied already, as run {run}: plan again")
            }
            Self::CauseUsed { run } => {
                write!(f, "this was run already, as run {run}: it runs once")
            }
            Self::Overtaken => f.write_str("another run began at the same moment"),
            Self::Newer { found, known } => write!(
                f,
                "the store has format {found} and this program knows {known}: use the newer windlass that wrote it"
            ),
            Self::Corrupt(why) => write!(f, "the store is damaged: {why}"),
            Self::Full(why) => write!(f, "the store cannot be written, the disk is full: {why}"),
            Self::Unavailable(why) => write!(f, "the store cannot be used: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    /// Returns whether the store is well, and only this was not to be written.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Fenced { .. } | Self::PlanUsed { .. } | Self::CauseUsed { .. } | Self::Overtaken
        )
    }
}

impl RunKind {
    /// Returns the name under which the lease of such a run, its doubts and its timings are kept: a
    /// pipeline and the stack that it applies may have the same name, and no name has a blank in it.
    pub fn scope(self, subject: &str) -> String {
        match self {
            Self::Pipeline => format!("{PIPELINE}{subject}"),
            Self::Action => format!("{ACTION}{subject}"),
            Self::Apply | Self::Destroy | Self::State => subject.to_owned(),
        }
    }

    /// Takes a scope apart: the word of its kinds, empty for all that change a stack, and its name.
    fn apart(scope: &str) -> (&str, &str) {
        match (scope.strip_prefix(PIPELINE), scope.strip_prefix(ACTION)) {
            (Some(name), _) => (PIPELINE.trim_end(), name),
            (_, Some(name)) => (ACTION.trim_end(), name),
            (None, None) => ("", scope),
        }
    }

    /// Returns the word under which it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::Pipeline => "pipeline",
            Self::State => "state",
            Self::Action => "action",
        }
    }

    fn of_word(word: &str) -> Self {
        match word {
            "apply" => Self::Apply,
            "destroy" => Self::Destroy,
            "pipeline" => Self::Pipeline,
            "action" => Self::Action,
            _ => Self::State,
        }
    }
}

impl RunOutcome {
    /// Returns the word under which it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Abandoned => "abandoned",
            Self::Waiting => "waiting",
        }
    }
}
