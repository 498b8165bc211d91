//! A folder becomes a repository in one step, whenever this is cut short.
//!
//! restic writes keys before it writes `config`, and a second attempt over a first one that was
//! killed leaves two keys of which only one fits. So it is made in a folder of its own, inside; then
//! everything moves up, `config` last. It must not touch what somebody else put there.

use std::fs;
use std::io;
use std::path::Path;

use language::scalar::FilePath;
use model::{Context, Fault, Token};

use super::spec::{Place, RepositorySpec};
use crate::backup::archive::Archive;
use crate::backup::restic::Restic;
use crate::disk;

const DRAFT: &str = ".windlass-draft";
const CONFIG: &str = "config";
/// What a repository is made of, beside its `config`; and what a disk has of its own.
const PARTS: [&str; 7] = ["data", "index", "keys", "locks", "snapshots", DRAFT, "lost+found"];

/// Makes a repository in a folder.
///
/// # Errors
/// Something else is there.
pub(super) async fn fill(
    context: &Context,
    spec: &RepositorySpec,
    token: &Token,
) -> Result<(), Fault> {
    let place = context.place(spec.place.key().1);
    let draft = place.join(DRAFT);
    refuse_taken(&place, &draft)?;
    let failed = |error: &io::Error| disk::fault("write", &place, error);
    if !draft.join(CONFIG).is_file() {
        disk::make_folder(&place).map_err(|error| failed(&error))?;
        clear(&draft).map_err(|error| failed(&error))?;
        let folder = FilePath(draft.to_string_lossy().into_owned());
        let spec = RepositorySpec { place: Place::Folder { folder }, ..spec.clone() };
        Restic::of(context, &spec, token.as_str())?.init().await?;
    }
    move_up(&draft, &place).map_err(|error| failed(&error))
}

/// Refuses a folder that holds what is no repository, or one that lost its `config`.
fn refuse_taken(place: &Path, draft: &Path) -> Result<(), Fault> {
    let entries = match fs::read_dir(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| disk::fault("read", place, &error))?,
    };
    let half_made = draft.join(CONFIG).is_file();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name == DRAFT || name == "lost+found";
        if !(ours || half_made && PARTS.contains(&&*name)) {
            let place = place.display();
            return Err(Fault::refused(format!("{place} holds `{name}`, and is no repository"))
                .help(
                    "name a folder that is empty or not there, or look what became of its `config`",
                ));
        }
    }
    Ok(())
}

fn clear(draft: &Path) -> io::Result<()> {
    match fs::remove_dir_all(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn move_up(draft: &Path, place: &Path) -> io::Result<()> {
    for entry in fs::read_dir(draft)? {
        let name = entry?.file_name();
        if name != CONFIG {
            fs::rename(draft.join(&name), place.join(&name))?;
        }
    }
    disk::settle(place)?;
    fs::rename(draft.join(CONFIG), place.join(CONFIG))?;
    disk::settle(place)?;
    fs::remove_dir(draft)
}
