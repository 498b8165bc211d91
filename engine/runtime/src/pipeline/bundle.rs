//! Files of a folder as one: gathered by patterns, kept as objects, laid out again.
//!
//! It must not know what a bundle is for.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Component, Path, PathBuf};

use model::Fault;
use serde::{Deserialize, Serialize};

use crate::objects::{ObjectError, Objects};

/// A list of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bundle {
    /// By their path in the folder.
    files: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    /// A file, by the name of its object.
    File {
        object: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        executable: bool,
    },
    /// A symbolic link, and where it points to.
    Link(String),
}

/// Why a bundle is not there again as it was: what of it, and what is wrong with that.
#[derive(Debug)]
pub(super) struct Incomplete {
    pub(super) what: String,
    pub(super) why: ObjectError,
}

impl Bundle {
    /// Gathers what matches one of the patterns, folders with all that is in them, and keeps it.
    ///
    /// # Errors
    /// A pattern is none or matches nothing, or a file cannot be kept.
    pub(super) fn gather(
        objects: &Objects,
        folder: &Path,
        patterns: &[String],
    ) -> Result<Self, Fault> {
        let mut bundle = Self::default();
        for pattern in patterns {
            let mut found = matching(folder, pattern)?;
            if found.is_empty() {
                let fault = Fault::refused(format!("nothing matches `{pattern}`"));
                return Err(fault.help(format!("it is looked for in {}", folder.display())));
            }
            while let Some(path) = found.pop() {
                let unkept = |error: io::Error| {
                    Fault::refused(format!("{} cannot be kept: {error}", path.display()))
                };
                bundle.add(objects, folder, &path, &mut found).map_err(unkept)?;
            }
        }
        Ok(bundle)
    }

    fn add(
        &mut self,
        objects: &Objects,
        folder: &Path,
        path: &Path,
        more: &mut Vec<PathBuf>,
    ) -> io::Result<()> {
        let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        let found = fs::symlink_metadata(path)?;
        if self.files.contains_key(&name) {
            return Ok(());
        }
        if found.is_dir() {
            for entry in fs::read_dir(path)? {
                more.push(entry?.path());
            }
        } else if found.is_symlink() {
            let target = fs::read_link(path)?.to_string_lossy().into_owned();
            self.files.insert(name, Entry::Link(target));
        } else if found.is_file() {
            let executable = found.mode() & 0o100 != 0;
            self.files.insert(name, Entry::File { object: objects.keep(path)?, executable });
        }
        Ok(())
    }

    /// How many files there are, in words.
    pub(super) fn size(&self) -> String {
        match self.files.len() {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        }
    }

    /// Keeps the list itself, and returns the name of its object.
    pub(super) fn keep(&self, objects: &Objects) -> io::Result<String> {
        objects.keep_bytes(&serde_json::to_vec(self)?)
    }

    /// Reads a list that was kept.
    ///
    /// # Errors
    /// It is gone or damaged.
    pub(super) fn open(objects: &Objects, name: &str) -> Result<Self, ObjectError> {
        serde_json::from_slice(&objects.read(name)?).map_err(|_| ObjectError::Damaged)
    }

    /// Adds the names of all its objects.
    pub(super) fn names(&self, all: &mut HashSet<String>) {
        all.extend(self.files.values().filter_map(|entry| match entry {
            Entry::File { object, .. } => Some(object.clone()),
            Entry::Link(_) => None,
        }));
    }

    /// Lays everything out in a folder, each file whole. What of it was laid when something fails is taken
    /// away again.
    ///
    /// # Errors
    /// Something of it is gone or damaged, or a place cannot be written.
    pub(super) fn lay(&self, objects: &Objects, folder: &Path) -> Result<(), Incomplete> {
        let mut laid = Vec::new();
        // Links come last, so that nothing is written through them.
        let is_link = |entry: &Entry| matches!(entry, Entry::Link(_));
        let (links, files): (Vec<_>, Vec<_>) =
            self.files.iter().partition(|(_, entry)| is_link(entry));
        for (name, entry) in files.into_iter().chain(links) {
            let place = folder.join(name);
            if let Err(why) = one(objects, name, entry, &place) {
                if let (ObjectError::Damaged, Entry::File { object, .. }) = (&why, entry) {
                    objects.discard(object);
                }
                laid.iter().for_each(|place: &PathBuf| _ = fs::remove_file(place));
                return Err(Incomplete { what: name.clone(), why });
            }
            laid.push(place);
        }
        Ok(())
    }
}

fn one(objects: &Objects, name: &str, entry: &Entry, place: &Path) -> Result<(), ObjectError> {
    let stays = |part| matches!(part, Component::Normal(_));
    if !Path::new(name).components().all(stays) {
        return Err(ObjectError::Damaged);
    }
    match entry {
        Entry::File { object, executable } => objects.lay(object, place, *executable),
        Entry::Link(target) => {
            let linked = || {
                place.parent().map_or(Ok(()), fs::create_dir_all)?;
                if fs::symlink_metadata(place).is_ok() {
                    fs::remove_file(place)?;
                }
                symlink(target, place)
            };
            linked().map_err(ObjectError::Io)
        }
    }
}

/// What a pattern finds in a folder.
pub(super) fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, Fault> {
    let leaves = Path::new(pattern)
        .components()
        .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
    if leaves {
        let fault = Fault::refused(format!("`{pattern}` leads out of its folder"));
        return Err(fault.help("write it relative to the folder of the step"));
    }
    found(folder, pattern)
}

/// The same, wherever it leads.
pub(super) fn found(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, Fault> {
    // The folder's own name may hold what a pattern would read as one.
    let whole = Path::new(&glob::Pattern::escape(&folder.to_string_lossy())).join(pattern);
    // By itself `**` finds folders alone.
    let whole = if whole.ends_with("**") { whole.join("*") } else { whole };
    let found = glob::glob(&whole.to_string_lossy()).map_err(|error| {
        Fault::refused(format!("`{pattern}` is no pattern of files: {}", error.msg))
    })?;
    Ok(found.filter_map(Result::ok).collect())
}
