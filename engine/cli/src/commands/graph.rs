//! `windlass graph`: what needs what, as DOT or SVG.

use std::path::PathBuf;

use clap::Args;
use runtime::engine::Problem;
use runtime::project::FileType;
use serde_json::json;

use crate::call::Call;
use crate::given::GivenArgs;
use crate::problem::{Exit, failed};
use crate::render::graph::Graph as Drawn;
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
    let graph = engine.with_stack(&meant.file, &given, Drawn::of)?;
    let text = if args.svg { graph.svg() } else { graph.dot() };
    match &args.output {
        None => call.screen.page(&args.stack, &text),
        Some(path) => {
            std::fs::write(call.around.folder.join(path), text)
                .map_err(|error| failed(format!("cannot write {}: {error}", path.display())))?;
            call.screen.event("file", json!({ "file": path, "made": true }));
        }
    }
    Ok(Exit::Done)
}
