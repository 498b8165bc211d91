//! `file.directory`: a folder with its mode and owner.
//!
//! What lies in it is not its business: it is removed only when it is empty, or when its author has
//! said otherwise.

mod spec;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Secrets, Token,
};

pub use spec::{DirectoryObject, DirectorySpec};

use super::owner::Names;
use super::{look, sweep, wanted, write};
use crate::disk;

/// A folder with its mode and owner.
pub struct FileDirectory;

impl Kind for FileDirectory {
    const NAME: &'static str = "file.directory";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const SPACE: &'static str = disk::SPACE;
    type Spec = DirectorySpec;
    type Object = DirectoryObject;

    fn identity(spec: &DirectorySpec) -> Option<String> {
        Some(disk::place(&spec.path.0))
    }

    fn diff(spec: &DirectorySpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        let path = disk::tidy(&spec.path.0);
        let mut found = Vec::new();
        if object.id != path || object.attributes.contains_key("form") {
            let there = match object.text("form") {
                "" => object.id.clone(),
                form => format!("({form})"),
            };
            let mut difference = Difference::new("path", there, path.clone());
            // What stands in its way is put right, or refused, where it is.
            difference.forces = (object.id == path).then_some(false);
            found.push(difference);
        }
        found.extend(wanted::rights(object, &spec.rights()));
        found
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<DirectorySpec>],
    ) -> Result<Vec<Looked>, Fault> {
        Ok(known.iter().map(|known| there(context, &disk::tidy(&known.id))).collect())
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, DirectorySpec>,
    ) -> Result<Option<String>, Fault> {
        match change {
            Change::Delete(Some(spec), object) if spec.recursive => {
                let files = sweep::count(&disk::own_place(context, &object.id)?).await?;
                Ok(wanted::counted(files, "in it goes too", "in it go too"))
            }
            Change::Create(spec) => {
                disk::own_place(context, &spec.path.0)?;
                Ok(wanted::in_the_way(may_put(context, spec, true)))
            }
            _ => Ok(None),
        }
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, DirectorySpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        match change {
            Change::Create(spec) => put(context, spec, true, token).map(Some),
            Change::Update(spec, _) => put(context, spec, false, token).map(Some),
            Change::Delete(spec, object) => {
                let whole = spec.is_some_and(|spec| spec.recursive);
                remove(&disk::own_place(context, &object.id)?, whole, token).await.map(|()| None)
            }
        }
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, DirectorySpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let path = change.wanted().map(|spec| disk::tidy(&spec.path.0));
        let path = path.or(change.object().map(|object| object.id.clone())).unwrap_or_default();
        let place = context.place(&path);
        // Half made, or half removed.
        sweep::tree(&disk::unfinished(&place, token)).await?;
        let Some(spec) = change.wanted() else {
            return Ok(look::metadata(&place)?.map_or(Found::Done(None), |_| Found::Nothing));
        };
        let there = there(context, &path)?;
        let there = there.filter(|there| Self::diff(spec, there, context.secrets()).is_empty());
        Ok(there.map_or(Found::Nothing, |there| Found::Done(Some(there))))
    }
}

fn there(context: &Context, id: &str) -> Result<Option<Object>, Fault> {
    let place = context.place(id);
    let Some(metadata) = look::metadata(&place)? else { return Ok(None) };
    let mut object = Object::new(id, []);
    look::describe(&mut object, &place, &metadata, &Names::default());
    if !metadata.is_dir() {
        let form = look::form(&place, &metadata).unwrap_or_else(|| "a file".to_owned());
        look::put(&mut object, "form", form.into());
    }
    Ok(Some(object))
}

/// Makes the folder, or gives one that is there its mode and owner.
fn put(context: &Context, spec: &DirectorySpec, new: bool, token: &Token) -> Result<Object, Fault> {
    let path = disk::tidy(&spec.path.0);
    let place = disk::own_place(context, &path)?;
    match may_put(context, spec, new)? {
        Some(there) if wanted::rights(&there, &spec.rights()).is_empty() => return Ok(there),
        Some(_) => give(&place, spec)?,
        None => make(&place, spec, token)?,
    }
    there(context, &path)?.ok_or_else(|| Fault::passing(format!("{path} is gone already")))
}

/// Returns what is there, if it may be taken.
fn may_put(context: &Context, spec: &DirectorySpec, new: bool) -> Result<Option<Object>, Fault> {
    let path = disk::tidy(&spec.path.0);
    let Some(there) = there(context, &path)? else { return Ok(None) };
    if there.attributes.contains_key("form") {
        return Err(Fault::refused(format!("{path} is {}", there.text("form")))
            .help("remove it, or choose another path"));
    }
    let differences = wanted::rights(&there, &spec.rights());
    match new && !spec.adopt && !differences.is_empty() {
        true => Err(wanted::taken(&path, &differences)),
        false => Ok(Some(there)),
    }
}

/// It comes to its place with its owner and mode: a folder that is there is never half made.
fn make(place: &Path, spec: &DirectorySpec, token: &Token) -> Result<(), Fault> {
    write::make_parents(place)?;
    let aside = disk::unfinished(place, token);
    let failed = |error: io::Error| disk::fault("make the folder", place, &error);
    DirBuilder::new().mode(0o700).recursive(true).create(&aside).map_err(failed)?;
    let made = give(&aside, spec).and_then(|()| fs::rename(&aside, place).map_err(failed));
    if made.is_err() {
        // What cannot be removed now is removed by `find`, before the next attempt.
        _ = fs::remove_dir(&aside);
    }
    made?;
    disk::settle(disk::folder_of(place)).map_err(failed)
}

fn give(place: &Path, spec: &DirectorySpec) -> Result<(), Fault> {
    let folder = File::open(place).map_err(|error| disk::fault("open", place, &error))?;
    write::give(&folder, place, &spec.rights())
}

async fn remove(place: &Path, whole: bool, token: &Token) -> Result<(), Fault> {
    let aside = disk::unfinished(place, token);
    match look::metadata(place)? {
        None => {}
        Some(metadata) if !metadata.is_dir() => {
            return Err(Fault::refused(format!("{} is no folder by now", place.display()))
                .help("look at what it is, and remove it by hand"));
        }
        // It is gone in one step; what it held goes afterwards, one thing after the other.
        Some(_) if whole => fs::rename(place, &aside)
            .map_err(|error| disk::fault("remove the folder", place, &error))?,
        Some(_) => fs::remove_dir(place).map_err(|error| not_empty(place, &error))?,
    }
    sweep::tree(&aside).await
}

fn not_empty(place: &Path, error: &io::Error) -> Fault {
    if error.kind() != io::ErrorKind::DirectoryNotEmpty {
        return disk::fault("remove the folder", place, error);
    }
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let (count, first) = (names.len(), names.first().cloned().unwrap_or_default());
    let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    Fault::refused(format!("{} is not empty: it holds {first}{more}", place.display()))
        .help("empty it, or say `recursive: true` and apply that first")
}
