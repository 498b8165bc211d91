//! `windlass restore`: a snapshot of a backup job, into a folder that is named.
//!
//! It must not choose where to: a restore never goes onto what is in use.

use std::path::PathBuf;

use clap::Args;
use model::Tree;
use runtime::engine::Problem;

use super::backup::{Asked, act, meant};
use crate::applying::Wait;
use crate::call::Call;
use crate::problem::{Exit, usage};

/// Restore a snapshot into a folder of its own
///
/// Nothing is written over, and nothing is restored onto what a job or a resource owns: look at what was
/// restored, then move over what you need.
#[derive(Args)]
pub(crate) struct Restore {
    /// The backup job: STACK/JOB
    job: String,

    /// The folder, which must be empty or not there
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,

    /// Another snapshot than the newest, by the beginning of its id
    #[arg(long, value_name = "ID")]
    snapshot: Option<String>,

    /// Wait so long if the job is at work already, such as 10m
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true)]
    wait: Wait,
}

pub(crate) fn run(call: &Call, args: &Restore) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    let jobs = meant(&engine, std::slice::from_ref(&args.job))?;
    let [(stack, resource)] = &jobs[..] else {
        let message = format!("`{}` may be one of several jobs", args.job);
        return Err(usage(message, "name one: STACK/JOB"));
    };
    // As people mean it where they are.
    let to = call.around.folder.join(&args.to);
    let to = to.to_str().ok_or_else(|| usage("the folder's name is no text", "name another"))?;
    let mut given = Tree::from([("to".to_owned(), to.into())]);
    given.extend(args.snapshot.iter().map(|id| ("snapshot".to_owned(), id.as_str().into())));
    act(call, &engine, stack, resource, &Asked::of("restore", "restored", given), args.wait)
}
