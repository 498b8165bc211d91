//! `windlass explain`: what a kind is for, its example, and all of its keys.

use clap::Args;
use runtime::engine::Problem;
use serde_json::json as object;

use crate::call::Call;
use crate::problem::{Exit, usage};
use crate::render::explain::{about, list};
use crate::{json, render};

/// Explain a kind of resource: its example and all keys
#[derive(Args)]
pub(crate) struct Explain {
    /// The kind, such as file.text, or `json` for the events of --json; by default the list of kinds
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
                (None, true) => "`windlass explain` lists them".to_owned(),
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
