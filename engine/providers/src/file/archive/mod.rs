//! `file.archive`: a folder with what is in an archive.
//!
//! It is unpacked beside its place and moved there in one step. Everything in the folder belongs to
//! the archive. Nothing in an archive may reach beyond the folder.

mod checksum;
mod entries;
mod fetch;
mod manifest;
mod put;
mod spec;
mod unpack;

use model::Value;
use std::os::unix::fs::MetadataExt;

use model::{
    Change, Context, Difference, Digest, Fault, Found, Kind, Known, Looked, Object, Secrets, Token,
};
use serde::{Deserialize, Serialize};

pub use checksum::Checksum;
pub use spec::{ArchiveObject, ArchiveSpec, Format, Source};

use self::manifest::Manifest;
use super::{look, sweep, wanted};
use crate::disk;
use crate::note::Note;

/// A folder with what is in an archive.
pub struct FileArchive;

/// What was unpacked.
#[derive(Debug, Serialize, Deserialize)]
struct Unpacked {
    source: String,
    checksum: Option<String>,
    strip_components: u32,
    /// Size and time of an archive on this machine: how it is seen that it is another one.
    stamp: Option<String>,
    /// Of the archive itself: two may hold files of the same sizes and times.
    archive: Digest,
    /// The folder that it was unpacked into, wherever that is moved on its disk.
    folder: u64,
    manifest: Digest,
}

impl Kind for FileArchive {
    const NAME: &'static str = "file.archive";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const SPACE: &'static str = disk::SPACE;
    type Spec = ArchiveSpec;
    type Object = ArchiveObject;

    fn identity(spec: &ArchiveSpec) -> Option<String> {
        Some(disk::place(&spec.destination.0))
    }

    fn diff(spec: &ArchiveSpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        let destination = disk::tidy(&spec.destination.0);
        let mut found = Vec::new();
        if object.id != destination {
            found.push(Difference::new("destination", object.id.clone(), destination));
        } else if !object.text("changed").is_empty() {
            let mut changed =
                Difference::new("destination", object.text("changed"), "(as unpacked)");
            changed.forces = Some(false);
            found.push(changed);
        }
        let checksum = Value::from(spec.checksum.as_ref().map(ToString::to_string));
        let strip = Value::from(spec.strip_components);
        found.extend(Difference::among(object, [("strip_components", strip)]));
        // With a checksum it is the same archive, wherever it comes from.
        if spec.checksum.is_none() || object.get("checksum") == &Value::Null {
            found.extend(Difference::among(object, [("source", spec.source.to_string().into())]));
        }
        if spec.checksum.is_some() {
            found.extend(Difference::among(object, [("checksum", checksum)]));
        } else if !object.text("source_changed").is_empty() {
            let to = format!("{} (changed since)", spec.source);
            found.push(Difference::new("source", spec.source.to_string(), to));
        }
        found
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<ArchiveSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let mut found = Vec::with_capacity(known.len());
        for known in known {
            found.push(there(context, &disk::tidy(&known.id)).await);
        }
        Ok(found)
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, ArchiveSpec>,
    ) -> Result<Option<String>, Fault> {
        match change {
            Change::Create(spec) => {
                let id = disk::tidy(&spec.destination.0);
                let place = disk::own_place(context, &id)?;
                Ok(wanted::in_the_way(put::may_replace(&id, &place, !spec.adopt)))
            }
            Change::Delete(_, object) if !object.text("changed").is_empty() => {
                let files = sweep::count(&disk::own_place(context, &object.id)?).await?;
                let one = "goes, which was changed or added outside";
                let many = "go, some of which were changed or added outside";
                Ok(wanted::counted(files, one, many))
            }
            _ => Ok(None),
        }
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, ArchiveSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        match change {
            Change::Create(spec) => put::put(context, spec, true, token).await.map(Some),
            Change::Update(spec, _) => put::put(context, spec, false, token).await.map(Some),
            Change::Delete(_, object) => {
                put::remove(context, &object.id, token).await.map(|()| None)
            }
        }
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, ArchiveSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let id = change.wanted().map(|spec| disk::tidy(&spec.destination.0));
        let id = id.or(change.object().map(|object| object.id.clone())).unwrap_or_default();
        let place = context.place(&id);
        // Half fetched, half unpacked, or half removed.
        put::clear(&place, token).await?;
        let Some(spec) = change.wanted() else {
            return Ok(look::metadata(&place)?.map_or(Found::Done(None), |_| Found::Nothing));
        };
        let there = there(context, &id).await?;
        let there = there.filter(|there| Self::diff(spec, there, context.secrets()).is_empty());
        Ok(there.map_or(Found::Nothing, |there| Found::Done(Some(there))))
    }
}

/// Returns the folder, and whether it is still what was unpacked.
async fn there(context: &Context, id: &str) -> Result<Option<Object>, Fault> {
    let place = context.place(id);
    let Some(metadata) = look::metadata(&place)? else { return Ok(None) };
    let mut object = Object::new(id, []);
    look::put(&mut object, "full_path", place.to_string_lossy().into_owned().into());
    if !metadata.is_dir() {
        let form = look::form(&place, &metadata).unwrap_or_else(|| "a file".to_owned());
        look::put(&mut object, "changed", format!("({form})").into());
        return Ok(Some(object));
    }
    let manifest = Manifest::of(&place).await?;
    look::put(&mut object, "files", manifest.files.into());
    look::put(&mut object, "size", manifest.size.into());
    look::put(&mut object, "digest", manifest.digest.to_string().into());
    let note: Option<Unpacked> = note(context, id).read()?;
    let is_that =
        |note: &Unpacked| (note.manifest, note.folder) == (manifest.digest, metadata.ino());
    if !note.as_ref().is_some_and(is_that) {
        let changed = format!("(changed outside, {} files)", manifest.files);
        look::put(&mut object, "changed", changed.into());
    }
    if let Some(note) = note {
        remember(context, &mut object, note).await?;
    }
    Ok(Some(object))
}

/// Adds what is known of the archive from when it was unpacked.
async fn remember(context: &Context, object: &mut Object, note: Unpacked) -> Result<(), Fault> {
    let source = context.place(&note.source);
    let touched = note.stamp.is_some() && note.stamp != fetch::stamp(&source);
    // Its time alone says little: a fresh clone gives every file a new one.
    if touched && (!source.is_file() || checksum::digest(source).await? != note.archive) {
        look::put(object, "source_changed", "yes".into());
    }
    let both = format!("{} {}", note.archive, object.text("digest"));
    look::put(object, "digest", Digest::of(both.as_bytes()).to_string().into());
    look::put(object, "source", note.source.into());
    look::put(object, "checksum", note.checksum.into());
    look::put(object, "strip_components", note.strip_components.into());
    Ok(())
}

fn note(context: &Context, id: &str) -> Note {
    Note::of(context, "archives", &Digest::of(id.as_bytes()).to_string())
}
