//! What is durable about a command: that it ended well, under which token, with what and what it wrote.
//!
//! It must hold no text of a secret.

use model::{Context, Fault, Tree};
use serde::{Deserialize, Serialize};

use crate::note;

/// A command that ended well.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// Of the effect that it was run for.
    pub(super) token: String,
    /// What it was run with, where that may hold secrets: as they were then. That one has another text
    /// by now is no change from outside.
    #[serde(default, skip_serializing_if = "Tree::is_empty")]
    pub(super) with: Tree,
    /// What it wrote; None: that is kept as a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<String>,
}

impl Note {
    /// Returns the last note, if there is one.
    pub(super) fn read(context: &Context, id: &str) -> Result<Option<Self>, Fault> {
        place(context, id).read()
    }

    pub(super) fn write(&self, context: &Context, id: &str) -> Result<(), Fault> {
        place(context, id).write(self)
    }

    pub(super) fn remove(context: &Context, id: &str) -> Result<(), Fault> {
        place(context, id).remove()
    }
}

fn place(context: &Context, id: &str) -> note::Note {
    note::Note::of(context, "commands", id)
}
