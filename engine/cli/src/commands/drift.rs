//! `windlass drift`: what is otherwise than it was applied. Changes nothing.

use std::collections::BTreeSet;

use clap::Args;
use model::plan::Plan;
use runtime::engine::{Engine, Problem};
use serde_json::json;

use super::plan::detail;
use crate::call::{Call, light};
use crate::given::GivenArgs;
use crate::planning::{Ahead, PlanArgs, plan};
use crate::problem::{Exit, tell};
use crate::render::drift::View;
use crate::render::hint::Hint;
use crate::{json, remarks, render, stacks};

/// Show what was changed outside of Windlass
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
    let (mut drifted, mut exit, mut ahead) = (false, Exit::Done, Ahead::default());
    let mut seen = BTreeSet::new();
    for one in &meant {
        let alone = meant.len() == 1;
        let request = ahead.counted_on(flags.request(call, one, alone)?);
        let plan = match plan(call, engine, &request).await {
            Ok(planned) => planned.plan,
            Err(problem) if alone => return Err(problem),
            Err(problem) => {
                exit = exit.worse(tell(problem, &call.screen));
                continue;
            }
        };
        ahead.note(engine, &plan);
        let back =
            [vec!["apply".to_owned(), one.named(&plan.stack)], flags.words(call, one, alone)?];
        let back = engine.sealing().masked(&call.typed(back.concat()));
        drifted |= show(call, &plan, back);
        seen.insert(plan.stack);
    }
    if args.stacks.is_empty() {
        remarks::tell(call, &engine.project, Some(&*engine.store), &seen)?;
    }
    let found = if drifted && args.detailed_exitcode { Exit::Pending } else { Exit::Done };
    Ok(exit.worse(found))
}

/// Shows the drifted part of a plan; returns whether there is any.
fn show(call: &Call, plan: &Plan, back: String) -> bool {
    let took = call.took();
    let drifted = plan.items.iter().filter(|item| item.drifted);
    let items: Vec<_> = drifted.map(json::item).collect();
    let any = !items.is_empty();
    let event = json!({
        "stack": plan.stack, "known": plan.known, "items": items,
        "took_ms": took.as_millis() as u64,
    });
    call.screen.event("drift", event);
    let next = vec![Hint::new("Bring it back", back)];
    let view = View { detail: detail(call, false), took, next };
    call.screen.answer(&render::drift::drift(plan, &view, call.screen.style));
    any
}
