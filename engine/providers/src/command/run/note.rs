//! What is durable about a command: that it ended well, under which token, and what it wrote.
//!
//! It must hold no text of a secret.

use std::fs;
use std::path::PathBuf;

use model::{Context, Fault};
use serde::{Deserialize, Serialize};

use crate::disk;

/// A command that ended well.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// Of the effect that it was run for.
    pub(super) token: String,
    /// What it wrote; None: that is kept as a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<String>,
}

impl Note {
    /// Returns the last note; None: there is none, or it cannot be read.
    pub(super) fn read(context: &Context, id: &str) -> Result<Option<Self>, Fault> {
        let place = place(context, id);
        let text = disk::read(&place).map_err(|error| disk::fault("read", &place, &error))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(super) fn write(&self, context: &Context, id: &str) -> Result<(), Fault> {
        let place = place(context, id);
        let written = serde_json::to_vec(self).map_err(std::io::Error::from).and_then(|bytes| {
            fs::create_dir_all(disk::folder_of(&place))?;
            disk::put(&place, &bytes, 0o600)
        });
        written.map_err(|error| disk::fault("write", &place, &error))
    }

    pub(super) fn remove(context: &Context, id: &str) -> Result<(), Fault> {
        let place = place(context, id);
        disk::remove(&place).map_err(|error| disk::fault("remove", &place, &error))
    }
}

fn place(context: &Context, id: &str) -> PathBuf {
    context.site.home.join("commands").join(format!("{id}.json"))
}
