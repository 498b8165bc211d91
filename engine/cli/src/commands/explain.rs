//! `windlass explain`: what a kind is for, its example, and all of its keys.

use clap::Args;
use language::explain::keys;
use model::Erased;
use runtime::engine::Problem;
use serde_json::json as object;

use crate::call::Call;
use crate::json;
use crate::problem::{Exit, usage};

/// Explain a kind of resource: its example and all keys
#[derive(Args)]
pub(crate) struct Explain {
    /// The kind, such as file.text, or `json` for the events of --json; by default the list of kinds
    kind: Option<String>,
}

pub(crate) fn run(call: &Call, args: &Explain) -> Result<Exit, Problem> {
    let kinds = call.kinds();
    let Some(name) = &args.kind else {
        for kind in kinds.kinds() {
            let about = about(kind);
            call.screen.event("kind", object!({ "kind": kind.name, "about": about }));
            call.screen.answer(&format!("{:<20}  {about}\n", kind.name));
        }
        return Ok(Exit::Done);
    };
    if name == "json" {
        call.screen.answer(json::PAGE);
        return Ok(Exit::Done);
    }
    let Some(kind) = kinds.get(name) else {
        let message = format!("there is no kind `{name}`");
        let near = language::suggest::nearest(name, kinds.names());
        let of_provider: Vec<_> =
            kinds.names().filter(|kind| kind.split('.').next() == Some(name.as_str())).collect();
        return Err(usage(message, match (near, of_provider.is_empty()) {
            (_, false) => format!("there are {}", language::suggest::list(of_provider)),
            (Some(near), true) => format!("did you mean `{near}`?"),
            (None, true) => "`windlass explain` lists them".to_owned(),
        }));
    };
    call.screen.event(
        "kind",
        object!({ "kind": kind.name, "about": about(kind), "example": kind.example }),
    );
    call.screen.answer(&page(kind, call.screen.width));
    Ok(Exit::Done)
}

fn about(kind: &Erased) -> &'static str {
    let doc = (kind.spec)().doc;
    doc.split_once(". ").map_or(doc, |(first, _)| first).trim_end_matches('.')
}

fn page(kind: &Erased, width: usize) -> String {
    let mut page = format!("{}: {}.\n\n{}\nKeys\n", kind.name, about(kind), kind.example);
    page.push_str(&keys((kind.spec)(), width));
    let attributes = keys((kind.object)(), width);
    if !attributes.is_empty() {
        page.push_str("\nAttributes, for references such as ${name.attribute}\n");
        page.push_str(&attributes);
    }
    page
}
