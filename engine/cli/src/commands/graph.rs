//! `windlass graph`: what needs what, as DOT or SVG.

use std::path::PathBuf;

use clap::Args;
use runtime::engine::Problem;
use runtime::project::FileType;
use runtime::stack::Stack;

use crate::call::Call;
use crate::given::GivenArgs;
use crate::problem::{Exit, failed};
use crate::stacks::one;

/// Draw what needs what
#[derive(Args)]
pub(crate) struct Graph {
    /// The stack, by name or file
    stack: String,

    /// As DOT, for Graphviz (the default)
    #[arg(long, conflicts_with = "svg")]
    dot: bool,

    /// As SVG, to be looked at
    #[arg(long)]
    svg: bool,

    /// Write it to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    given: GivenArgs,
}

pub(crate) fn run(call: &Call, args: &Graph) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    let file = call.locate(&engine.project, &args.stack, FileType::Stack)?;
    let meant = one(call, &engine.project, file)?;
    let given = args.given.of(call, meant.outline.as_ref(), true)?;
    let text = engine.with_stack(&meant.file, &given, |stack| dot(stack))?;
    match &args.output {
        None => call.screen.raw(&text),
        Some(path) => std::fs::write(call.around.folder.join(path), text)
            .map_err(|error| failed(format!("cannot write {}: {error}", path.display())))?,
    }
    Ok(Exit::Done)
}

fn dot(stack: &Stack<'_>) -> String {
    let mut text = format!("digraph \"{}\" {{\n", stack.name);
    for block in &stack.blocks {
        text.push_str(&format!("  \"{}\" [label=\"{}\\n{}\"];\n", block.name, block.name, block.kind.name));
        for need in &block.needs {
            text.push_str(&format!("  \"{}\" -> \"{}\";\n", block.name, stack.blocks[*need].name));
        }
    }
    text.push_str("}\n");
    text
}
