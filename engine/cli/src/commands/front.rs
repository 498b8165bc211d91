//! `windlass front`: is the web front, or the process that keeps it. Not for people.

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
    /// Keep the front of the folder running, and hold its sockets, until another process does
    #[arg(long, conflicts_with = "successor")]
    keep: bool,
    /// Another process serves still, and will say what it counted
    #[arg(long)]
    successor: bool,
    /// What the sockets are called, by the activation protocol
    #[arg(long, env = "LISTEN_FDNAMES", hide_env_values = true)]
    names: Option<String>,
}

pub(crate) fn run(args: Front) -> Result<Exit, Problem> {
    let Front { folder, keep, successor, names } = args;
    let place = folder.display().to_string();
    if keep {
        let kept = providers::front::keep(&folder);
        let why = |error| failed(format!("cannot keep the front of {place}: {error}"));
        return kept.map(|()| Exit::Done).map_err(why);
    }
    front::run(&Start { folder, successor, names })
        .map_err(|error| failed(format!("cannot serve as the front of {place}: {error}")))?;
    Ok(Exit::Done)
}
