//! `windlass outputs`: what a stack says to people and other stacks.

use clap::Args;
use runtime::engine::Problem;

use super::plan::stack_name;
use crate::applying::tell_outputs;
use crate::call::Call;
use crate::problem::{Exit, usage};
use crate::render::value::shown;

/// Print the outputs of a stack
#[derive(Args)]
pub(crate) struct Outputs {
    /// The stack, by name or file
    stack: String,

    /// One output: its value alone, for scripts
    name: Option<String>,
}

pub(crate) fn run(call: &Call, args: &Outputs) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    let stack = stack_name(call, &engine, &args.stack)?;
    let outputs = engine.store.outputs(&stack)?.ok_or_else(|| {
        let message =
            format!("the stack `{stack}` has no outputs: it was never applied to its end");
        usage(message, format!("windlass apply {stack}"))
    })?;
    let Some(name) = &args.name else {
        tell_outputs(call, &stack, &outputs.values);
        return Ok(Exit::Done);
    };
    let Some(value) = outputs.values.get(name) else {
        let names = language::suggest::list(outputs.values.keys().map(String::as_str));
        return Err(usage(
            format!("the stack `{stack}` has no output `{name}`"),
            format!("there are {names}"),
        ));
    };
    call.screen.answer(&format!("{}\n", shown(value)));
    let one = [(name.clone(), value.clone())].into();
    if call.screen.json {
        tell_outputs(call, &stack, &one);
    }
    Ok(Exit::Done)
}
