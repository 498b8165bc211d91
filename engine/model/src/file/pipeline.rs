//! A pipeline file: steps, each with one key that says what it does.
//!
//! It must not know how a step is run.

use std::collections::BTreeMap;

use language::{Keys, Name, Period, Script, Spec, Text};
use serde::{Deserialize, Serialize};

use crate::file::stack::{Each, Parameter};
use crate::value::Tree;

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
    /// Variables of the environment of every step.
    #[spec(default = "{}")]
    pub env: BTreeMap<String, Text>,
    /// Its steps by name.
    pub steps: BTreeMap<Name, PipelineStep>,
}

/// What starts a pipeline.
#[derive(Clone, Debug, Spec)]
pub struct Triggers {
    /// A person: `windlass run`.
    #[spec(default = "{}")]
    pub manual: Manual,
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
    /// How often it is tried again when it fails.
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

/// What a step does.
#[derive(Clone, Debug, Spec)]
pub enum Does {
    /// Runs commands on this machine, one after the other; the first that fails ends it.
    Run {
        /// Commands for the shell.
        run: Vec<Script<Text>>,
        /// The folder to run them in, relative to the project.
        directory: Option<String>,
        /// Files with results that the commands write. They become one result of the run, over all
        /// combinations of a matrix and all attempts, and a step that leaves none of them fails.
        reports: Option<Reports>,
    },
    /// Plans a stack when the step starts, and applies it, as a run of its own.
    Apply {
        /// The stack file.
        apply: String,
        /// Another name for the stack.
        #[spec(key = "as")]
        name: Option<String>,
        /// Parameters of the stack. One that holds a secret goes to a parameter of `type: secret`.
        #[spec(default = "{}")]
        parameters: BTreeMap<String, Text>,
    },
    /// Destroys a stack, as a run of its own.
    Destroy {
        /// The stack file, or the name of a stack.
        destroy: String,
    },
}

/// Files with results, by their form: a pattern like `out/**/*.xml`, or a list of them. They are found
/// in the folder where the commands run; older ones, of an earlier run, do not count.
#[derive(Clone, Debug, Spec)]
#[spec(check = check_reports)]
pub struct Reports {
    /// `JUnit` XML, as nearly every test runner writes it.
    pub junit: Option<Patterns>,
    /// `output.xml` of Robot Framework.
    pub robot: Option<Patterns>,
    /// Coverage: Cobertura XML, or an LCOV tracefile.
    pub coverage: Option<Patterns>,
}

/// Which files.
#[derive(Clone, Debug, Spec)]
pub enum Patterns {
    /// Those that match this.
    One(String),
    /// Those that match any of these.
    Many(Vec<String>),
}

fn check_reports(reports: &Reports, keys: &mut Keys<'_, '_, '_>) {
    if reports.junit.is_none() && reports.robot.is_none() && reports.coverage.is_none() {
        keys.refuse("junit", "which reports? Say `junit`, `robot` or `coverage`");
    }
}

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
    /// How often it is tried again when it fails.
    #[serde(default)]
    pub retry: u32,
    /// How many steps of the same matrix may be at work at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// What it does.
    pub does: TaskWork,
}

/// See [`Does`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskWork {
    /// Runs commands.
    Run {
        /// Text with handles for secrets, each for the shell.
        commands: Vec<crate::value::Value>,
        /// Relative to the project.
        directory: Option<String>,
        /// Files with results, and their form.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reports: Vec<(ReportForm, String)>,
    },
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
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportForm {
    /// See [`Reports::junit`].
    Junit,
    /// See [`Reports::robot`].
    Robot,
    /// See [`Reports::coverage`].
    Coverage,
}

impl Reports {
    /// Returns each pattern with the form of its files.
    pub fn all(&self) -> Vec<(ReportForm, String)> {
        let Self { junit, robot, coverage } = self;
        let forms = [ReportForm::Junit, ReportForm::Robot, ReportForm::Coverage];
        let of = |(form, patterns): (ReportForm, &Option<Patterns>)| {
            let patterns = match patterns {
                None => Vec::new(),
                Some(Patterns::One(one)) => vec![one.clone()],
                Some(Patterns::Many(many)) => many.clone(),
            };
            patterns.into_iter().map(move |pattern| (form, pattern))
        };
        forms.into_iter().zip([junit, robot, coverage]).flat_map(of).collect()
    }
}

impl TaskWork {
    /// Returns what it does, in the word that files use.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Apply { .. } => "apply",
            Self::Destroy { .. } => "destroy",
        }
    }
}
