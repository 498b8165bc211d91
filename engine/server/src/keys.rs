//! Keys that open the secrets of repositories: looked at before anything is served, and known to each
//! project by a link, so that there is no second copy of a key.
//!
//! It must not read a key for anything but to see that it is one, nor say what it holds.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

use model::file::server::{FILE, Server};
use runtime::engine::Problem;
use runtime::secret::{OPENER, Opener, unusable};

use crate::folder::Folder;
use crate::trouble::{place, refused};

/// Has every project know the key that the file names for it, and no other.
///
/// # Errors
/// A key is not there, is none, or can be read by others.
pub(crate) fn hand_out(folder: &Folder, file: &Server) -> Result<(), Problem> {
    for (name, repository) in &file.repositories {
        let home = folder.project(&name.0).home;
        let link = home.join(OPENER);
        match &repository.secrets_key {
            Some(key) => {
                let key = folder.root.join(key);
                Opener::read(&key).map_err(|error| refuse(&name.0, &key, &error))?;
                known(&home, &link, &key).map_err(|error| place("write", &link, error))?;
            }
            None => match fs::remove_file(&link) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(place("remove", &link, error));
                }
                _ => {}
            },
        }
    }
    Ok(())
}

fn known(home: &Path, link: &Path, key: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(home)?;
    if fs::read_link(link).is_ok_and(|found| found == key) {
        return Ok(());
    }
    let fresh = link.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => symlink(key, &fresh)?,
    }
    fs::rename(&fresh, link)
}

fn refuse(name: &str, key: &Path, error: &io::Error) -> Problem {
    let message = format!("{FILE} names {} as `secrets_key` of `{name}`: {error}", key.display());
    refused(message, unusable(key, error))
}
