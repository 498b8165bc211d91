//! `windlass destroy`: takes everything of a stack away.

use clap::Args;
use language::suggest;
use runtime::engine::{ApplyOptions, Engine, Problem};
use runtime::project::FileType;
use serde_json::json;

use super::apply::{left, settled};
use super::plan::{show_first, stack_name};
use crate::applying::{Said, WorkArgs, apply, confirm};
use crate::call::{Call, full};
use crate::planning::{PlanArgs, Refresh, plan};
use crate::problem::{Exit, usage};
use crate::render::problem::remark;
use crate::stacks::{self, Outline};

/// Destroy everything in stacks
///
/// Works from what is remembered: the file may be gone. What is protected stays, and the command is
/// refused. Several stacks are destroyed one after the other, each before those whose outputs it reads.
#[derive(Args)]
pub(crate) struct Destroy {
    /// Stacks, by name or file
    #[arg(required = true)]
    stacks: Vec<String>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Only this resource and what needs it; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    target: Vec<String>,

    /// All but this resource and what it needs; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    exclude: Vec<String>,

    #[command(flatten)]
    refresh: Refresh,

    #[command(flatten)]
    work: WorkArgs,
}

pub(crate) fn run(call: &Call, args: &Destroy) -> Result<Exit, Problem> {
    let runtime = full()?;
    let engine = call.engine()?;
    runtime.block_on(all(call, args, &engine))
}

async fn all(call: &Call, args: &Destroy, engine: &Engine) -> Result<Exit, Problem> {
    let names = args.stacks.iter().map(|named| stack_name(call, engine, named));
    let names = stacks::backwards(&engine.project, names.collect::<Result<_, _>>()?);
    if names.len() > 1 && !(args.target.is_empty() && args.exclude.is_empty()) {
        let message = "`--target` and `--exclude` are for one stack, and several are meant";
        return Err(usage(message, "name one"));
    }
    for name in &names {
        let exit = destroy(call, args, engine, name).await?;
        // What it reads would go from under it.
        if exit != Exit::Done {
            return Ok(exit);
        }
    }
    Ok(Exit::Done)
}

async fn destroy(
    call: &Call,
    args: &Destroy,
    engine: &Engine,
    name: &str,
) -> Result<Exit, Problem> {
    let flags = PlanArgs {
        target: args.target.clone(),
        exclude: args.exclude.clone(),
        refresh: args.refresh.clone(),
        ..PlanArgs::default()
    };
    let request = flags.destroy(name);
    let options = ApplyOptions { destroy: true, ..args.work.options() };
    let words = [vec!["destroy".to_owned(), name.to_owned()], flags.words_of_end()].concat();
    let planned = plan(call, engine, &request).await?;
    let plan = settled(call, engine, &request, planned, &options).await?;
    if plan.is_empty() && plan.refused.is_empty() {
        // Of an apply that has just begun nothing may be remembered yet.
        engine.turn(name, options.terms, |_| {}).await?;
        call.screen.event("plan", crate::json::plan(&plan));
        call.screen.answer(&format!("{name}  nothing is left of it\n"));
        return Ok(Exit::Done);
    }
    show_first(call, &plan);
    tell_readers(call, engine, name);
    let options = match confirm(call, &plan, args.yes, options, engine)? {
        Said::Yes(options) => options,
        Said::No => return Ok(left(call)),
    };
    apply(call, engine, plan, None, &options, &call.typed(words)).await
}

/// Says who reads what goes: they cannot be planned any more.
fn tell_readers(call: &Call, engine: &Engine, name: &str) {
    if engine.outputs_of(name).is_none_or(|outputs| outputs.is_empty()) {
        return;
    }
    let readers = readers(engine, name);
    if readers.is_empty() {
        return;
    }
    let names = suggest::list(readers.iter().map(String::as_str)).replace(" or ", " and ");
    call.screen.event("readers", json!({ "stack": name, "read_by": readers }));
    if !call.screen.json {
        let is = format!(
            "the outputs of `{name}` are read by {names}, which cannot be planned without them"
        );
        let mend = format!("take them away first, or apply `{name}` again afterwards");
        call.screen.complain(&remark(&is, &mend, call.screen.style));
    }
}

/// The stacks of which something exists and that read the outputs of another one.
fn readers(engine: &Engine, name: &str) -> Vec<String> {
    let files = engine.project.files(FileType::Stack).unwrap_or_default();
    let outlines = files.iter().filter_map(|file| Outline::read(&engine.project, file).ok());
    let reads = |one: &Outline| one.name != name && one.reads.contains(name);
    let is_there = |one: &Outline| engine.store.rows(&one.name).is_ok_and(|rows| !rows.is_empty());
    outlines.filter(|one| reads(one) && is_there(one)).map(|one| one.name).collect()
}
