//! What a step does, as it is written: one key of a step says it, and others may stand beside that one.
//!
//! It must not know how a step is run.

use std::collections::BTreeMap;

use language::shape::ScalarShape;
use language::{Keys, Leaf, Name, Period, Script, Spec, Text};

use super::{CacheTask, ReportForm, TakeTask, TaskWork};
use crate::value::Tree;

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
        /// Files that later steps take, by name: a pattern like `out/**`, or a list of them, in the folder
        /// of the commands. They are kept with the run, by their content; where nothing matches, the step
        /// fails.
        #[spec(default = "{}")]
        artifacts: BTreeMap<Name, Patterns>,
        /// Files that are kept for later runs, to be faster.
        cache: Option<Caches>,
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
    /// Lets a backup job take a snapshot.
    Backup {
        /// The job: STACK/RESOURCE.
        backup: OfStack,
    },
    /// Reads the next part of what a backup job has stored.
    Verify {
        /// The job: STACK/RESOURCE.
        verify: OfStack,
        /// Everything is read, not only the next part.
        #[spec(default = "false")]
        all: bool,
    },
    /// Removes the snapshots of a backup job that none of its windows keeps.
    Prune {
        /// The job: STACK/RESOURCE.
        prune: OfStack,
        /// It only says what it would remove.
        #[spec(default = "false")]
        dry_run: bool,
    },
    /// Restores the newest snapshot of a backup job into a scratch folder, runs the job's checks in it,
    /// keeps the proof and clears the folder.
    Drill {
        /// The job: STACK/RESOURCE.
        drill: OfStack,
    },
    /// Restores a snapshot of a backup job into a folder that is empty or not there.
    Restore {
        /// What, and where to.
        restore: RestoreStep,
    },
    /// Applies a stack in two parts, so that a new version is looked at before anybody gets to see it: first
    /// everything but the front, then the smoke commands, then the front, which changes over. The receipt
    /// of the cutover goes to the log, and to what `windlass runs show` says of the run.
    Cutover {
        /// What is changed over to.
        cutover: Cutover,
    },
    /// Goes back to the version that served before, which still runs, and quarantines the one that is left.
    Rollback {
        /// The name of a stack.
        rollback: String,
    },
    /// Asks every service of a stack for a path over HTTP, and merges what they answer into one result.
    Probe {
        /// Which services, and what they are asked.
        probe: Probe,
    },
    /// Tells others how the run goes. To be told of failures alone it has `when: failure`.
    Notify {
        /// Whom, and what.
        notify: Notify,
    },
    /// Stands for all steps of another file: `lint` becomes `lint.NAME` for each of them. Who needs `lint`
    /// waits for all but those of `when: failure`; those that need nothing there wait for what this one
    /// needs.
    Use {
        /// The file, relative to the project, such as `pipelines/shared/lint.yml`.
        #[spec(key = "use")]
        file: String,
        /// Its parameters, by name.
        #[spec(default = "{}")]
        with: BTreeMap<Name, String>,
    },
    /// Waits until a person approves: `windlass approve RUN STEP`. Meanwhile everything else that the run
    /// can do is done; then its process ends, and the run waits.
    Gate {
        /// Who is asked what.
        gate: Gate,
    },
}

/// What is restored, and where to.
#[derive(Clone, Debug, Spec)]
pub struct RestoreStep {
    /// The job: STACK/RESOURCE.
    pub job: OfStack,
    /// The beginning of a snapshot's id; without it the newest.
    pub snapshot: Option<String>,
    /// The folder, which must be empty or not there: relative to the project, or absolute.
    pub to: String,
}

/// A resource of a stack that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfStack {
    /// The stack.
    pub stack: String,
    /// The address.
    pub resource: String,
}

impl Leaf for OfStack {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a resource of a stack", &["string"]).like(&["shop/database"]);

    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((stack, resource)) if !stack.is_empty() && !resource.is_empty() => {
                Ok(Self { stack: stack.to_owned(), resource: resource.to_owned() })
            }
            _ => Err("write STACK/RESOURCE, such as `shop/database`".to_owned()),
        }
    }
}

impl OfStack {
    /// Returns the work of asking it to do something.
    pub fn to(&self, verb: &str, args: Tree) -> TaskWork {
        let (stack, resource) = (self.stack.clone(), self.resource.clone());
        TaskWork::Act { stack, resource, verb: verb.to_owned(), args }
    }
}

impl RestoreStep {
    /// Returns the work of restoring.
    pub fn work(&self) -> TaskWork {
        let mut args = Tree::from([("to".to_owned(), self.to.as_str().into())]);
        let snapshot = self.snapshot.as_deref().map(|id| ("snapshot".to_owned(), id.into()));
        args.extend(snapshot);
        self.job.to("restore", args)
    }
}

/// A change over to a new version.
#[derive(Clone, Debug, Spec)]
#[spec(check = check_cutover)]
pub struct Cutover {
    /// The stack file.
    pub stack: String,
    /// Another name for the stack.
    #[spec(key = "as")]
    pub name: Option<String>,
    /// Parameters of the stack. One that holds a secret goes to a parameter of `type: secret`.
    #[spec(default = "{}")]
    pub parameters: BTreeMap<String, Text>,
    /// The resources that send requests to the new version: a `front.route`, or a list of them. They come
    /// last, and so does what needs them.
    pub front: Fronts,
    /// The resource that is the new version: a `process.service` with sides.
    pub service: Option<String>,
    /// Commands for the shell that look at the new version before it gets a request: `$URL` is where it
    /// is, such as `http://127.0.0.1:8402`. The first that fails ends the step, and the old version goes on
    /// to serve; `windlass apply` refuses to go to the new one, too, until its commands have passed. They
    /// may be run again after a crash.
    #[spec(default = "[]")]
    pub smoke: Vec<Script<Text>>,
}

/// Resources that send requests.
#[derive(Clone, Debug, Spec)]
pub enum Fronts {
    /// This one.
    One(String),
    /// All of these.
    Many(Vec<String>),
}

impl Fronts {
    /// Returns their addresses.
    pub fn all(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }
}

fn check_cutover(cutover: &Cutover, keys: &mut Keys<'_, '_, '_>) {
    if !cutover.smoke.is_empty() && cutover.service.is_none() {
        keys.refuse("smoke", "which service is looked at? Say `service`");
    }
}

/// A question to services: a service passes that answers 200, and whose answer tells of no test that failed:
/// `JUnit` XML, or JSON as `{ "tests": [{ "suite", "name", "outcome": "passed" | "failed" | "skipped",
/// "message" }] }` or `{ "passed": 12, "failed": 0 }`.
#[derive(Clone, Debug, Spec)]
pub struct Probe {
    /// The name of the stack.
    pub stack: String,
    /// What is asked for.
    #[spec(default = "/")]
    pub path: String,
    /// Addresses of services; by default all with a health check over HTTP.
    #[spec(default = "[]")]
    pub services: Vec<String>,
    /// How long each may take to answer.
    #[spec(default = "30s")]
    pub within: Period,
}

/// Word to others. As JSON: `run`, `pipeline`, `verdict` (`passed` or `failed`, so far), `failed` (names of
/// steps), `commit`, `branch`, `message` and `text`.
#[derive(Clone, Debug, Spec)]
#[spec(check = check_notify)]
pub struct Notify {
    /// Where it is posted to; tried again where the fault may pass.
    pub url: Option<Text>,
    /// Headers of the request, such as `authorization`.
    #[spec(default = "{}")]
    pub headers: BTreeMap<String, Text>,
    /// Commands for the shell instead, which find it in `$WINDLASS_NOTICE`.
    pub command: Option<Vec<Script<Text>>>,
    /// What is to be said, in a line.
    pub message: Option<String>,
}

fn check_notify(notify: &Notify, keys: &mut Keys<'_, '_, '_>) {
    keys.exclude("url", "command");
    if notify.url.is_none() && notify.command.is_none() {
        keys.refuse("url", "whom? Say `url` or `command`");
    }
}

/// A question to people. What lies behind it (its steps, the stack files that they name, the files that
/// are part of those, the scripts that they start, the commit) is what they approve: if it changes before
/// the run goes on, the approval does not hold.
#[derive(Clone, Debug, Spec)]
pub struct Gate {
    /// Who may approve: names of people, or of groups that the server knows. None: anybody.
    #[spec(default = "[]")]
    pub approvers: Vec<String>,
    /// What they should know, in a line.
    pub message: Option<String>,
    /// How long it waits; then it fails.
    #[spec(default = "7d")]
    pub expires: Period,
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

/// Caches of a step.
#[derive(Clone, Debug, Spec)]
pub enum Caches {
    /// One.
    One(Cache),
    /// Several.
    Many(Vec<Cache>),
}

/// Files that a step leaves for later runs. They are laid out before its commands, and kept anew when it
/// succeeds under another key than they were found by. A cache that is damaged is thrown away, and the step
/// runs on.
#[derive(Clone, Debug, Spec)]
pub struct Cache {
    /// Its name, such as `cargo-${matrix.rust}`.
    pub key: String,
    /// Files that it depends on, such as `Cargo.lock`: their content is a part of the key.
    #[spec(default = "[]")]
    pub files: Vec<String>,
    /// What is kept, relative to the folder of the commands: folders, files, patterns.
    pub paths: Vec<String>,
    /// Where there is none for these files: beginnings of keys under which the newest one will do. By
    /// default `key` with other files.
    #[spec(default = "[]")]
    pub restore: Vec<String>,
}

/// What a step takes.
#[derive(Clone, Debug, Spec)]
pub enum Take {
    /// An artifact, `STEP.NAME`, laid out where it was made.
    Name(TakeName),
    /// An artifact, and where to.
    To(TakeTo),
}

/// What a step takes, and where to.
#[derive(Clone, Debug, Spec)]
pub struct TakeTo {
    /// The artifact: STEP.NAME.
    pub from: TakeName,
    /// The folder that it is laid out in, relative to the project.
    pub to: String,
}

/// An artifact of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeName {
    /// The step.
    pub step: String,
    /// The artifact.
    pub name: String,
}

impl Leaf for TakeName {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("an artifact of a step", &["string"]).like(&["build.site"]);

    /// Values of a matrix may hold a dot: the name stands behind the last one.
    fn parse(text: &str) -> Result<Self, String> {
        match text.rsplit_once('.') {
            Some((step, name)) if !step.is_empty() && !name.is_empty() => {
                Ok(Self { step: step.to_owned(), name: name.to_owned() })
            }
            _ => Err("write STEP.NAME, such as `build.site`".to_owned()),
        }
    }
}

impl Take {
    /// Returns what it takes.
    pub fn name_mut(&mut self) -> &mut TakeName {
        match self {
            Self::Name(name) | Self::To(TakeTo { from: name, .. }) => name,
        }
    }

    /// Returns it as it is walked.
    pub fn task(&self) -> TakeTask {
        let (TakeName { step, name }, to) = match self {
            Self::Name(name) => (name.clone(), None),
            Self::To(TakeTo { from, to }) => (from.clone(), Some(to.clone())),
        };
        TakeTask { step, name, to }
    }
}

impl Caches {
    /// Returns each as it is walked.
    pub fn tasks(&self) -> Vec<CacheTask> {
        let task = |cache: &Cache| {
            let Cache { key, files, paths, restore } = cache.clone();
            CacheTask { key, files, paths, restore }
        };
        match self {
            Self::One(cache) => vec![task(cache)],
            Self::Many(caches) => caches.iter().map(task).collect(),
        }
    }
}

impl Patterns {
    /// Returns each of them.
    pub fn all(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }
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

impl Reports {
    /// Returns each pattern with the form of its files.
    pub fn all(&self) -> Vec<(ReportForm, String)> {
        let Self { junit, robot, coverage } = self;
        let forms = [ReportForm::Junit, ReportForm::Robot, ReportForm::Coverage];
        let of = |(form, patterns): (ReportForm, &Option<Patterns>)| {
            let patterns = patterns.as_ref().map(Patterns::all).unwrap_or_default();
            patterns.into_iter().map(move |pattern| (form, pattern))
        };
        forms.into_iter().zip([junit, robot, coverage]).flat_map(of).collect()
    }
}
