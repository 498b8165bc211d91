//! What a step does, as it is walked and kept with the run: parameters are put in, secrets are handles.
//!
//! It must not know what it was written like.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::value::{Tree, Value};

/// What a step of a pipeline does, with its parameters put in: pure data, as it is walked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Task {
    /// Variables of its environment, with handles for secrets.
    #[serde(default, skip_serializing_if = "Tree::is_empty")]
    pub env: Tree,
    /// It may be run again after a crash in the middle of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
    /// How often it is tried again when it fails, unless it would end the same.
    #[serde(default)]
    pub retry: u32,
    /// How many steps of the same matrix may be at work at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Artifacts that are laid out before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<TakeTask>,
    /// What it does.
    pub does: TaskWork,
}

/// See [`super::Does`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskWork {
    /// Runs commands.
    Run(RunTask),
    /// Applies a stack.
    Apply {
        /// The stack file.
        file: String,
        /// Another name for the stack.
        name: Option<String>,
        /// Parameters of the stack, with handles for secrets.
        parameters: Tree,
    },
    /// Destroys a stack.
    Destroy {
        /// The stack file, or the name of a stack.
        stack: String,
    },
    /// Lets a resource do something.
    Act {
        /// Its stack.
        stack: String,
        /// Its address.
        resource: String,
        /// The verb of its kind.
        verb: String,
        /// What the verb is told.
        #[serde(default, skip_serializing_if = "Tree::is_empty")]
        args: Tree,
    },
    /// Changes over to a new version.
    Cutover(Box<CutoverTask>),
    /// Goes back to the version before.
    Rollback {
        /// The name of the stack.
        stack: String,
    },
    /// Asks services.
    Probe(ProbeTask),
    /// Tells others.
    Notify(NotifyTask),
    /// Waits for a person.
    Gate(GateTask),
}

/// See [`super::Cutover`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutoverTask {
    /// The stack file.
    pub file: String,
    /// Another name for the stack.
    pub name: Option<String>,
    /// Parameters of the stack, with handles for secrets.
    pub parameters: Tree,
    /// The addresses of what sends requests.
    pub fronts: Vec<String>,
    /// The address of what answers them.
    pub service: Option<String>,
    /// Text with handles for secrets, each for the shell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub smoke: Vec<Value>,
}

/// Commands, and what they make and leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTask {
    /// Text with handles for secrets, each for the shell.
    pub commands: Vec<Value>,
    /// Relative to the project.
    pub directory: Option<String>,
    /// Files with results, and their form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<(ReportForm, String)>,
    /// Files for later steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactTask>,
    /// Files for later runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caches: Vec<CacheTask>,
}

/// Files for later steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactTask {
    /// Its name.
    pub name: String,
    /// Patterns.
    pub files: Vec<String>,
}

/// See [`super::Cache`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheTask {
    /// Its name.
    pub key: String,
    /// What it depends on.
    pub files: Vec<String>,
    /// What is kept.
    pub paths: Vec<String>,
    /// Under which other keys one will do.
    pub restore: Vec<String>,
}

/// See [`super::Take`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeTask {
    /// The step that made it; all of its matrix.
    pub step: String,
    /// Its name.
    pub name: String,
    /// Where to, relative to the project; None: where it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// See [`super::Probe`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeTask {
    /// The name of the stack.
    pub stack: String,
    /// What is asked for.
    pub path: String,
    /// Addresses; none: all that answer over HTTP.
    pub services: Vec<String>,
    /// How long each may take.
    pub within: Duration,
}

/// See [`super::Notify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyTask {
    /// Where to, with handles for secrets.
    pub url: Option<Value>,
    /// Headers, with handles for secrets.
    pub headers: Tree,
    /// Text with handles for secrets, each for the shell.
    pub command: Vec<Value>,
    /// What is to be said.
    pub message: Option<String>,
}

/// See [`super::Gate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateTask {
    /// Names of people or of groups.
    pub approvers: Vec<String>,
    /// For those who are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How long it waits.
    pub expires: Duration,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportForm {
    /// See [`super::Reports::junit`].
    Junit,
    /// See [`super::Reports::robot`].
    Robot,
    /// See [`super::Reports::coverage`].
    Coverage,
}

impl TaskWork {
    /// Returns whether it finds out by itself how far it came when the engine died in the middle of it,
    /// or changes nothing: it may be begun again. Of everything else nobody knows.
    pub fn may_begin_again(&self) -> bool {
        match self {
            // What it went back from does not come again: once more would go back further.
            Self::Run(_) | Self::Notify(_) | Self::Rollback { .. } => false,
            Self::Apply { .. }
            | Self::Destroy { .. }
            | Self::Act { .. }
            | Self::Gate(_)
            | Self::Probe(_)
            | Self::Cutover(_) => true,
        }
    }

    /// Returns the stack file that it reads, if it names one.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Apply { file, .. } => Some(file),
            Self::Destroy { stack } => Some(stack),
            Self::Cutover(cutover) => Some(&cutover.file),
            _ => None,
        }
    }

    /// Returns what it does, in the word that files use.
    pub fn word(&self) -> &str {
        match self {
            Self::Run(_) => "run",
            Self::Apply { .. } => "apply",
            Self::Destroy { .. } => "destroy",
            Self::Act { verb, .. } => verb,
            Self::Cutover(_) => "cutover",
            Self::Rollback { .. } => "rollback",
            Self::Gate(_) => "gate",
            Self::Probe(_) => "probe",
            Self::Notify(_) => "notify",
        }
    }
}
