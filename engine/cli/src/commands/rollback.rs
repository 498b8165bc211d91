//! `windlass rollback`: back to the version before, which still stands by.

use clap::Args;
use runtime::engine::{Engine, PlanRequest, Problem};

use super::apply::{left, settled};
use super::plan::{show_first, stack_name};
use crate::applying::{Said, WorkArgs, apply, confirm};
use crate::call::{Call, full};
use crate::planning::plan;
use crate::problem::Exit;

/// Go back to the version before, which still stands by
///
/// What can be turned back at once says so itself: a front.route sends requests to the version before its
/// last cutover, which still runs. The version that is left goes to quarantine, and plans that would lead
/// to it again are refused.
#[derive(Args)]
pub(crate) struct Rollback {
    /// The stack, by name or file
    stack: String,

    /// Only these resources; by default all that can go back
    #[arg(value_name = "ADDRESS")]
    only: Vec<String>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    work: WorkArgs,
}

pub(crate) fn run(call: &Call, args: &Rollback) -> Result<Exit, Problem> {
    let runtime = full()?;
    let engine = call.engine()?;
    runtime.block_on(rollback(call, args, &engine))
}

async fn rollback(call: &Call, args: &Rollback, engine: &Engine) -> Result<Exit, Problem> {
    let name = stack_name(call, engine, &args.stack)?;
    let (request, options) = (PlanRequest::back(&name, &args.only), args.work.options());
    let planned = plan(call, engine, &request).await?;
    let plan = settled(call, engine, &request, planned, &options).await?;
    show_first(call, &plan);
    let options = match confirm(call, &plan, args.yes, options, engine)? {
        Said::Yes(options) => options,
        Said::No => return Ok(left(call)),
    };
    let words = ["rollback".to_owned(), name].into_iter().chain(args.only.iter().cloned());
    apply(call, engine, plan, None, &options, &call.typed(words)).await
}
