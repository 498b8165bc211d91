//! The files of a program: which they are, a digest of them, and a copy.
//!
//! It must not decide where a copy goes, or when there is to be one.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};
use model::{Context, Fault};
use rustix::fs::syncfs;

use super::spec::Source;
use crate::beside::{Stop, beside};
use crate::disk;

/// What is never part of a program: what Git and this keep, and what Python leaves wherever it runs.
const NEVER: [&str; 3] = [".git", ".windlass", "__pycache__"];

/// What belongs to a program.
#[derive(Clone)]
pub(super) struct Program {
    pub(super) folder: PathBuf,
    exclude: Vec<Pattern>,
}

enum What {
    Folder,
    File { mode: u32 },
    Link(PathBuf),
}

impl Program {
    pub(super) fn of(context: &Context, source: &Source) -> Self {
        let (folder, exclude) = source.parts();
        let pattern = |text: &String| {
            let text = text.trim_start_matches("./").trim_matches('/');
            Pattern::new(text).ok()
        };
        let exclude = exclude.iter().filter_map(pattern).collect();
        Self { folder: context.place(folder), exclude }
    }

    pub(super) async fn digest(self) -> Result<String, Fault> {
        beside(move |stop| self.through(&self.folder, None, stop)).await
    }

    /// The same, of what there is at another place of what belongs to it.
    pub(super) async fn digest_at(self, place: PathBuf) -> Result<String, Fault> {
        beside(move |stop| self.through(&place, None, stop)).await
    }

    pub(super) async fn copy(self, to: PathBuf) -> Result<String, Fault> {
        beside(move |stop| {
            let failed = |error| disk::fault("write", &to, &error);
            let copied = disk::make_one(&to, 0o755).map_err(failed);
            let copied = copied.and_then(|()| self.through(&self.folder, Some(&to), stop));
            // Before anybody may run it: empty files after a power cut would be a lie.
            let settled = copied.and_then(|digest| {
                File::open(&to).and_then(|folder| Ok(syncfs(folder)?)).map_err(failed)?;
                Ok(digest)
            });
            if settled.is_err() {
                _ = fs::remove_dir_all(&to);
            }
            settled
        })
        .await
    }

    /// Goes through all of it as it is at a place, and copies it if another one is given. Returns a digest of
    /// names, contents, where links lead, and which files can be run.
    fn through(&self, at: &Path, to: Option<&Path>, stop: &Stop) -> Result<String, Fault> {
        let (mut digest, mut is_empty) = (blake3::Hasher::new(), true);
        let mut open = vec![PathBuf::new()];
        while let Some(folder) = open.pop() {
            for name in self.names(&folder)? {
                if stop.is_called() {
                    return Err(Fault::passing("it was given up"));
                }
                let from = at.join(&name);
                let failed = |error: io::Error| disk::fault("copy", &from, &error);
                let what = self.what(&name, &from).map_err(failed)??;
                is_empty &= matches!(what, What::Folder);
                let place = to.map(|to| to.join(&name));
                let content = what.take(&from, place.as_deref()).map_err(failed)?;
                digest.update(name.as_os_str().as_bytes()).update(&[0]);
                digest.update(&[what.letter()]).update(content.as_bytes());
                if matches!(what, What::Folder) {
                    open.push(name);
                }
            }
        }
        if is_empty {
            let folder = self.folder.display();
            return Err(Fault::refused(format!("{folder} holds no files"))
                .help("correct `source`, or let what fills it come first"));
        }
        Ok(digest.finalize().to_hex().chars().take(16).collect())
    }

    /// The names in one of its folders that belong to it, in order.
    fn names(&self, folder: &Path) -> Result<Vec<PathBuf>, Fault> {
        let there = self.folder.join(folder);
        let entries = fs::read_dir(&there).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Fault::refused(format!("there is no folder {}", there.display()))
                    .help("correct `source`, or let what makes it come first")
            }
            _ => disk::fault("read", &there, &error),
        })?;
        let names = entries.into_iter().map(|entry| folder.join(entry.file_name()));
        let mut names: Vec<PathBuf> = names.filter(|name| !self.excludes(name)).collect();
        names.sort();
        Ok(names)
    }

    /// A pattern without a slash means a name wherever it stands.
    fn excludes(&self, name: &Path) -> bool {
        let last = Path::new(name.file_name().unwrap_or_default());
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        let fits = |pattern: &Pattern| {
            let text = if pattern.as_str().contains('/') { name } else { last };
            pattern.matches_path_with(text, options)
        };
        NEVER.iter().any(|never| last == Path::new(never)) || self.exclude.iter().any(fits)
    }

    fn what(&self, name: &Path, path: &Path) -> io::Result<Result<What, Fault>> {
        let metadata = fs::symlink_metadata(path)?;
        let kind = metadata.file_type();
        Ok(if kind.is_dir() {
            Ok(What::Folder)
        } else if kind.is_file() {
            Ok(What::File { mode: metadata.permissions().mode() & 0o777 })
        } else if kind.is_symlink() {
            let target = fs::read_link(path)?;
            if leads_out(name, &target) || target.starts_with(&self.folder) {
                let lead = format!("{} is a link to {}", path.display(), target.display());
                Err(Fault::refused(format!("{lead}, which is no part of a copy of the source"))
                    .help("let it lead to a place within the folder, relative, or name it under `exclude`"))
            } else {
                Ok(What::Link(target))
            }
        } else {
            Err(Fault::refused(format!("{} is neither a file nor a folder", path.display()))
                .help("a source holds a program; name what is not part of it under `exclude`"))
        })
    }
}

impl What {
    fn letter(&self) -> u8 {
        match self {
            Self::Folder => b'd',
            Self::File { mode } if mode & 0o111 == 0 => b'f',
            Self::File { .. } => b'x',
            Self::Link(_) => b'l',
        }
    }

    /// Copies it if a place is given. Returns a hash of what is in it, as it was copied.
    fn take(&self, from: &Path, to: Option<&Path>) -> io::Result<blake3::Hash> {
        match (self, to) {
            (Self::Folder, Some(to)) => disk::make_one(to, 0o755)?,
            (Self::Link(target), Some(to)) => symlink(target, to)?,
            (Self::File { mode }, Some(to)) => {
                fs::copy(from, to)?;
                // Nobody may write to it, and nobody may do more with it than before.
                fs::set_permissions(to, fs::Permissions::from_mode(mode & 0o555))?;
            }
            (_, None) => {}
        }
        let mut hasher = blake3::Hasher::new();
        match self {
            Self::Folder => {}
            Self::Link(target) => _ = hasher.update(target.as_os_str().as_bytes()),
            Self::File { .. } => _ = io::copy(&mut File::open(to.unwrap_or(from))?, &mut hasher)?,
        }
        Ok(hasher.finalize())
    }
}

/// Whether a link within a folder leads to a place beside it. An absolute one leads to the same place from
/// everywhere, such as to an interpreter.
fn leads_out(name: &Path, target: &Path) -> bool {
    let mut depth = name.components().count().saturating_sub(1);
    target.is_relative()
        && target.components().any(|part| {
            match part {
                Component::ParentDir if depth == 0 => return true,
                Component::ParentDir => depth -= 1,
                Component::Normal(_) => depth += 1,
                _ => {}
            }
            false
        })
}
