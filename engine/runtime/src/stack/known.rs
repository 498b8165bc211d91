//! What is known of references while files are checked: parameters, files, keys of earlier resources, and
//! what is a list.
//!
//! It must not know attributes, nor state.

use std::collections::HashMap;
use std::sync::Arc;

use language::{Builder, Document, Found, Reference, Scope};

use model::value::{Reading, document_of};
use model::{Tree, Value};

use super::{Block, Resource, Stack, Target};
use crate::parameters::Parameters;

/// Stands for any value that comes later; no parameter has a dot in its name.
const LATER: &str = "${each.later}";

/// See above.
pub(super) struct KnownShapes<'b> {
    block: &'b Block<'b>,
    parameters: &'b Parameters,
    /// Keys of earlier resources, and lists, whose values come later.
    known: HashMap<&'b str, Document>,
}

impl<'b> KnownShapes<'b> {
    pub(super) fn new(block: &'b Block<'b>, parameters: &'b Parameters, written: &[Tree]) -> Self {
        let known = |read: &'b super::Read| {
            let document = match &read.target {
                Target::Attribute { resources, list: true, .. } => list_of(resources.len().min(2)),
                target => document_of(key_of(written, target)?),
            };
            Some((read.path.as_str(), document))
        };
        Self { block, parameters, known: block.reads.0.iter().filter_map(known).collect() }
    }
}

/// Returns the keys of each resource: with what parameters and earlier resources say, and holes for the
/// rest.
pub(super) fn written(stack: &Stack<'_>) -> Vec<Tree> {
    let mut written = Vec::with_capacity(stack.resources.len());
    for resource in &stack.resources {
        let tree = as_written(stack, resource, &written);
        written.push(tree);
    }
    written
}

fn as_written(stack: &Stack<'_>, resource: &Resource, earlier: &[Tree]) -> Tree {
    let block = stack.block(resource);
    let known = |path: &str| match block.reads.target(path)? {
        Target::Parameter => stack.parameters.get(path).cloned().filter(Value::is_complete),
        Target::Repeat => resource.repeat.as_deref().map(Value::from),
        target => key_of(earlier, target).cloned(),
    };
    let mut read = |path: &str| Ok(known(path).map_or(Reading::Later, Reading::Known));
    let keys = block.keys().filter(|(key, _)| block.file(key).is_none());
    let resolved = keys
        .filter_map(|(key, node)| Some((key.to_owned(), Value::resolve(node, &mut read).ok()?)));
    resolved.collect()
}

/// Returns the value of a key of one earlier resource, if all of it is known.
fn key_of<'w>(earlier: &'w [Tree], target: &Target) -> Option<&'w Value> {
    let Target::Attribute { resources, name, list: false } = target else { return None };
    earlier.get(resources.start)?.get(name).filter(|value| value.is_complete())
}

impl Scope for KnownShapes<'_> {
    fn find(&self, reference: &Reference) -> Found<'_> {
        let path = reference.path.as_str();
        match self.known.get(path) {
            Some(known) => Found::Known(known.root()),
            None if self.parameters.declares(path) => self.parameters.find(reference),
            None => Found::Later,
        }
    }

    fn is_chosen(&self, reference: &Reference) -> bool {
        self.parameters.is_chosen(reference)
    }

    fn file(&self, path: &str) -> Option<Arc<str>> {
        let file = self.block.files.iter().find(|file| file.path == path)?;
        Some(Arc::clone(&file.content))
    }
}

fn list_of(count: usize) -> Document {
    let mut builder = Builder::default();
    let items = (0..count).map(|_| builder.text(LATER)).collect();
    let root = builder.list(items);
    builder.finish(root)
}
