//! What a kind must know later and the world does not say: a small file beside the state, durable.
//!
//! It must hold no text of a secret. One that cannot be read counts as none: whoever has written it
//! can do without, and writes it again.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use model::{Context, Fault};
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::disk;

/// Where a note is kept: in a folder for its kind.
pub(crate) struct Note(PathBuf);

impl Note {
    /// Returns the note of this name, which is fit for a file.
    pub(crate) fn of(context: &Context, folder: &str, name: &str) -> Self {
        Self(context.site.home.join(folder).join(format!("{name}.json")))
    }

    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, Fault> {
        let text = disk::read(&self.0).map_err(|error| self.fault("read", &error))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(crate) fn write(&self, what: &impl Serialize) -> Result<(), Fault> {
        let written = serde_json::to_vec(what).map_err(io::Error::from).and_then(|bytes| {
            disk::make_folder(disk::folder_of(&self.0))?;
            let _alone = self.alone()?;
            disk::put(&self.0, &bytes, 0o600)
        });
        written.map_err(|error| self.fault("write", &error))
    }

    /// Removes it, and what is left of one that was being written.
    pub(crate) fn remove(&self) -> Result<(), Fault> {
        let removed = || {
            let _alone = match self.alone() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                alone => alone?,
            };
            disk::remove(&disk::beside(&self.0, "new"))?;
            disk::remove(&self.0)
        };
        removed().map_err(|error| self.fault("remove", &error))
    }

    /// Two stacks may write one note at once, such as that of a zone which both hold: they do so one after
    /// the other, as long as this is held.
    fn alone(&self) -> io::Result<File> {
        let folder = File::open(disk::folder_of(&self.0))?;
        flock(&folder, FlockOperation::LockExclusive)?;
        Ok(folder)
    }

    fn fault(&self, doing: &str, error: &io::Error) -> Fault {
        disk::fault(doing, AsRef::<Path>::as_ref(&self.0), error)
    }
}

#[cfg(test)]
mod tests {
    use std::thread::scope;

    use super::Note;

    #[test]
    fn a_note_that_many_write_at_once_is_written_by_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("zones/shop.json");
        scope(|threads| {
            for number in 0..4 {
                let place = &place;
                threads.spawn(move || {
                    for _ in 0..25 {
                        Note(place.clone()).write(&number).expect("it is written");
                    }
                });
            }
        });
        assert!(Note(place).read::<u32>().expect("it is read").is_some_and(|number| number < 4));
    }
}
