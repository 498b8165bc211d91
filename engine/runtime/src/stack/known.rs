//! What is known of references while a block is checked: parameters, files, and which of them are lists.
//!
//! It must not know the values of resources.

use std::collections::HashMap;
use std::sync::Arc;

use language::{Builder, Document, Found, Reference, Scope};

use super::{Block, Target};
use crate::parameters::Parameters;

/// Stands for any value that comes later; no parameter has a dot in its name.
const LATER: &str = "${each.later}";

/// See above.
pub(super) struct KnownShapes<'b> {
    block: &'b Block<'b>,
    parameters: &'b Parameters,
    /// Lists, whose values come later.
    lists: HashMap<&'b str, Document>,
}

impl<'b> KnownShapes<'b> {
    pub(super) fn new(block: &'b Block<'b>, parameters: &'b Parameters) -> Self {
        let list = |read: &'b super::Read| match &read.target {
            Target::Attribute { resources, list: true, .. } => {
                Some((read.path.as_str(), list_of(resources.len().min(2))))
            }
            _ => None,
        };
        Self { block, parameters, lists: block.reads.0.iter().filter_map(list).collect() }
    }
}

impl Scope for KnownShapes<'_> {
    fn find(&self, reference: &Reference) -> Found<'_> {
        let path = reference.path.as_str();
        match self.lists.get(path) {
            Some(list) => Found::Known(list.root()),
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
