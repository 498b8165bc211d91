//! `windlass explain`: what a kind or a type of file is for, its example, and all of its keys.

use clap::Args;
use language::{Layout, Record};
use model::file::inventory::Inventory;
use model::file::pipeline::{Pipeline, PipelineStep};
use model::file::server::{Keep, Repository, Server};
use model::file::stack::{Header, Parameter, StackHead};
use runtime::engine::Problem;
use serde_json::json as object;

use crate::call::Call;
use crate::problem::{Exit, usage};
use crate::render::explain::{about, file, list};
use crate::render::style::Style;
use crate::{json, render};

/// Explain a kind of resource or a type of file: its example and all keys
#[derive(Args)]
pub(crate) struct Explain {
    /// A kind, such as file.text; `stack`, `resource`, `parameters`, `pipeline`, `inventory` or
    /// `server`; one of their keys; `json` for the events of --json. By default the list of kinds
    kind: Option<String>,
}

pub(crate) fn run(call: &Call, args: &Explain) -> Result<Exit, Problem> {
    let kinds = providers::kinds();
    let Some(name) = &args.kind else {
        for kind in kinds.kinds() {
            let event = object!({ "kind": kind.name, "about": about(kind) });
            call.screen.event("kind", event);
        }
        call.screen.answer(&list(&kinds, call.screen.style));
        return Ok(Exit::Done);
    };
    if name == "json" {
        call.screen.page(name, json::PAGE);
        return Ok(Exit::Done);
    }
    let pages = pages(name);
    if !pages.is_empty() {
        let texts: Vec<String> = pages.iter().map(|page| page.text(call.screen.style)).collect();
        call.screen.page(name, &texts.join("\n"));
        return Ok(Exit::Done);
    }
    let Some(kind) = kinds.get(name) else {
        let message = format!("there is no kind `{name}`");
        let near = language::suggest::nearest(name, kinds.names());
        let of_provider: Vec<_> =
            kinds.names().filter(|kind| kind.split('.').next() == Some(name.as_str())).collect();
        return Err(usage(
            message,
            match (near, of_provider.is_empty()) {
                (_, false) => format!("there are {}", language::suggest::list(of_provider)),
                (Some(near), true) => format!("did you mean `{near}`?"),
                (None, true) => {
                    "`windlass explain` lists them, and what else can be explained".to_owned()
                }
            },
        ));
    };
    call.screen.event(
        "kind",
        object!({ "kind": kind.name, "about": about(kind), "example": kind.example }),
    );
    call.screen.answer(&render::explain::kind(kind, call.screen.style));
    Ok(Exit::Done)
}

/// What can be explained beside kinds.
struct Page {
    name: &'static str,
    layout: &'static Layout,
    example: &'static str,
    see: &'static str,
}

impl Page {
    fn text(&self, style: Style) -> String {
        file(self.name, self.layout, self.example, self.see, style)
    }

    /// Whether it explains this: by its name, or by a key of what it is made of.
    fn explains(&self, word: &str) -> bool {
        let within = match self.name {
            "pipeline" => vec![PipelineStep::layout()],
            "server" => vec![Repository::layout(), Keep::layout()],
            _ => vec![],
        };
        let mut layouts = [self.layout].into_iter().chain(within);
        self.name == word || layouts.any(|layout| layout.keys().any(|key| key == word))
    }
}

/// The pages that explain a word.
fn pages(word: &str) -> Vec<Page> {
    let page = |name, layout, example, see| Page { name, layout, example, see };
    let all = [
        page("stack", StackHead::layout(), STACK, "Its resources:  windlass explain resource"),
        page(
            "resource",
            Header::layout(),
            RESOURCE,
            "The keys of each kind:  windlass explain KIND",
        ),
        page(
            "parameters",
            Parameter::layout(),
            PARAMETERS,
            "Given by  --param NAME=VALUE  or  --params FILE",
        ),
        page("pipeline", Pipeline::layout(), PIPELINE, "It is started by  windlass run NAME"),
        page("inventory", Inventory::layout(), INVENTORY, "It is looked at by  windlass check"),
        page("server", Server::layout(), SERVER, "It is read by  windlass serve"),
    ];
    let (mut named, others): (Vec<Page>, Vec<Page>) =
        all.into_iter().partition(|page| page.name == word);
    if named.is_empty() {
        named.extend(others.into_iter().filter(|page| page.explains(word)));
    }
    named
}

const STACK: &str = include_str!("init/hello-stack.yml");
const PIPELINE: &str = include_str!("init/hello-pipeline.yml");
const INVENTORY: &str = include_str!("../../../../inventories/lab.yml");
const SERVER: &str = include_str!("explain/server.yml");
const RESOURCE: &str = include_str!("explain/resource.yml");
const PARAMETERS: &str = include_str!("explain/parameters.yml");
