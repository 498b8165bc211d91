//! A pipeline file: steps, each with one key that says what it does.
//!
//! It must not know how a step is run.

mod does;
mod schedule;
mod task;

use std::collections::BTreeMap;

use language::{Name, Period, Spec, Text};

pub use does::{
    Cache, Caches, Cutover, Does, Fronts, Gate, Notify, OfStack, Patterns, Probe, Reports,
    RestoreStep, Take, TakeName, TakeTo,
};
pub use schedule::{CatchUp, Overlap, Schedule, Schedules};
pub use task::{
    ArtifactTask, CacheTask, CutoverTask, GateTask, NotifyTask, ProbeTask, ReportForm, RunTask,
    TakeTask, Task, TaskWork,
};

use crate::file::stack::{Each, Parameter};

/// Steps that run in the order of their needs.
#[derive(Clone, Debug, Spec)]
#[spec(extensions)]
pub struct Pipeline {
    /// The name of the pipeline.
    pub pipeline: Name,
    /// What it is for, in a line.
    pub description: Option<String>,
    /// What starts it.
    #[spec(default = "{}")]
    pub on: Triggers,
    /// Which runs take turns, and what becomes of those that wait.
    pub concurrency: Option<Concurrency>,
    /// Variables of the environment of every step.
    #[spec(default = "{}")]
    pub env: BTreeMap<String, Text>,
    /// Its steps by name.
    pub steps: BTreeMap<Name, PipelineStep>,
}

/// Steps that several pipelines share, in a file of their own: see `use`.
#[derive(Clone, Debug, Spec)]
#[spec(extensions)]
pub struct SharedSteps {
    /// The name of what they are.
    pub shared: Name,
    /// What they are for, in a line.
    pub description: Option<String>,
    /// Values by name, read as `${name}`, which who uses them gives under `with`.
    #[spec(default = "{}")]
    pub parameters: BTreeMap<Name, Parameter>,
    /// Steps by name.
    pub steps: BTreeMap<Name, PipelineStep>,
}

/// Runs of one group take turns, whatever their pipelines. Runs of one pipeline always do.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub struct Concurrency {
    /// The name of the group.
    pub group: Name,
    /// Which of those that wait on the server, for their turn or for a person, are kept.
    #[spec(default = "all")]
    pub keep: Keep,
    /// What a newer one ends, on the server; without it, nothing.
    pub cancel: Option<Cancel>,
}

/// Which runs of a group that wait are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Keep {
    /// Each has its turn, in order.
    All,
    /// The newest one; it takes the place of those that waited before it, also at a gate.
    Newest,
}

/// What a newer run of a group ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Cancel {
    /// The one that is at work, with everything that it started.
    Running,
}

/// What starts a pipeline.
#[derive(Clone, Debug, Spec)]
pub struct Triggers {
    /// A person: `windlass run`.
    #[spec(default = "{}")]
    pub manual: Manual,
    /// A push to a repository that `windlass serve` hosts or follows.
    pub push: Option<Push>,
    /// The time, where `windlass serve` looks after the repository.
    pub schedule: Option<Schedules>,
}

/// Which pushes start a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub struct Push {
    /// Those to a branch that fits one of these patterns, such as `main` or `release/*`.
    #[spec(default = "[main]")]
    pub branches: Vec<String>,
    /// Those that change a file that fits one of these patterns, such as `app/**`; by default all.
    #[spec(default = "[]")]
    pub paths: Vec<String>,
}

/// What a person may say when starting a pipeline.
#[derive(Clone, Debug, Spec)]
pub struct Manual {
    /// Values by name, read as `${name}`.
    #[spec(default = "{}")]
    pub parameters: BTreeMap<Name, Parameter>,
}

/// One step.
#[derive(Clone, Debug, Spec)]
pub struct PipelineStep {
    /// Steps that must end first.
    #[spec(default = "[]")]
    pub needs: Vec<String>,
    /// After what it runs.
    #[spec(default = "success")]
    pub when: StepWhen,
    /// How long one attempt may take.
    #[spec(default = "1h")]
    pub timeout: Period,
    /// How often it is tried again when it fails, unless it would end the same.
    #[spec(default = "0")]
    pub retry: u32,
    /// It may be run again after a crash in the middle of it.
    #[spec(default = "false")]
    pub idempotent: bool,
    /// Runs it once for each combination of these values: under `py: ["3.11", "3.12"]` the step `unit`
    /// becomes `unit[3.11]` and `unit[3.12]`, and `${matrix.py}` is its value in each. Every key is an
    /// axis with a list of texts, but for three: `exclude` lists combinations that are left out, by one
    /// axis or more; `include` lists further ones, each with a value for every axis; `limit` is how many
    /// of them may run at once. A step that needs `unit` waits for all of them.
    pub matrix: Option<BTreeMap<Name, MatrixEntry>>,
    /// Artifacts of earlier steps that are laid out before it begins: `build.site`, or `{ from: build.site,
    /// to: web }`. It waits for those steps.
    #[spec(default = "[]")]
    pub takes: Vec<Take>,
    /// Variables of its environment. This is the way in for what others choose: a parameter that is put
    /// into `run` becomes a part of that script, whatever stands in it. Write `"$NAME"` there.
    #[spec(default = "{}")]
    pub env: BTreeMap<String, Text>,
    #[spec(flatten)]
    pub does: Does,
}

/// What stands under a key of a matrix.
#[derive(Clone, Debug, Spec)]
pub enum MatrixEntry {
    /// Under `limit`: how many run at once.
    Limit(u32),
    /// Under the name of an axis: its values. Under `include` and `exclude`: combinations.
    Items(Vec<MatrixItem>),
}

/// A value of an axis, or a combination of values.
#[derive(Clone, Debug, Spec)]
pub enum MatrixItem {
    /// A value.
    Value(Each),
    /// Values by axis.
    Combination(BTreeMap<Name, Each>),
}

/// After what a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum StepWhen {
    /// All that it needs succeeded.
    Success,
    /// Something that it needs failed.
    Failure,
    /// In any case.
    Always,
}
