//! `windlass supervise`: is the supervisor of a project's services. Not for people.

use std::path::PathBuf;

use clap::Args;
use runtime::engine::Problem;

use crate::problem::{Exit, failed};

/// Keep the services of a project running
#[derive(Args)]
pub(crate) struct Supervise {
    /// The supervisor's folder
    home: PathBuf,
}

pub(crate) fn run(args: &Supervise) -> Result<Exit, Problem> {
    providers::process::supervise(&args.home)
        .map_err(|error| failed(format!("cannot supervise {}: {error}", args.home.display())))?;
    Ok(Exit::Done)
}
