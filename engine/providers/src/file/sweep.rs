//! Removing a whole folder, in small steps that can stop anywhere and go on later.
//!
//! It must not follow a link: what a link points to stays.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use model::Fault;

use crate::disk;

/// After so many things others get a turn.
const TURN: usize = 128;

/// Counts the files in a folder, links among them.
pub(crate) async fn count(folder: &Path) -> Result<usize, Fault> {
    let (mut open, mut files, mut done) = (vec![folder.to_owned()], 0, 0);
    while let Some(folder) = open.pop() {
        for entry in entries(&folder)?.into_iter().flatten() {
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => open.push(entry.path()),
                false => files += 1,
            }
            done += 1;
            if done % TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
    Ok(files)
}

/// Removes a folder and everything in it; one that is gone is no error. It runs in the task itself:
/// when that is dropped nothing goes on behind its back.
pub(crate) async fn tree(folder: &Path) -> Result<(), Fault> {
    let mut open = vec![folder.to_owned()];
    let mut done = 0;
    while let Some(folder) = open.last().cloned() {
        let Some(entries) = entries(&folder)? else {
            open.pop();
            continue;
        };
        let deeper = open.len();
        for entry in entries {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder {
                open.push(entry.path());
            } else {
                gone(fs::remove_file(entry.path()), &entry.path())?;
            }
            done += 1;
            if done % TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
        if open.len() == deeper {
            match fs::remove_dir(&folder) {
                // Work that was given up may have put something in; it stops at its next step.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    tokio::task::yield_now().await;
                }
                removed => {
                    gone(removed, &folder)?;
                    open.pop();
                }
            }
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Option<Vec<DirEntry>>, Fault> {
    let read = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    match read {
        Ok(entries) => Ok(Some(entries)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(disk::fault("empty the folder", folder, &error)),
    }
}

fn gone(removed: io::Result<()>, path: &Path) -> Result<(), Fault> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(disk::fault("remove", path, &error))
        }
        _ => Ok(()),
    }
}
