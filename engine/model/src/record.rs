//! What is remembered of a resource: a narrow row that tells same from changed, and a record that is
//! decoded only when something changed.
//!
//! It must not compare or decide, and must not know where rows and records are kept.

use serde::{Deserialize, Serialize};

use crate::kind::Object;
use crate::registry::Erased;
use crate::value::{Digest, Tree, Value};

/// One row of the sorted table of digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name of the kind.
    pub kind: String,
    /// How the kind finds the object.
    pub id: String,
    /// The number of the run that changed it last.
    pub generation: u64,
    /// Of the block as written and of every value that it reads.
    pub digest: Digest,
    /// Of the object: what a refresh compares with.
    pub object: Digest,
    /// The spec holds secrets.
    pub sealed: bool,
    /// Of everything that others may read, in the order of [`Erased::names`].
    pub attributes: Vec<Digest>,
    /// See [`Record::claim`].
    pub claim: Option<String>,
}

/// Everything about one resource, as it was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The name of the kind.
    pub kind: String,
    /// The number of the run that changed it last.
    pub generation: u64,
    /// Of the block as written and of every value that it reads.
    pub digest: Digest,
    /// Its keys as they were applied, with handles for secrets.
    pub spec: Tree,
    /// What there was afterwards.
    pub object: Object,
    /// Names of blocks: the order of deletion when the file no longer says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// It must not be destroyed or replaced, even when its block is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// What it is in the world, see [`Erased::claim`]; None: its kind does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
}

/// The outputs of a stack, as they were applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputsRecord {
    /// Of the outputs as written and of every value that they read.
    pub digest: Digest,
    /// By name.
    pub values: Tree,
}

impl Record {
    /// Returns what a reference to it means: a key as it was applied, or an attribute of the object.
    pub fn attribute(&self, kind: &Erased, name: &str) -> Value {
        let tree = if kind.key(name).is_some() { &self.spec } else { &self.object.attributes };
        tree.get(name).cloned().unwrap_or_else(|| kind.default(name))
    }

    /// Returns whether its spec holds secrets.
    pub fn sealed(&self) -> bool {
        self.spec.values().any(|value| !value.secrets().is_empty())
    }

    /// Returns the row that stands for it. Without its kind (a provider that is not built in) nobody
    /// can read from it.
    pub fn row(&self, kind: Option<&Erased>) -> Row {
        let attributes = kind.map_or_else(Vec::new, |kind| {
            kind.names().map(|name| self.attribute(kind, name).digest()).collect()
        });
        Row {
            kind: self.kind.clone(),
            id: self.object.id.clone(),
            generation: self.generation,
            digest: self.digest,
            object: self.object.digest(),
            sealed: self.sealed(),
            attributes,
            claim: self.claim.clone(),
        }
    }
}
