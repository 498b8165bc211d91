//! The keys and attributes of `data.command`.

use std::collections::BTreeMap;

use language::scalar::FilePath;
use language::{Period, Size, Spec, Text};

use crate::command::Invocation;

/// What a command says, read again for each plan.
#[derive(Debug, Spec)]
pub struct CommandSpec {
    /// The command, which must only look. A text is for `/bin/sh -e`, a list is a program and its
    /// arguments.
    pub command: Invocation,
    /// Where it runs: relative to the project, or absolute.
    #[spec(default = ".")]
    pub directory: FilePath,
    /// What is in its environment, beside the engine's own. This is the way in for secrets, as
    /// everybody can see arguments, and for what others choose: a value that is put into a text for the
    /// shell becomes a part of that script, whatever stands in it. Write `"$NAME"` there.
    #[spec(default = "{}")]
    pub environment: BTreeMap<String, Text>,
    /// How long it may take.
    #[spec(default = "30s")]
    pub time_limit: Period,
    /// The exit codes that are an answer; any other is an error.
    #[spec(default = "[0]")]
    pub exit_codes: Vec<u32>,
    /// Blanks and line breaks around what it says are taken away.
    #[spec(default = "true")]
    pub trim: bool,
    /// How much it may say.
    #[spec(default = "1MiB")]
    pub max_size: Size,
    /// What it says is a secret: it is not shown, and `output` is a handle.
    #[spec(default = "false")]
    pub sensitive: bool,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct CommandObject {
    /// What it wrote to its standard output.
    pub output: Text,
    /// How it ended.
    pub exit_code: String,
}
