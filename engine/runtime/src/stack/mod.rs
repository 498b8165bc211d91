//! A stack file as blocks in dependency order, and the resources that they stand for.
//!
//! Everything is looked at once: header, references, a digest with references unresolved. It must not
//! decode the specs themselves (the planner does, for those that changed), nor know state.

mod known;
mod load;
mod reading;
mod renamed;
mod shape;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use language::decoder::read_with;
use language::document::Entries;
use language::{Content, Diagnostics, Document, Node, Record, Span};
use model::file::stack::{Header, Moved, Removed};
use model::{Digest, Erased, Tree};

pub use load::{Around, load};
pub use reading::{check_circle, stacks_read};
pub use shape::place;

use known::KnownShapes;

use crate::parameters::Parameters;

/// A stack that can be planned with.
pub struct Stack<'d> {
    /// Its name.
    pub name: String,
    /// In dependency order: a block needs only earlier ones.
    pub blocks: Vec<Block<'d>>,
    /// In the order of their blocks.
    pub resources: Vec<Resource>,
    /// Things that have got another name.
    pub moved: Vec<Moved>,
    /// Things that are no longer looked after.
    pub removed: Vec<Removed>,
    /// What others may read.
    pub outputs: Outputs<'d>,
    /// Values from outside.
    pub parameters: Parameters,
    /// Outputs of other stacks that this one reads; None: that stack was never applied.
    pub others: BTreeMap<String, Option<Tree>>,
    /// The file.
    pub document: &'d Document,
}

/// One entry under `resources`.
pub struct Block<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its kind.
    pub kind: Arc<Erased>,
    /// Where its name stands.
    pub key: Node<'d>,
    /// Its keys.
    pub node: Node<'d>,
    /// What every resource has.
    pub header: Header,
    /// How much can be said of its header.
    pub standing: Standing,
    /// Each once, in the order of their paths.
    pub reads: Reads,
    /// Files of the project that its keys name, with their text.
    pub files: Vec<FileKey>,
    /// Of everything that stands there, references unresolved.
    pub shape: Digest,
    /// Blocks, each once.
    pub needs: Vec<usize>,
    /// Its resources.
    pub resources: Range<usize>,
}

/// How much can be said of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All of it.
    Known,
    /// Something in it comes later, such as how often the block is repeated.
    Open,
    /// Something is wrong with it, and that was said.
    Wrong,
}

/// The outputs of a stack.
#[derive(Default)]
pub struct Outputs<'d> {
    /// By name, as they are written.
    pub values: Vec<(&'d str, Node<'d>)>,
    /// Their references.
    pub reads: Reads,
    /// Of everything that stands there, references unresolved.
    pub shape: Digest,
}

/// A block, or one of those that its `count` or `each` make of it.
pub struct Resource {
    /// Its name in the stack.
    pub address: String,
    /// Its block.
    pub block: usize,
    /// What `${index}` or `${each}` stands for.
    pub repeat: Option<String>,
}

/// A key whose value is a file of the project.
pub struct FileKey {
    /// The key.
    pub key: &'static str,
    /// As it is written.
    pub path: String,
    /// Its text.
    pub content: Arc<str>,
}

/// References, each once, in the order of their paths.
#[derive(Default)]
pub struct Reads(pub Vec<Read>);

/// A reference.
#[derive(Clone)]
pub struct Read {
    /// As it is written, without `${}`.
    pub path: String,
    /// Where it stands first.
    pub span: Span,
    /// What it means.
    pub target: Target,
}

/// What a reference means.
#[derive(Clone, Debug)]
pub enum Target {
    /// A value from outside.
    Parameter,
    /// A secret.
    Secret,
    /// Which of the repeated resources this is.
    Repeat,
    /// An output of another stack.
    Output {
        /// The other stack.
        stack: String,
        /// The output.
        name: String,
    },
    /// An attribute of one resource or, of a repeated block, the list of all.
    Attribute {
        /// The resources.
        resources: Range<usize>,
        /// The key or attribute.
        name: String,
        /// The list of all, even if there is one.
        list: bool,
    },
}

impl<'d> Stack<'d> {
    /// Returns the block of a resource.
    pub fn block(&self, resource: &Resource) -> &Block<'d> {
        &self.blocks[resource.block]
    }

    /// Notes every error in one block, as its author wrote it.
    pub fn check(&self, block: &Block<'_>, diagnostics: &mut Diagnostics) {
        block.check(self.document, &self.parameters, &[], diagnostics);
    }

    /// Returns the keys of each resource as the file alone says them, with holes for the rest.
    pub fn written(&self) -> Vec<Tree> {
        known::written(self)
    }

    /// Notes every error in all blocks, with what the keys of one say for another.
    pub fn check_all(&self, written: &[Tree], diagnostics: &mut Diagnostics) {
        for block in &self.blocks {
            block.check(self.document, &self.parameters, written, diagnostics);
        }
    }
}

impl Block<'_> {
    /// Notes every error in it, as its author wrote it.
    pub fn check(
        &self,
        document: &Document,
        parameters: &Parameters,
        written: &[Tree],
        diagnostics: &mut Diagnostics,
    ) {
        let scope = KnownShapes::new(self, parameters, written);
        read_with(document, &scope, diagnostics, |decoder| {
            let mut keys = decoder.open(self.node, vec![Header::layout(), (self.kind.spec)()])?;
            if self.standing != Standing::Wrong {
                Header::take(&mut keys);
            }
            (self.kind.check)(&mut keys);
            keys.close();
            Some(())
        });
    }

    /// Returns its keys without the header's.
    pub fn keys(&self) -> impl Iterator<Item = (&str, Node<'_>)> {
        let entries = match self.node.content() {
            Content::Map(entries) => Some(entries),
            _ => None,
        };
        let named = |(key, value): (_, _)| Node::scalar(key).map(|key| (key.text, value));
        let own =
            |(key, _): &(&str, Node<'_>)| !Header::layout().keys().any(|header| header == *key);
        entries.into_iter().flat_map(Entries::iter).filter_map(named).filter(own)
    }

    /// Returns the file that a key names.
    pub fn file(&self, key: &str) -> Option<&FileKey> {
        self.files.iter().find(|file| file.key == key)
    }
}

impl Reads {
    /// Returns what a reference means, if it is one of these.
    pub fn target(&self, path: &str) -> Option<&Target> {
        let at = self.0.binary_search_by(|read| read.path.as_str().cmp(path)).ok()?;
        Some(&self.0[at].target)
    }

    /// Returns some of them.
    pub fn only(&self, keep: impl Fn(&Read) -> bool) -> Self {
        Self(self.0.iter().filter(|read| keep(read)).cloned().collect())
    }
}
