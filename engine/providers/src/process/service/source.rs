//! `source`: the program of a service, copied once for each content of its folder, so that nobody edits what
//! runs.
//!
//! Copies lie in the supervisor's folder, under the name of the service and a digest of what is in them. They
//! appear whole or not at all. It must not know how a copy is run.

use std::fs;
use std::path::PathBuf;

use language::Script;
use model::{Context, Difference, Fault, Object, Token, Value};

use super::program::Program;
use super::spec::{Command, Part, ServiceSpec, Source};
use super::{home, sides};
use crate::disk;
use crate::file::sweep;
use crate::text::plain;

/// What an object keeps: the digest of the copy that it runs from.
pub(super) const DIGEST: &str = "source_digest";
/// What a look adds if the folder holds something else by now: the digest of that, or why it cannot be read.
pub(super) const CHANGED: &str = "source_changed";

/// So often a copy is begun of a folder that is changed meanwhile.
const ATTEMPTS: u32 = 3;

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
