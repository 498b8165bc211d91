//! `windlass state`: what is remembered, and changing it by hand.

use clap::{Args, Subcommand};
use model::address::within;
use runtime::engine::{Engine, Problem};
use serde_json::json as object;

use super::plan::stack_name;
use crate::applying::settle;
use crate::call::{Call, full};
use crate::problem::{Exit, usage};
use crate::{json, render};

/// Look at what is remembered, and change it by hand
#[derive(Args)]
pub(crate) struct State {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List resources, of all stacks or of one
    List {
        /// The stack
        stack: Option<String>,
    },
    /// Show one resource in full; secrets are handles here too
    Show {
        /// STACK ADDRESS, or STACK/ADDRESS
        #[arg(required = true, num_args = 1..=2)]
        resource: Vec<String>,
    },
    /// Give a resource another address
    Mv {
        /// STACK FROM TO, or STACK/FROM TO
        #[arg(required = true, num_args = 2..=3)]
        resource: Vec<String>,
    },
    /// Forget a resource: what it stands for goes on to exist
    Rm {
        /// STACK ADDRESS, or STACK/ADDRESS
        #[arg(required = true, num_args = 1..=2)]
        resource: Vec<String>,
    },
}

pub(crate) fn run(call: &Call, args: &State) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    match &args.verb {
        Verb::List { stack } => list(call, &engine, stack.as_deref())?,
        Verb::Show { resource } => show(call, &engine, resource)?,
        Verb::Mv { resource } => rename(call, &engine, resource)?,
        Verb::Rm { resource } => forget(call, &engine, resource)?,
    }
    Ok(Exit::Done)
}

fn list(call: &Call, engine: &Engine, stack: Option<&str>) -> Result<(), Problem> {
    let stacks = match stack {
        Some(named) => vec![stack_name(call, engine, named)?],
        None => engine.store.stacks()?,
    };
    let mut count = 0;
    for stack in stacks {
        let resources = engine.resources(&stack)?;
        count += resources.len();
        for resource in resources.iter().filter(|_| call.screen.json) {
            call.screen.event(
                "resource",
                object!({
                    "stack": stack, "address": resource.address, "kind": resource.kind,
                    "id": resource.id, "run": resource.run,
                }),
            );
        }
        if !resources.is_empty() {
            call.screen.answer(&render::state::list(&stack, &resources, call.screen.style));
        }
    }
    if count == 0 {
        call.screen.note("nothing is remembered");
    }
    Ok(())
}

fn show(call: &Call, engine: &Engine, words: &[String]) -> Result<(), Problem> {
    let (stack, rest) = split(call, engine, words, 1)?;
    let record = engine.resource(&stack, &rest[0])?;
    let (spec, attributes) = (json::tree(&record.spec), json::tree(&record.object.attributes));
    call.screen.event(
        "resource",
        object!({
            "stack": stack, "address": rest[0], "kind": record.kind, "id": record.object.id,
            "run": record.generation, "protect": record.protect, "needs": record.needs,
            "spec": spec, "attributes": attributes,
        }),
    );
    let kind = engine.kinds.get(&record.kind).map(|kind| &**kind);
    let text = render::state::show(&stack, &rest[0], &record, kind, call.screen.style);
    call.screen.answer(&text);
    Ok(())
}

fn rename(call: &Call, engine: &Engine, words: &[String]) -> Result<(), Problem> {
    let (stack, mut rest) = split(call, engine, words, 2)?;
    let Some(to) = within(&stack, &rest[1]).map(str::to_owned) else {
        let message = format!("`{}` is in another stack, and a resource stays in its own", rest[1]);
        let to = rest[1].rsplit('/').next().unwrap_or_default();
        return Err(usage(message, format!("write `{stack}/{} {to}`", rest[0])));
    };
    rest[1] = to;
    let runtime = full()?;
    runtime.block_on(settle(call, engine, &stack))?;
    runtime.block_on(engine.rename(&stack, &rest[0], &rest[1]))?;
    call.screen.event("moved", object!({ "stack": stack, "from": rest[0], "to": rest[1] }));
    call.screen.answer(&format!("{stack}  {} is {} from now on\n", rest[0], rest[1]));
    Ok(())
}

fn forget(call: &Call, engine: &Engine, words: &[String]) -> Result<(), Problem> {
    let (stack, rest) = split(call, engine, words, 1)?;
    let runtime = full()?;
    runtime.block_on(settle(call, engine, &stack))?;
    let id = engine.resource(&stack, &rest[0])?.object.id;
    runtime.block_on(engine.forget(&stack, &rest[0]))?;
    call.screen.event("forgotten", object!({ "stack": stack, "address": rest[0], "id": id }));
    call.screen.answer(&format!("{stack}  {} is forgotten; {id} goes on to exist\n", rest[0]));
    Ok(())
}

/// Returns the stack and the words after it, of `STACK ADDRESS …` or `STACK/ADDRESS …`.
pub(crate) fn split(
    call: &Call,
    engine: &Engine,
    words: &[String],
    wanted: usize,
) -> Result<(String, Vec<String>), Problem> {
    let mut words: Vec<String> = words.to_vec();
    if words.len() == wanted
        && let Some((stack, address)) = words[0].split_once('/')
    {
        let (stack, address) = (stack.to_owned(), address.to_owned());
        words.splice(0..1, [stack, address]);
    }
    if words.len() != wanted + 1 {
        let message = format!("`{}` does not name one resource", words.join(" "));
        return Err(usage(message, "write STACK/ADDRESS; `windlass state list` lists them"));
    }
    let stack = stack_name(call, engine, &words.remove(0))?;
    Ok((stack, words))
}
