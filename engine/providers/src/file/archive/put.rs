//! Bringing an archive to its place, and taking it away.
//!
//! What is unfinished stands beside the place, under a name made from the token.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::{Context, Fault, Object, Token};
use rustix::fs::syncfs;

use super::fetch::{self, Fetched};
use super::manifest::Manifest;
use super::spec::ArchiveSpec;
use super::unpack::{self, Order};
use super::{FileArchive, Unpacked, checksum, look, note, sweep, there};
use crate::disk;
use crate::file::write;

pub(super) async fn put(
    context: &Context,
    spec: &ArchiveSpec,
    new: bool,
    token: &Token,
) -> Result<Object, Fault> {
    let id = disk::tidy(&spec.destination.0);
    let place = disk::own_place(context, &id)?;
    if let Some(there) = there(context, &id).await? {
        if <FileArchive as model::Kind>::diff(spec, &there, context.secrets()).is_empty() {
            return Ok(there);
        }
        may_replace(&id, &place, new && !spec.adopt)?;
    }
    write::make_parents(&place)?;
    clear(&place, token).await?;
    let made = fetch_and_unpack(context, spec, &place, token).await;
    // Nobody looks for what a failure leaves: the next attempt has another token.
    clear(&place, token).await?;
    made?;
    there(context, &id).await?.ok_or_else(|| Fault::passing(format!("{id} is gone already")))
}

async fn fetch_and_unpack(
    context: &Context,
    spec: &ArchiveSpec,
    place: &Path,
    token: &Token,
) -> Result<(), Fault> {
    let fetched = fetch::fetch(context, spec, &download(place, token)).await?;
    unpack(context, spec, place, &fetched, token).await
}

async fn unpack(
    context: &Context,
    spec: &ArchiveSpec,
    place: &Path,
    fetched: &Fetched,
    token: &Token,
) -> Result<(), Fault> {
    let aside = disk::unfinished(place, token);
    context.progress.status("unpacking");
    let order = Order {
        archive: fetched.path.clone(),
        name: spec.source.to_string(),
        format: spec.format()?,
        folder: aside.clone(),
        strip: spec.strip_components as usize,
        most: spec.max_size.0,
    };
    unpack::unpack(order).await?;
    let manifest = Manifest::of(&aside).await?;
    // Before anybody may see it: a folder of empty files after a power cut would be a lie.
    let opened = File::open(&aside).and_then(|folder| Ok(syncfs(folder)?));
    opened.map_err(|error| disk::fault("write", &aside, &error))?;
    let unpacked = Unpacked {
        source: spec.source.to_string(),
        checksum: spec.checksum.as_ref().map(ToString::to_string),
        strip_components: spec.strip_components,
        stamp: fetched.stamp.clone(),
        archive: checksum::digest(fetched.path.clone()).await?,
        folder: look::metadata(&aside)?.map_or(0, |metadata| metadata.ino()),
        manifest: manifest.digest,
    };
    // The note comes first: as long as the folder is not the one that it speaks of, it is not
    // believed.
    note(context, &disk::tidy(&spec.destination.0)).write(&unpacked)?;
    disk::move_in(&aside, place).map_err(|error| disk::fault("write", place, &error))?;
    // Where the new one stood now stands the old one.
    sweep::tree(&aside).await
}

pub(super) fn may_replace(id: &str, place: &Path, not_ours: bool) -> Result<(), Fault> {
    let Some(metadata) = look::metadata(place)? else { return Ok(()) };
    if !metadata.is_dir() {
        return Err(Fault::refused(format!("{id} is no folder"))
            .help("remove it, or choose another destination"));
    }
    let entries = fs::read_dir(place).map_err(|error| disk::fault("read", place, &error))?.count();
    if not_ours && entries > 0 {
        return Err(Fault::refused(format!("{id} is there already, and is not empty")).help(
            "`adopt: true` puts what is in the archive in the place of all of it; or move it away",
        ));
    }
    Ok(())
}

pub(super) async fn remove(context: &Context, id: &str, token: &Token) -> Result<(), Fault> {
    let place = disk::own_place(context, id)?;
    match look::metadata(&place)? {
        Some(metadata) if !metadata.is_dir() => {
            return Err(Fault::refused(format!("{} is no folder by now", place.display()))
                .help("look at what it is, and remove it by hand"));
        }
        Some(_) => fs::rename(&place, disk::unfinished(&place, token))
            .map_err(|error| disk::fault("remove the folder", &place, &error))?,
        None => {}
    }
    clear(&place, token).await?;
    note(context, id).remove()
}

/// Removes whatever an attempt has left beside the place.
pub(super) async fn clear(place: &Path, token: &Token) -> Result<(), Fault> {
    sweep::tree(&disk::unfinished(place, token)).await?;
    let download = download(place, token);
    disk::remove(&download).map_err(|error| disk::fault("remove", &download, &error))
}

fn download(place: &Path, token: &Token) -> PathBuf {
    disk::unfinished(place, token).with_extension("download")
}
