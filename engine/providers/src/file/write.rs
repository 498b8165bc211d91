//! A file that appears whole, with its mode and owner, or not at all.
//!
//! It must not decide whether it may be written.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use language::scalar::Mode;
use model::{Fault, Token};

use super::owner;
use crate::disk;

/// Whose a file or folder is to be, and who may use it.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    pub(crate) mode: Mode,
    pub(crate) owner: Option<String>,
    pub(crate) group: Option<String>,
}

/// Puts a file in its place, by way of one that [`clear`] finds again.
pub(crate) fn put(place: &Path, bytes: &[u8], rights: &Rights, token: &Token) -> Result<(), Fault> {
    let numbered = rights.numbered()?;
    make_parents(place)?;
    let written = disk::put_by(&disk::unfinished(place, token), place, bytes, numbered);
    written.map_err(|error| failed("write", place, rights, &error))
}

/// Removes what an attempt that did not get to its end has left beside the place.
pub(crate) fn clear(place: &Path, token: &Token) -> Result<(), Fault> {
    let temporary = disk::unfinished(place, token);
    match fs::remove_file(&temporary) {
        Err(error)
            if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Err(disk::fault("remove", &temporary, &error))
        }
        _ => Ok(()),
    }
}

/// Makes the folders above a place, durably, with mode 0755.
pub(crate) fn make_parents(place: &Path) -> Result<(), Fault> {
    let folder = disk::folder_of(place);
    disk::make_folder(folder).map_err(|error| match obstacle(folder) {
        Some(file) => Fault::refused(format!(
            "cannot make the folder {}: {} is a file",
            folder.display(),
            file.display()
        ))
        .help("remove the file, or choose another path"),
        None => disk::fault("make the folder", folder, &error),
    })
}

/// Gives an open folder its owner and its mode.
pub(crate) fn give(folder: &File, place: &Path, rights: &Rights) -> Result<(), Fault> {
    let given = rights.numbered()?.give(folder);
    given.map_err(|error| failed("set the mode of", place, rights, &error))
}

impl Rights {
    /// Looks up who is meant.
    fn numbered(&self) -> Result<disk::Rights, Fault> {
        let uid = self.owner.as_deref().map(owner::user).transpose()?;
        let gid = self.group.as_deref().map(owner::group).transpose()?;
        Ok(disk::Rights { mode: self.mode.0, uid, gid })
    }
}

fn failed(doing: &str, place: &Path, rights: &Rights, error: &io::Error) -> Fault {
    if !disk::is_not_given(error) {
        return disk::fault(doing, place, error);
    }
    let to: Vec<&str> =
        [&rights.owner, &rights.group].into_iter().flatten().map(String::as_str).collect();
    let fault = disk::fault(&format!("give to {}", to.join(":")), place, error);
    fault.help("only root may give files away: run as root, or leave `owner` and `group` out")
}

/// Returns the file that stands where a folder should be.
fn obstacle(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|place| place.exists() && !place.is_dir()).map(Path::to_owned)
}
