//! `windlass drift`: what is otherwise than it was applied. Changes nothing.

use clap::Args;
use model::plan::Plan;
use runtime::engine::{Engine, Problem};
use serde_json::json;

use super::plan::detail;
use crate::call::{Call, light};
use crate::given::GivenArgs;
use crate::planning::{Ahead, PlanArgs, plan_each};
use crate::problem::Exit;
use crate::render::drift::View;
use crate::render::hint::Hint;
use crate::stacks::Meant;
use crate::{json, render, stacks};

/// Show what is not as it was applied
#[derive(Args)]
pub(crate) struct Drift {
    /// Stacks, by name or file; by default all of the project
    stacks: Vec<String>,

    /// Exit with 3 if something differs
    #[arg(long)]
    detailed_exitcode: bool,

    #[command(flatten)]
    given: GivenArgs,
}

pub(crate) fn run(call: &Call, args: &Drift) -> Result<Exit, Problem> {
    let runtime = light()?;
    let engine = call.engine()?;
    runtime.block_on(drift(call, args, &engine))
}

async fn drift(call: &Call, args: &Drift, engine: &Engine) -> Result<Exit, Problem> {
    let meant = stacks::meant(call, &engine.project, &args.stacks)?;
    args.given.all_are_meant(call, &meant)?;
    let flags = PlanArgs { given: args.given.clone(), ..PlanArgs::default() };
    let alone = meant.len() == 1;
    let see = |one: &Meant, plan: Plan, _: &Ahead| {
        // What was applied may differ from what the files want now, and an apply does what they want.
        let ahead =
            [vec!["plan".to_owned(), one.named(&plan.stack)], flags.words(call, one, alone)?];
        let ahead = engine.sealing().masked(&call.typed(ahead.concat()));
        let drifted = show(call, &plan, ahead);
        Ok(if drifted && args.detailed_exitcode { Exit::Pending } else { Exit::Done })
    };
    plan_each(call, engine, &flags, &args.stacks, &meant, see).await
}

/// Shows the drifted part of a plan; returns whether there is any.
fn show(call: &Call, plan: &Plan, ahead: String) -> bool {
    let took = call.took();
    let drifted = plan.items.iter().filter(|item| item.drifted);
    let items: Vec<_> = drifted.map(json::item).collect();
    let any = !items.is_empty();
    let event = json!({
        "stack": plan.stack, "known": plan.known, "items": items,
        "took_ms": took.as_millis() as u64,
    });
    call.screen.event("drift", event);
    let next = vec![Hint::new("What an apply would do", ahead)];
    let view = View { detail: detail(call, false), took, next };
    call.screen.answer(&render::drift::drift(plan, &view, call.screen.style));
    any
}
