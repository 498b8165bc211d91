//! `windlass plan`: what would change, and why. Changes nothing.

use std::path::PathBuf;

use clap::Args;
use model::context::Random;
use runtime::engine::{Budget, Engine, PlanRequest, Problem};
use runtime::project::FileType;
use serde_json::json;

use crate::call::{Call, light};
use crate::outside::OsRandom;
use crate::planning::{Outcome, PlanArgs, plan as plan_of, plan_one};
use crate::problem::{Exit, usage};
use crate::render::hint::Hint;
use crate::render::plan::{Detail, View};
use crate::{json, render, saved, stacks};

/// Show what would change, and why
///
/// Takes no lock and changes nothing. A plan that is kept with -o can be applied later, once: each step
/// of it refuses if the world has moved meanwhile.
#[derive(Args)]
pub(crate) struct Plan {
    /// Stacks, by name or file; by default all of the project
    stacks: Vec<String>,

    /// Keep the plan in a file, for `windlass apply FILE`
    #[arg(short, long, value_name = "FILE", conflicts_with = "show")]
    output: Option<PathBuf>,

    /// Print a plan that was kept
    #[arg(long, value_name = "FILE", conflicts_with = "stacks")]
    show: Option<PathBuf>,

    /// Plan the end of everything in the stack
    #[arg(long, requires = "stacks", conflicts_with_all = ["replace", "name", "GivenArgs"])]
    destroy: bool,

    /// Exit with 3 if something would change
    #[arg(long)]
    detailed_exitcode: bool,

    /// With all keys of what is created, and nothing shortened
    #[arg(long)]
    full: bool,

    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) fn run(call: &Call, args: &Plan) -> Result<Exit, Problem> {
    if let Some(path) = &args.show {
        args.plan.not_for_kept(&path.display().to_string())?;
        let saved = saved::open(&call.around.folder.join(path))?;
        return Ok(shown(call, args, &saved.plan));
    }
    let runtime = light()?;
    let engine = call.engine()?;
    runtime.block_on(plan(call, args, &engine))
}

async fn plan(call: &Call, args: &Plan, engine: &Engine) -> Result<Exit, Problem> {
    if args.destroy {
        let mut exit = Exit::Done;
        for named in &args.stacks {
            let name = stack_name(call, engine, named)?;
            exit = exit.worse(one(call, args, engine, &args.plan.destroy(&name)).await?);
        }
        return Ok(exit);
    }
    let meant = stacks::meant(call, &engine.project, &args.stacks)?;
    args.plan.given.all_are_meant(call, &meant)?;
    only_one(args, meant.len())?;
    let mut exit = Exit::Done;
    for at in 0..meant.len() {
        let request = args.plan.request(call, &meant[at], meant.len() == 1)?;
        match plan_one(call, engine, &request, &meant, at).await? {
            Outcome::WaitsFor(other) => waits(call, &meant[at], &other),
            Outcome::Planned(planned) => exit = exit.worse(kept(call, args, planned.plan)?),
        }
    }
    Ok(exit)
}

/// Some flags mean something for one stack alone.
fn only_one(args: &Plan, count: usize) -> Result<(), Problem> {
    let flag = match (&args.output, &args.plan.name) {
        (Some(_), _) => "-o",
        (_, Some(_)) => "--as",
        _ => return Ok(()),
    };
    match count {
        1 => Ok(()),
        _ => Err(usage(format!("`{flag}` is for one stack, and {count} are meant"), "name one")),
    }
}

async fn one(
    call: &Call,
    args: &Plan,
    engine: &Engine,
    request: &PlanRequest,
) -> Result<Exit, Problem> {
    kept(call, args, plan_of(call, engine, request).await?.plan)
}

fn kept(call: &Call, args: &Plan, plan: model::plan::Plan) -> Result<Exit, Problem> {
    let exit = shown(call, args, &plan);
    if let Some(path) = &args.output {
        let mut name = [0; 16];
        OsRandom.fill(&mut name);
        saved::keep(&call.around.folder.join(path), plan, &name)?;
        call.screen.event("plan_kept", json!({ "file": path }));
    }
    Ok(exit)
}

fn shown(call: &Call, args: &Plan, plan: &model::plan::Plan) -> Exit {
    let next = match (&args.output, &args.show) {
        (Some(path), _) | (_, Some(path)) => {
            vec![Hint::new("Apply it", format!("windlass apply {}", path.display()))]
        }
        (None, None) if args.destroy => {
            vec![Hint::new("Destroy it", format!("windlass destroy {}", plan.stack))]
        }
        (None, None) => vec![
            Hint::new("Apply it", apply_it(plan)),
            Hint::new("Keep it", format!("windlass plan {0} -o {0}.plan", plan.stack)),
        ],
    };
    show(call, plan, args.full, next);
    match (plan.refused.is_empty(), plan.is_unchanged()) {
        (false, _) => Exit::Refused,
        (true, false) if args.detailed_exitcode => Exit::Pending,
        _ => Exit::Done,
    }
}

/// What is more than may go unasked has to be said.
fn apply_it(plan: &model::plan::Plan) -> String {
    let usual = Budget::Cautious.exceeded(plan);
    let allow = usual.map(|_| format!(" --allow-deletes {}", Budget::spent(plan)));
    format!("windlass apply {}{}", plan.stack, allow.unwrap_or_default())
}

/// Shows a plan.
pub(crate) fn show(call: &Call, plan: &model::plan::Plan, full: bool, next: Vec<Hint>) {
    let took = call.took();
    // Of a hundred thousand resources this is long: it is made for who reads it.
    if call.screen.json {
        let mut event = json::plan(plan);
        event["took_ms"] = json!(took.as_millis() as u64);
        return call.screen.event("plan", event);
    }
    let view = View { detail: detail(call, full), took: Some(took), next };
    call.screen.answer(&render::plan::plan(plan, &view, call.screen.style));
}

/// Shows the plan that is about to be applied: it has changes, and what follows stands apart.
pub(crate) fn show_first(call: &Call, plan: &model::plan::Plan) {
    show(call, plan, false, Vec::new());
    if !plan.is_unchanged() {
        call.screen.note("");
    }
}

/// Returns how much of a plan is drawn.
pub(crate) fn detail(call: &Call, full: bool) -> Detail {
    match (full, call.screen.live) {
        (true, _) => Detail::Full,
        (false, true) => Detail::Summary,
        (false, false) => Detail::Complete,
    }
}

/// Says that a stack cannot be planned yet.
pub(crate) fn waits(call: &Call, meant: &stacks::Meant, other: &str) {
    let name = meant.outline.as_ref().map_or("", |outline| &outline.name);
    call.screen.event("waits", json!({ "stack": name, "for": other }));
    call.screen.answer(&format!(
        "{name}  reads the outputs of {other}, which has not been applied: it is planned after that\n"
    ));
}

/// Returns the name of a stack that is named by its file or, without one, by itself.
pub(crate) fn stack_name(call: &Call, engine: &Engine, named: &str) -> Result<String, Problem> {
    let known = engine.store.stacks()?;
    if known.iter().any(|name| name == named) {
        return Ok(named.to_owned());
    }
    match call.locate(&engine.project, named, FileType::Stack) {
        Ok(file) => Ok(stacks::Outline::read(&engine.project, &file)?.name),
        Err(_) if !known.is_empty() => {
            let names = language::suggest::list(known.iter().map(String::as_str));
            Err(usage(
                format!("nothing is remembered of a stack `{named}`"),
                format!("there are {names}"),
            ))
        }
        Err(problem) => Err(problem),
    }
}
