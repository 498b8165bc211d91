//! What can be typed. Doc comments are the help text, the manual pages and the completions.
//!
//! It must not do anything.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// Plans and applies infrastructure from YAML files, and runs pipelines.
///
/// Without a command it says what can be done here and now.
#[derive(Parser)]
#[command(
    name = "windlass",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = EXIT_CODES
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong arguments or files, \
    3 changes pending (with --detailed-exitcode), 4 refused (protected, too many deletions, \
    a restore that cannot begin, stale or used plan, somebody else is at work), 5 a run waits for approval.";

/// What every command understands.
#[derive(Args)]
pub(crate) struct Global {
    /// The project's folder; otherwise the nearest one upwards from here
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "Everywhere")]
    pub(crate) project: Option<PathBuf>,

    /// Write one JSON event a line (`windlass explain json` lists them)
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,

    /// Colours; `NO_COLOR` is honoured
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        help_heading = "Everywhere"
    )]
    pub(crate) color: Colours,

    /// Only answers and errors
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub(crate) quiet: bool,
}

impl Global {
    /// Returns what is certain of arguments that were not understood.
    pub(crate) fn overheard(arguments: &[OsString]) -> Self {
        let json = arguments.iter().any(|argument| argument == "--json");
        Self { project: None, json, color: Colours::Auto, quiet: false }
    }
}

/// When text has colours.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colours {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The verbs.
#[derive(Subcommand)]
pub(crate) enum Command {
    Init(commands::init::Init),
    Check(commands::check::Check),
    Plan(commands::plan::Plan),
    Apply(commands::apply::Apply),
    Destroy(commands::destroy::Destroy),
    Rollback(commands::rollback::Rollback),
    Run(commands::run::Run),
    Runs(commands::runs::Runs),
    Approve(commands::approve::Approve),
    Reject(commands::approve::Reject),
    Logs(commands::logs::Logs),
    Serve(commands::serve::Serve),
    Outputs(commands::outputs::Outputs),
    Backup(commands::backup::Backup),
    Restore(commands::restore::Restore),
    Drift(commands::drift::Drift),
    Graph(commands::graph::Graph),
    State(commands::state::State),
    Import(commands::import::Import),
    Secret(commands::secret::Secret),
    Explain(commands::explain::Explain),
    Schema(commands::schema::Schema),
    Doctor(commands::doctor::Doctor),
    Completions(commands::completions::Completions),
    Man(commands::man::Man),
    #[command(hide = true)]
    Supervise(commands::supervise::Supervise),
    #[command(hide = true)]
    Pushed(commands::pushed::Pushed),
    #[command(hide = true)]
    Front(commands::front::Front),
}
