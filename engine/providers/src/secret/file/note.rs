//! What is known of a file that cannot be decrypted here.
//!
//! It must hold no text of a secret: keyed hashes alone.

use std::fs;
use std::path::Path;

use model::{Digest, Fault};
use serde::{Deserialize, Serialize};

use super::Hashes;
use crate::disk;

/// What stands in a file, as long as the file is this one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// Of the encrypted file.
    pub(super) file: Digest,
    pub(super) recipients: Vec<String>,
    pub(super) values: Hashes,
}

impl Note {
    /// Returns the note; None if there is none that can be read: then the file is written again.
    pub(super) fn read(place: &Path) -> Result<Option<Self>, Fault> {
        let text = disk::read(place).map_err(|error| disk::fault("read", place, &error))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(super) fn write(&self, place: &Path) -> Result<(), Fault> {
        let written = serde_json::to_vec(self).map_err(std::io::Error::from).and_then(|bytes| {
            fs::create_dir_all(disk::folder_of(place))?;
            disk::put(place, &bytes, 0o600)
        });
        written.map_err(|error| disk::fault("write", place, &error))
    }

    pub(super) fn remove(place: &Path) -> Result<(), Fault> {
        disk::remove(place).map_err(|error| disk::fault("remove", place, &error))
    }
}
