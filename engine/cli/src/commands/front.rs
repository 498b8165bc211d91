//! `windlass front`: is the web front. Not for people.

use std::path::PathBuf;

use clap::Args;
use front::Start;
use runtime::engine::Problem;

use crate::problem::{Exit, failed};

/// Serve as the web front, on the sockets that were handed over
#[derive(Args)]
pub(crate) struct Front {
    /// The front's folder
    folder: PathBuf,
    /// Another process serves still, and will say what it counted
    #[arg(long)]
    successor: bool,
    /// What the sockets are called, by the activation protocol
    #[arg(long, env = "LISTEN_FDNAMES", hide_env_values = true)]
    names: Option<String>,
}

pub(crate) fn run(args: Front) -> Result<Exit, Problem> {
    let Front { folder, successor, names } = args;
    let place = folder.display().to_string();
    front::run(&Start { folder, successor, names })
        .map_err(|error| failed(format!("cannot serve as the front of {place}: {error}")))?;
    Ok(Exit::Done)
}
