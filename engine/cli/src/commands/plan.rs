//! `windlass plan`: what would change, and why. Changes nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use model::context::Random;
use runtime::engine::{Budget, Engine, Problem};
use runtime::project::FileType;
use serde_json::json;

use crate::call::{Call, light};
use crate::outside::OsRandom;
use crate::planning::{Ahead, PlanArgs, plan as plan_of, plan_each};
use crate::problem::{Exit, usage};
use crate::render::hint::Hint;
use crate::render::plan::{Detail, View};
use crate::stacks::Meant;
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

    /// Plan the end of everything in the stacks
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
        let next = vec![apply_file(call, path, &saved.plan)];
        return Ok(shown(call, args, &saved.plan, next));
    }
    let runtime = light()?;
    let engine = call.engine()?;
    runtime.block_on(plan(call, args, &engine))
}

async fn plan(call: &Call, args: &Plan, engine: &Engine) -> Result<Exit, Problem> {
    if args.destroy {
        return ends(call, args, engine).await;
    }
    let meant = stacks::meant(call, &engine.project, &args.stacks)?;
    args.plan.given.all_are_meant(call, &meant)?;
    only_one(args, meant.len())?;
    let alone = meant.len() == 1;
    let see = |one: &Meant, plan: model::plan::Plan, ahead: &Ahead| {
        let words = args.plan.words(call, one, alone)?;
        let typed = Typed { engine, verb: "apply", named: one.named(&plan.stack), words };
        kept(call, args, plan, &typed, &ahead.of(one))
    };
    plan_each(call, engine, &args.plan, &args.stacks, &meant, see).await
}

async fn ends(call: &Call, args: &Plan, engine: &Engine) -> Result<Exit, Problem> {
    only_one(args, args.stacks.len())?;
    let mut exit = Exit::Done;
    let names = args.stacks.iter().map(|named| stack_name(call, engine, named));
    for name in stacks::backwards(&engine.project, names.collect::<Result<_, _>>()?) {
        let plan = plan_of(call, engine, &args.plan.destroy(&name)).await?.plan;
        let typed = Typed { engine, verb: "destroy", named: name, words: args.plan.words_of_end() };
        exit = exit.worse(kept(call, args, plan, &typed, &[])?);
    }
    Ok(exit)
}

/// What is typed to do what a plan says.
struct Typed<'t> {
    engine: &'t Engine,
    verb: &'static str,
    named: String,
    words: Vec<String>,
}

impl Typed<'_> {
    /// A secret that was given as a parameter is covered: it has to be given again.
    fn command(&self, call: &Call, words: &[&str]) -> String {
        let words = words.iter().copied().chain(self.words.iter().map(String::as_str));
        self.engine.sealing().masked(&call.typed(words))
    }
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

/// Shows a plan, and keeps it if that is asked for. `after` are stacks whose changes it counts on.
fn kept(
    call: &Call,
    args: &Plan,
    plan: model::plan::Plan,
    typed: &Typed<'_>,
    after: &[String],
) -> Result<Exit, Problem> {
    if !after.is_empty() {
        let names = after.join(", ");
        call.screen.event("after", json!({ "stack": plan.stack, "stacks": after }));
        call.screen.answer(&format!("{}  as it will be after {names}:\n", plan.stack));
    }
    let next = match &args.output {
        Some(path) => vec![apply_file(call, path, &plan)],
        None => next(call, &plan, typed, after),
    };
    let exit = shown(call, args, &plan, next);
    if let Some(path) = &args.output {
        if plan.is_unchanged() && plan.refused.is_empty() {
            call.screen.note(&format!("{} is kept: it changes nothing", path.display()));
        }
        let mut name = [0; 16];
        OsRandom.fill(&mut name);
        saved::keep(&call.around.folder.join(path), plan, &name)?;
        call.screen.event("plan_kept", json!({ "file": path }));
    }
    Ok(exit)
}

fn shown(call: &Call, args: &Plan, plan: &model::plan::Plan, next: Vec<Hint>) -> Exit {
    show(call, plan, args.full, next);
    match (plan.refused.is_empty(), plan.is_unchanged()) {
        (false, _) => Exit::Refused,
        (true, false) if args.detailed_exitcode => Exit::Pending,
        _ => Exit::Done,
    }
}

fn apply_file(call: &Call, path: &Path, plan: &model::plan::Plan) -> Hint {
    let mut words = vec!["apply".to_owned(), path.display().to_string()];
    words.extend(allowed(plan));
    Hint::new("Apply it", call.typed(words))
}

fn next(call: &Call, plan: &model::plan::Plan, typed: &Typed<'_>, after: &[String]) -> Vec<Hint> {
    let named = typed.named.as_str();
    if typed.verb == "destroy" {
        return vec![Hint::new("Destroy it", typed.command(call, &["destroy", named]))];
    }
    let allowed = allowed(plan);
    let before = after.iter().map(String::as_str);
    let words = ["apply"].into_iter().chain(before).chain([named]);
    let words: Vec<&str> = words.chain(allowed.iter().map(String::as_str)).collect();
    let apply = Hint::new("Apply it", typed.command(call, &words));
    if !after.is_empty() {
        return vec![apply];
    }
    let file = format!("{}.plan", plan.stack);
    vec![apply, Hint::new("Keep it", typed.command(call, &["plan", named, "-o", &file]))]
}

/// What is more than may go unasked has to be said.
fn allowed(plan: &model::plan::Plan) -> Vec<String> {
    match Budget::Cautious.exceeded(plan) {
        Some(_) => vec!["--allow-deletes".to_owned(), Budget::spent(plan).to_string()],
        None => Vec::new(),
    }
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
