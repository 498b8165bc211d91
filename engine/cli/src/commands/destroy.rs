//! `windlass destroy`: takes everything of a stack away.

use clap::Args;
use runtime::engine::{ApplyOptions, Engine, Problem};

use super::apply::{left, settled};
use super::plan::{show_first, stack_name};
use crate::applying::{Said, WorkArgs, apply, confirm};
use crate::call::{Call, full};
use crate::planning::{PlanArgs, plan};
use crate::problem::Exit;

/// Destroy everything in a stack
///
/// Works from what is remembered: the file may be gone. What is protected stays, and the command is
/// refused.
#[derive(Args)]
pub(crate) struct Destroy {
    /// The stack, by name or file
    stack: String,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Only this resource and what needs it; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    target: Vec<String>,

    #[command(flatten)]
    work: WorkArgs,
}

pub(crate) fn run(call: &Call, args: &Destroy) -> Result<Exit, Problem> {
    let runtime = full()?;
    let engine = call.engine()?;
    runtime.block_on(destroy(call, args, &engine))
}

async fn destroy(call: &Call, args: &Destroy, engine: &Engine) -> Result<Exit, Problem> {
    let name = stack_name(call, engine, &args.stack)?;
    let flags = PlanArgs { target: args.target.clone(), ..PlanArgs::default() };
    let request = flags.destroy(&name);
    let options = ApplyOptions { destroy: true, ..args.work.options() };
    let planned = plan(call, engine, &request).await?;
    let plan = settled(call, engine, &request, planned, &options).await?;
    if plan.is_empty() && plan.refused.is_empty() {
        call.screen.event("plan", crate::json::plan(&plan));
        call.screen.answer(&format!("{name}  nothing is left of it\n"));
        return Ok(Exit::Done);
    }
    show_first(call, &plan);
    let options = match confirm(call, &plan, args.yes, options, engine)? {
        Said::Yes(options) => options,
        Said::No => return Ok(left(call)),
    };
    apply(call, engine, plan, None, &options).await
}
