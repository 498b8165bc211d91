//! `windlass schema`: JSON Schema of the files, for editors.

use clap::{Args, ValueEnum};
use language::shape::Tagged;
use language::{Decoder, Layout, Node, Record, Shape, Spec};
use model::file::inventory::Inventory;
use model::file::pipeline::Pipeline;
use model::file::server::Server;
use model::file::stack::{Header, StackHead};
use serde_json::{Value, json};

use crate::call::Call;
use crate::problem::Exit;

/// Print the JSON Schema of a file type, for editors
///
/// In the first line of a file: # yaml-language-server: $schema=../.windlass/stack.schema.json
#[derive(Args)]
pub(crate) struct Schema {
    /// Which files
    #[arg(default_value = "stack")]
    of: Files,
}

#[derive(Clone, Copy, ValueEnum)]
enum Files {
    /// stacks/*.yml
    Stack,
    /// pipelines/*.yml
    Pipeline,
    /// inventories/*.yml
    Inventory,
    /// windlass.yml
    Server,
}

pub(crate) fn run(call: &Call, args: &Schema) -> Exit {
    let schema = match args.of {
        Files::Stack => stack(),
        Files::Pipeline => language::schema::schema::<Pipeline>("A Windlass pipeline"),
        Files::Inventory => language::schema::schema::<Inventory>("A Windlass inventory"),
        Files::Server => language::schema::schema::<Server>("A Windlass server"),
    };
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    call.screen.event("schema", json!({ "schema": schema }));
    call.screen.answer(&format!("{text}\n"));
    Exit::Done
}

/// The head of a stack, with the kinds that are built in put in the place of its resources.
fn stack() -> Value {
    let mut schema = language::schema::schema::<StackHead>("A Windlass stack");
    let mut kinds = language::schema::schema::<AnyResources>("");
    let resources = kinds["allOf"][0].take();
    let id = StackHead::layout().id;
    if let Value::Object(definitions) = kinds["definitions"].take() {
        for (name, definition) in definitions {
            schema["definitions"][name] = definition;
        }
    }
    let place = &mut schema["definitions"][id]["properties"]["resources"];
    let description = place["description"].take();
    *place = json!({ "allOf": [resources], "description": description });
    schema
}

/// What stands under `resources` as the schema sees it.
struct AnyResources;

impl Spec for AnyResources {
    fn shape() -> Shape {
        Shape::Map(|| Shape::Tagged(tagged))
    }

    fn decode(_: Node<'_>, _: &mut Decoder<'_>) -> Option<Self> {
        Some(Self)
    }
}

fn tagged() -> Tagged {
    let kinds = providers::kinds();
    let layouts: Vec<(&'static str, &'static Layout)> =
        kinds.kinds().map(|kind| (kind.name, (kind.spec)())).collect();
    Tagged { key: "kind", shared: Header::layout(), layouts }
}
