//! A file that appears whole, with its mode and owner, or not at all.
//!
//! It must not decide whether it may be written.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown};
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

/// Writes a file beside its place and moves it there in one step. Readers see the old one or the
/// new one, whole; a link that stood there is replaced, not followed.
pub(crate) fn put(place: &Path, bytes: &[u8], rights: &Rights, token: &Token) -> Result<(), Fault> {
    make_parents(place)?;
    let temporary = temporary(place, token);
    let written = fill(&temporary, bytes, rights).and_then(|()| {
        fs::rename(&temporary, place).map_err(|error| disk::fault("write", place, &error))
    });
    if written.is_err() {
        // What cannot be removed now is removed by `clear`, before the next attempt.
        _ = fs::remove_file(&temporary);
    }
    written?;
    disk::settle(disk::folder_of(place)).map_err(|error| disk::fault("write", place, &error))
}

/// Removes what an attempt that did not get to its end has left beside the place.
pub(crate) fn clear(place: &Path, token: &Token) -> Result<(), Fault> {
    let temporary = temporary(place, token);
    match fs::remove_file(&temporary) {
        Err(error)
            if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Err(disk::fault("remove", &temporary, &error))
        }
        _ => Ok(()),
    }
}

/// Makes the folders above a place, with mode 0755.
pub(crate) fn make_parents(place: &Path) -> Result<(), Fault> {
    let folder = disk::folder_of(place);
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(|error| {
        match obstacle(folder) {
            Some(file) => Fault::refused(format!(
                "cannot make the folder {}: {} is a file",
                folder.display(),
                file.display()
            ))
            .help("remove the file, or choose another path"),
            None => disk::fault("make the folder", folder, &error),
        }
    })
}

/// Gives an open file or folder its owner and its mode, in this order: a change of owner takes
/// set-uid away.
pub(crate) fn give(file: &File, place: &Path, rights: &Rights) -> Result<(), Fault> {
    let uid = rights.owner.as_deref().map(owner::user).transpose()?;
    let gid = rights.group.as_deref().map(owner::group).transpose()?;
    if uid.is_some() || gid.is_some() {
        fchown(file, uid, gid).map_err(|error| not_given(place, rights, &error))?;
    }
    file.set_permissions(Permissions::from_mode(rights.mode.0))
        .map_err(|error| disk::fault("set the mode of", place, &error))
}

fn fill(temporary: &Path, bytes: &[u8], rights: &Rights) -> Result<(), Fault> {
    // Nobody else may open it before it has its owner and mode; then the content follows.
    let file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(temporary);
    let mut file = file.map_err(|error| disk::fault("write", temporary, &error))?;
    give(&file, temporary, rights)?;
    let mut write = || {
        file.write_all(bytes)?;
        // Writing takes set-uid away again.
        file.set_permissions(Permissions::from_mode(rights.mode.0))?;
        file.sync_all()
    };
    write().map_err(|error| disk::fault("write", temporary, &error))
}

fn not_given(place: &Path, rights: &Rights, error: &io::Error) -> Fault {
    let to: Vec<&str> =
        [&rights.owner, &rights.group].into_iter().flatten().map(String::as_str).collect();
    let fault = disk::fault(&format!("give to {}", to.join(":")), place, error);
    fault.help("only root may give files away: run as root, or leave `owner` and `group` out")
}

/// Returns the file that stands where a folder should be.
fn obstacle(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|place| place.exists() && !place.is_dir()).map(Path::to_owned)
}

/// One effect, one name: what is left of it can be found again.
fn temporary(place: &Path, token: &Token) -> PathBuf {
    place.with_file_name(format!(".windlass-{token}"))
}
