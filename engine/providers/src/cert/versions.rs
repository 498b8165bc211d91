//! Files that belong together and are changed in one step: each version has a folder of its own, and
//! the link `current` says which one counts.
//!
//! ```text
//! certs/site/current -> versions/5c0f…     flipped by a rename: readers see one version, whole
//! certs/site/versions/5c0f…/…              named by the effect that made it
//! certs/site/versions/91ab…/…              the one before, for readers who have just begun
//! ```
//!
//! A version's name is the token of its effect, so that an effect in doubt can be told to have
//! happened or not. It must not know what stands in the files.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use model::{Context, Fault, Token};

use crate::disk;

const CURRENT: &str = "current";
const VERSIONS: &str = "versions";
/// A link that is about to be `current`.
const NEXT: &str = ".current.new";

/// A folder with versions.
#[derive(Clone, Debug)]
pub(super) struct Versions {
    place: PathBuf,
    /// As people write it.
    shown: String,
}

/// What `current` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Current {
    /// There is none.
    Nothing,
    /// A version of this name.
    Version(String),
    /// Something that we have not made.
    Foreign,
}

/// A version that nobody sees yet.
pub(super) struct Draft<'v> {
    versions: &'v Versions,
    name: String,
}

impl Versions {
    pub(super) fn at(context: &Context, path: &str) -> Self {
        Self { place: context.place(path), shown: path.to_owned() }
    }

    /// Returns which version counts. One whose folder is gone is nothing.
    pub(super) fn current(&self) -> Result<Current, Fault> {
        let link = match fs::read_link(self.place.join(CURRENT)) {
            Ok(link) => link,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Current::Nothing),
            Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(Current::Foreign),
            // It is there, and no link.
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(Current::Foreign),
            Err(error) => return Err(disk::fault("read", self.path(CURRENT), &error)),
        };
        let name =
            link.strip_prefix(VERSIONS).ok().and_then(Path::to_str).filter(|name| is_ours(name));
        Ok(match name {
            None => Current::Foreign,
            Some(name) if self.place.join(VERSIONS).join(name).is_dir() => {
                Current::Version(name.to_owned())
            }
            Some(_) => Current::Nothing,
        })
    }

    /// Returns the path of a file in the version that counts, whichever that is: it stays the same.
    pub(super) fn stable(&self, file: &str) -> String {
        self.path(&format!("{CURRENT}/{file}"))
    }

    /// Returns the path of a file in one version: another version has another path.
    pub(super) fn of_version(&self, version: &str, file: &str) -> String {
        self.path(&format!("{VERSIONS}/{version}/{file}"))
    }

    /// Returns where a file of a version lies.
    pub(super) fn file(&self, version: &str, file: &str) -> PathBuf {
        self.place.join(VERSIONS).join(version).join(file)
    }

    /// Returns whether this folder holds something already that a new one must not replace.
    pub(super) fn taken(&self, files: &[&str]) -> Result<Option<String>, Fault> {
        if self.current()? != Current::Nothing {
            return Ok(Some(self.path(CURRENT)));
        }
        let there = files.iter().find(|file| fs::symlink_metadata(self.place.join(file)).is_ok());
        Ok(there.map(|file| self.path(file)))
    }

    /// Begins a version; what an earlier attempt has left of it is removed.
    pub(super) fn begin(&self, token: &Token) -> Result<Draft<'_>, Fault> {
        let draft = Draft { versions: self, name: token.as_str().to_owned() };
        let folder = draft.folder();
        let make = || {
            remove_all(&folder)?;
            disk::make_folder(&folder)
        };
        make().map_err(|error| disk::fault("write", &self.shown, &error))?;
        Ok(draft)
    }

    /// Removes what an attempt has left that did not come to its end.
    pub(super) fn clear(&self, token: &Token) -> Result<(), Fault> {
        if self.current()? == Current::Version(token.as_str().to_owned()) {
            return Ok(());
        }
        let clear = || {
            remove_one(&self.place.join(NEXT))?;
            remove_all(&self.place.join(VERSIONS).join(token.as_str()))
        };
        clear().map_err(|error| disk::fault("remove", &self.shown, &error))
    }

    /// Removes every version, and the folder if nothing else is in it.
    pub(super) fn remove(&self) -> Result<(), Fault> {
        let remove = || {
            if self.current().is_ok_and(|current| current != Current::Foreign) {
                remove_one(&self.place.join(CURRENT))?;
            }
            remove_one(&self.place.join(NEXT))?;
            for version in self.names()? {
                remove_all(&self.place.join(VERSIONS).join(version))?;
            }
            remove_empty(&self.place.join(VERSIONS))?;
            remove_empty(&self.place)
        };
        remove().map_err(|error: io::Error| disk::fault("remove", &self.shown, &error))
    }

    /// Returns whether nothing of ours is left.
    pub(super) fn is_gone(&self) -> Result<bool, Fault> {
        let names = self.names().map_err(|error| disk::fault("read", &self.shown, &error))?;
        Ok(names.is_empty() && !matches!(self.current()?, Current::Version(_)))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.place.join(VERSIONS)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if is_ours(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn path(&self, file: &str) -> String {
        Path::new(&self.shown).join(file).to_string_lossy().into_owned()
    }
}

impl Draft<'_> {
    /// Writes a file of the version.
    pub(super) fn write(&self, file: &str, bytes: &[u8], mode: u32) -> Result<(), Fault> {
        let path = self.folder().join(file);
        let shown = self.versions.of_version(&self.name, file);
        disk::write(&path, bytes, mode).map_err(|error| disk::fault("write", shown, &error))
    }

    /// Lets the version count, in one step; only the one before is kept beside it.
    pub(super) fn finish(self) -> Result<String, Fault> {
        let place = &self.versions.place;
        let before = self.versions.current()?;
        let flip = || {
            disk::settle(&self.folder())?;
            disk::settle(&place.join(VERSIONS))?;
            remove_one(&place.join(NEXT))?;
            symlink(Path::new(VERSIONS).join(&self.name), place.join(NEXT))?;
            fs::rename(place.join(NEXT), place.join(CURRENT))?;
            disk::settle(place)
        };
        let shown = self.versions.path(CURRENT);
        flip().map_err(|error: io::Error| disk::fault("write", shown, &error))?;
        // From here on it has happened: what cannot be removed is only in nobody's way.
        for name in self.versions.names().unwrap_or_default() {
            if name != self.name && Current::Version(name.clone()) != before {
                _ = remove_all(&place.join(VERSIONS).join(name));
            }
        }
        Ok(self.name)
    }

    fn folder(&self) -> PathBuf {
        self.versions.place.join(VERSIONS).join(&self.name)
    }
}

/// A token: 32 hexadecimal digits. Whatever else lies there is not removed.
fn is_ours(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn remove_one(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(gone)
}

fn remove_all(path: &Path) -> io::Result<()> {
    fs::remove_dir_all(path).or_else(gone)
}

/// Removes a folder; one that others have put something into stays.
fn remove_empty(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other.or_else(gone),
    }
}

fn gone(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(()),
        _ => Err(error),
    }
}
