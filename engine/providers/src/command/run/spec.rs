//! The keys and attributes of `command.run`.

use std::collections::BTreeMap;

use language::scalar::FilePath;
use language::{Duration, Period, Spec, Text};

use crate::command::Invocation;

/// Something that commands make, change and destroy.
#[derive(Debug, Spec)]
pub struct RunSpec {
    /// Makes it. A text is for `/bin/sh -e`, a list is a program and its arguments. It is run again
    /// if the machine fails before its end has been noted, and must bear that.
    pub create: Invocation,
    /// Ends with 0 if everything is as wanted; it must only look. It is run for each plan, before
    /// `create`, and after each command, which has failed if this does not end with 0 then.
    pub check: Option<Invocation>,
    /// Is run in the place of `create` when something has changed, or `check` did not end with 0.
    pub update: Option<Invocation>,
    /// Is run when it is destroyed. It must bear being run twice.
    pub destroy: Option<Invocation>,
    /// Values of any meaning: when one changes, a command is run again.
    #[spec(default = "{}")]
    pub triggers: BTreeMap<String, Text>,
    /// What a change of `create`, `triggers`, `directory` or `environment` does.
    #[spec(default = "update")]
    pub on_change: OnChange,
    /// Where the commands run: relative to the project, or absolute.
    #[spec(default = ".")]
    pub directory: FilePath,
    /// What is in their environment, beside the engine's own. This is the way in for secrets, as
    /// everybody can see arguments, and for what others choose: a value that is put into a text for the
    /// shell becomes a part of that script, whatever stands in it. Write `"$NAME"` there.
    #[spec(default = "{}")]
    pub environment: BTreeMap<String, Text>,
    /// How long each command may take.
    #[spec(default = "1h")]
    pub time_limit: Period,
    /// How long a command that is told to end may take before it is killed.
    #[spec(default = "10s")]
    pub grace: Duration,
    /// What a command leaves in the background goes on, instead of being ended with it. What is
    /// meant to stay is better a `process.service`.
    #[spec(default = "false")]
    pub leave_running: bool,
    /// What the commands write is a secret: it is not shown, and `output` is a handle.
    #[spec(default = "false")]
    pub sensitive: bool,
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum OnChange {
    /// `update` is run, or `create` again.
    Update,
    /// `destroy` is run, and then `create`.
    Replace,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct RunObject {
    /// What `create` or `update` wrote to its standard output, without line breaks at its end;
    /// empty if `check` made them needless. Up to 256 KiB are kept.
    pub output: Option<Text>,
}
