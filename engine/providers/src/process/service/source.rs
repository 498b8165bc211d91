//! `source`: the program of a service, copied once for each content of its folder, so that nobody edits what
//! runs.
//!
//! Copies lie in the supervisor's folder, under the name of the service and a digest of what is in them. They
//! appear whole or not at all. It must not know how a copy is run.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};
use language::Script;
use model::{Context, Difference, Fault, Object, Token, Value};
use rustix::fs::syncfs;

use super::spec::{Command, Part, ServiceSpec, Source};
use super::{home, sides};
use crate::beside::{Stop, beside};
use crate::disk;
use crate::file::sweep;
use crate::text::plain;

/// What an object keeps: the digest of the copy that it runs from.
pub(super) const DIGEST: &str = "source_digest";
/// What a look adds if the folder holds something else by now: the digest of that, or why it cannot be read.
pub(super) const CHANGED: &str = "source_changed";

/// So often a copy is begun of a folder that is changed meanwhile.
const ATTEMPTS: u32 = 3;

/// What is never part of a program: what Git and this keep, and what Python leaves wherever it runs.
const NEVER: [&str; 3] = [".git", ".windlass", "__pycache__"];

/// A copy of a source.
pub(super) struct Copied {
    pub(super) digest: String,
    pub(super) folder: PathBuf,
}

/// Copies what is in the folder now, unless there is a copy of that.
pub(super) async fn copy(
    context: &Context,
    id: &str,
    source: &Source,
    token: &Token,
) -> Result<Copied, Fault> {
    let (program, copies) = (Program::of(context, source), copies(context, id));
    for _ in 0..ATTEMPTS {
        let digest = program.clone().digest().await?;
        let folder = copies.join(&digest);
        // Somebody may have had his hands in it all the same.
        if program.clone().digest_at(folder.clone()).await.is_ok_and(|there| there == digest) {
            return Ok(Copied { digest, folder });
        }
        context.progress.status("copying its source");
        let half = disk::unfinished(&folder, token);
        disk::make_folder(&copies).map_err(|error| disk::fault("write", &copies, &error))?;
        sweep::tree(&half).await?;
        let copied = program.clone().copy(half.clone()).await?;
        if copied == digest {
            let put = disk::move_in(&half, &folder);
            put.map_err(|error| disk::fault("write", &folder, &error))?;
            sweep::tree(&half).await?;
            return Ok(Copied { digest, folder });
        }
        sweep::tree(&half).await?;
    }
    let folder = program.folder.display();
    Err(Fault::passing(format!("{folder} is changed again and again while it is copied"))
        .help("let whatever writes there come to its end, then apply again"))
}

/// Refuses a copy that is not of what the plan saw.
pub(super) fn as_planned(
    spec: &ServiceSpec,
    copied: &Copied,
    before: Option<&Object>,
) -> Result<(), Fault> {
    let Some(before) = before else { return Ok(()) };
    let is_same = spec.source.as_ref().is_some_and(|one| before.get("source").means(&one.value()));
    let seen = [CHANGED, DIGEST].map(|name| before.text(name));
    let seen = seen.into_iter().find(|digest| !digest.is_empty());
    match seen.filter(|_| is_same) {
        Some(seen) if seen != copied.digest => {
            Err(Fault::stale("its source is not what it was when the plan was made"))
        }
        _ => Ok(()),
    }
}

/// Returns how its source differs from the copy that a service runs from, if it does.
pub(super) fn difference(object: &Object) -> Option<Difference> {
    let now = object.get(CHANGED).as_text()?;
    let folder = Source::kept(object.get("source"))?;
    let named = |what: &str| format!("{} ({what})", folder.parts().0);
    Some(Difference::new("source", named(object.text(DIGEST)), named(now)))
}

/// Says of each object whose source holds something else by now that it does.
pub(super) async fn look(context: &Context, objects: &mut [Option<Object>]) {
    for object in objects.iter_mut().flatten() {
        let Some(source) = Source::kept(object.get("source")) else { continue };
        let now = Program::of(context, &source).digest().await;
        let now = now.unwrap_or_else(|fault| fault.message);
        if now != object.text(DIGEST) {
            object.attributes.insert(CHANGED.to_owned(), now.into());
        }
    }
}

/// Removes the copies from which no version of a service runs. What cannot be removed now is removed with
/// the next change.
pub(super) async fn clear(context: &Context, id: &str) {
    let copies = copies(context, id);
    let Ok(entries) = fs::read_dir(&copies) else { return };
    let Ok(used) = sides::sources(&home(context), id).await else { return };
    for entry in entries.flatten() {
        if !used.iter().any(|digest| entry.file_name() == digest.as_str()) {
            _ = sweep::tree(&entry.path()).await;
        }
    }
    // One that is not empty stays.
    _ = fs::remove_dir(&copies);
}

/// Says which file of the project a version is thought to be, and is not: it can be edited as it runs.
pub(super) fn left_out(context: &Context, spec: &ServiceSpec) -> Option<String> {
    if !spec.sides || spec.source.is_some() {
        return None;
    }
    let folder = context.place(&spec.working_directory.0);
    let command = match &spec.command {
        Command::Shell(Script(line)) => plain(line)?,
        Command::Program(words) => words.iter().filter_map(plain).collect::<Vec<_>>().join(" "),
    };
    let is_program = |word: &&str| {
        let file = folder.join(word);
        file.is_file() && file.starts_with(&context.site.project)
    };
    let file = command.split_whitespace().find(is_program)?;
    Some(format!("without `source` {file} is no part of its version, and may change as it runs"))
}

fn copies(context: &Context, id: &str) -> PathBuf {
    home(context).join("sources").join(id)
}

/// What belongs to a program.
#[derive(Clone)]
struct Program {
    folder: PathBuf,
    exclude: Vec<Pattern>,
}

enum What {
    Folder,
    File { mode: u32 },
    Link(PathBuf),
}

impl Program {
    fn of(context: &Context, source: &Source) -> Self {
        let (folder, exclude) = source.parts();
        let pattern = |text: &String| {
            let text = text.trim_start_matches("./").trim_matches('/');
            Pattern::new(text).ok()
        };
        let exclude = exclude.iter().filter_map(pattern).collect();
        Self { folder: context.place(folder), exclude }
    }

    async fn digest(self) -> Result<String, Fault> {
        beside(move |stop| self.through(&self.folder, None, stop)).await
    }

    /// The same, of what there is at another place of what belongs to it.
    async fn digest_at(self, place: PathBuf) -> Result<String, Fault> {
        beside(move |stop| self.through(&place, None, stop)).await
    }

    async fn copy(self, to: PathBuf) -> Result<String, Fault> {
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

impl Source {
    pub(super) fn parts(&self) -> (&str, &[String]) {
        match self {
            Self::Folder(folder) => (&folder.0, &[]),
            Self::Part(Part { folder, exclude }) => (&folder.0, exclude),
        }
    }

    /// Returns it as an object keeps it.
    pub(super) fn value(&self) -> Value {
        match self.parts() {
            (folder, []) => folder.into(),
            (folder, exclude) => Value::Map(
                [
                    ("folder".to_owned(), folder.into()),
                    ("exclude".to_owned(), exclude.to_vec().into()),
                ]
                .into(),
            ),
        }
    }

    /// Reads what an object keeps; None: it has no source.
    fn kept(value: &Value) -> Option<Self> {
        let path = |value: &Value| Some(language::FilePath(value.as_text()?.to_owned()));
        match value {
            Value::Map(map) => {
                let Value::List(exclude) = map.get("exclude")? else { return None };
                let exclude = exclude.iter().filter_map(Value::as_text).map(str::to_owned);
                let folder = path(map.get("folder")?)?;
                Some(Self::Part(Part { folder, exclude: exclude.collect() }))
            }
            other => path(other).map(Self::Folder),
        }
    }
}
