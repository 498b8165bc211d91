//! `windlass import`: takes something that exists into the state.

use clap::Args;
use runtime::engine::Problem;
use serde_json::json;

use super::plan::stack_name;
use crate::applying::settle;
use crate::call::{Call, full};
use crate::planning::PlanArgs;
use crate::problem::Exit;
use crate::stacks::meant;

/// Take something that exists into the state, as the resource that the file says it is
///
/// Write its block first. The next plan shows what differs between the file and what exists.
#[derive(Args)]
pub(crate) struct Import {
    /// The stack, by name or file
    stack: String,

    /// The resource in the file
    address: String,

    /// How its kind finds it: see `windlass explain KIND`
    id: String,

    #[command(flatten)]
    given: crate::given::GivenArgs,
}

pub(crate) fn run(call: &Call, args: &Import) -> Result<Exit, Problem> {
    let runtime = full()?;
    let engine = call.engine()?;
    let meant = meant(call, &engine.project, std::slice::from_ref(&args.stack))?;
    let flags = PlanArgs { given: args.given.clone(), ..PlanArgs::default() };
    let Some(one) = meant.first() else { return Ok(Exit::Usage) };
    let request = flags.request(call, one, true)?;
    let name = stack_name(call, &engine, &args.stack)?;
    runtime.block_on(settle(call, &engine, &name))?;
    let record = runtime.block_on(engine.import(&request, &args.address, &args.id))?;
    call.screen.event(
        "imported",
        json!({ "address": args.address, "kind": record.kind, "id": record.object.id }),
    );
    let (address, id) = (&args.address, &record.object.id);
    call.screen.answer(&format!("{address}  is {} {id} from now on\n", record.kind));
    let mut words = vec!["plan".to_owned(), args.stack.clone()];
    words.extend(flags.words(call, one, true)?);
    let plan = engine.sealing().masked(&call.typed(words));
    call.screen.note(&format!("what differs:  {plan}"));
    Ok(Exit::Done)
}
