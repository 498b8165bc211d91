//! `windlass apply`: makes it so. Settles what a dead run left, plans, shows, asks, applies.

use std::collections::BTreeSet;

use clap::Args;
use runtime::engine::{ApplyOptions, Engine, PlanRequest, Planned, Problem};
use serde_json::json;

use super::plan::show_first;
use crate::applying::{Deletes, Said, WorkArgs, apply, confirm, tell_outputs, tell_settled};
use crate::call::{Call, full};
use crate::looking::looking;
use crate::planning::{PlanArgs, plan};
use crate::problem::{Exit, usage};
use crate::{remarks, saved, stacks};

/// Make it so: plan, show, ask, apply
///
/// Several stacks are applied one after the other, each after those whose outputs it reads. Where nobody
/// can be asked (in CI, in a pipe), a plan with changes needs --yes, or is kept with `windlass plan -o
/// FILE` and applied as a file; without either nothing is done and the exit code is 2.
#[derive(Args)]
pub(crate) struct Apply {
    /// Stacks, by name or file, or one plan that was kept; by default all stacks of the project
    #[arg(value_name = "STACKS or PLAN")]
    stacks: Vec<String>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Let one run destroy or replace so many resources, or `all`; by default at most 30 % of a stack of
    /// four resources or more, and never all of a stack
    #[arg(long, value_name = "NUMBER")]
    allow_deletes: Option<Deletes>,

    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) fn run(call: &Call, args: &Apply) -> Result<Exit, Problem> {
    let runtime = full()?;
    let engine = call.engine()?;
    let mut options = args.work.options();
    if let Some(Deletes(budget)) = args.allow_deletes {
        options.budget = budget;
    }
    let kept = args.stacks.iter().map(|named| call.around.folder.join(named));
    match kept.filter(|path| saved::is_plan(path)).collect::<Vec<_>>().as_slice() {
        [] => runtime.block_on(stacks(call, args, &engine, options)),
        [path] if args.stacks.len() == 1 => {
            args.plan.not_for_kept(&args.stacks[0])?;
            let plan = saved::open(path)?;
            runtime.block_on(kept_plan(call, &engine, plan, &args.stacks[0], options))
        }
        _ => Err(usage("a plan that was kept is applied alone", "name the one file")),
    }
}

/// Who keeps a plan and names its file has said yes.
async fn kept_plan(
    call: &Call,
    engine: &Engine,
    saved: model::plan::Saved,
    file: &str,
    options: ApplyOptions,
) -> Result<Exit, Problem> {
    let stack = saved.plan.stack.clone();
    // Its changes are made already: to show them again would only mislead.
    if let Some(run) = engine.store.plan_used(&saved.id)? {
        let again = call.typed(["plan", &stack, "-o", file]);
        return Err(Problem::Refused {
            message: format!("{file} was applied already, as run {run}: a plan is applied once"),
            help: Some(format!("plan again: {again}")),
            details: Vec::new(),
        });
    }
    show_first(call, &saved.plan);
    let again = call.typed(["apply", stack.as_str()]);
    let exit = apply(call, engine, saved.plan, Some(saved.id), &options, &again).await?;
    outputs(call, engine, &stack, exit)?;
    Ok(exit)
}

async fn stacks(
    call: &Call,
    args: &Apply,
    engine: &Engine,
    options: ApplyOptions,
) -> Result<Exit, Problem> {
    let meant = stacks::meant(call, &engine.project, &args.stacks)?;
    args.plan.given.all_are_meant(call, &meant)?;
    if args.plan.name.is_some() && meant.len() > 1 {
        return Err(usage("`--as` is for one stack, and several are meant", "name one"));
    }
    let alone = meant.len() == 1;
    if !alone {
        can_be_read(engine, &meant)?;
    }
    let mut seen = BTreeSet::new();
    for each in &meant {
        let request = args.plan.request(call, each, alone)?;
        let planned = plan(call, engine, &request).await?;
        let stack = planned.plan.stack.clone();
        let mut words = vec!["apply".to_owned(), each.named(&stack)];
        words.extend(args.plan.words(call, each, alone)?);
        let again = engine.sealing().masked(&call.typed(words));
        seen.insert(stack);
        let exit = one(call, args, engine, &request, planned, options.clone(), &again).await?;
        // What reads from it would only fail after it.
        if exit != Exit::Done {
            return Ok(exit);
        }
    }
    if args.stacks.is_empty() {
        remarks::tell(call, &engine.project, Some(&*engine.store), &seen)?;
    }
    Ok(Exit::Done)
}

/// Nothing is begun where a file that is meant cannot be looked at.
fn can_be_read(engine: &Engine, meant: &[stacks::Meant]) -> Result<(), Problem> {
    let mut unread = meant.iter().filter(|one| one.outline.is_none());
    unread.try_for_each(|one| stacks::Outline::read(&engine.project, &one.file).map(|_| ()))
}

async fn one(
    call: &Call,
    args: &Apply,
    engine: &Engine,
    request: &PlanRequest,
    planned: Planned,
    options: ApplyOptions,
    again: &str,
) -> Result<Exit, Problem> {
    let plan = settled(call, engine, request, planned, &options).await?;
    show_first(call, &plan);
    let stack = plan.stack.clone();
    if plan.is_empty() && plan.refused.is_empty() {
        outputs(call, engine, &stack, Exit::Done)?;
        return Ok(Exit::Done);
    }
    let options = match plan.is_unchanged() && plan.refused.is_empty() {
        // Only the state is brought up to date, in silence.
        true => options,
        false => match confirm(call, &plan, args.yes, options, engine)? {
            Said::Yes(options) => options,
            Said::No => return Ok(left(call)),
        },
    };
    let exit = apply(call, engine, plan, None, &options, again).await?;
    outputs(call, engine, &stack, exit)?;
    Ok(exit)
}

/// A plan that counts: made when nobody else is at work, and everything in doubt is settled.
pub(crate) async fn settled(
    call: &Call,
    engine: &Engine,
    request: &PlanRequest,
    planned: Planned,
    options: &ApplyOptions,
) -> Result<model::plan::Plan, Problem> {
    let stack = planned.plan.stack.clone();
    let waiting = |holder: &str| {
        call.screen.event("waiting", json!({ "for": holder }));
        call.screen.note(&format!("{stack}  waits for {holder}"));
    };
    let what = match options.terms.patience.is_zero() {
        true => format!("{stack}  settles what an earlier run left"),
        false => format!("{stack}  waits its turn"),
    };
    let planned = engine.plan_in_turn(request, planned, options.terms, waiting);
    let (plan, settled) = looking(call, &what, planned).await?;
    tell_settled(call, &plan.stack, &settled);
    Ok(plan)
}

/// A person said no.
pub(crate) fn left(call: &Call) -> Exit {
    call.screen.event("left", json!({}));
    call.screen.note("left as it is");
    // What a shell has after `&&` counts on it being done.
    Exit::Refused
}

fn outputs(call: &Call, engine: &Engine, stack: &str, exit: Exit) -> Result<(), Problem> {
    if exit == Exit::Done
        && let Some(outputs) = engine.store.outputs(stack)?
    {
        tell_outputs(call, stack, &outputs.values);
    }
    Ok(())
}
