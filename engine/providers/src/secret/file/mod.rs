//! `secret.file`: named values in a file that only some can decrypt.
//!
//! Nobody here can decrypt it again: what stands in it is known from a note that is kept beside the
//! state, in keyed hashes, and believed as long as the file is the one that the note speaks of.

mod seal;
mod spec;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Secrets, Token, Tree,
};
use model::{Digest, Value};
use serde::{Deserialize, Serialize};

pub use spec::{FileObject, FileSpec, Recipient};

use crate::disk;
use crate::file::look;
use crate::file::owner::Names;
use crate::file::wanted;
use crate::file::write::{self, Rights};
use crate::note::Note;

/// Named values in a file that only some can decrypt.
pub struct SecretFile;

/// What stands in a file that cannot be decrypted here, as long as the file is this one.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    /// Of the encrypted file.
    file: Digest,
    recipients: Vec<String>,
    /// Keyed hashes.
    values: Tree,
}

impl Kind for SecretFile {
    const NAME: &'static str = "secret.file";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const SPACE: &'static str = disk::SPACE;
    type Spec = FileSpec;
    type Object = FileObject;

    fn identity(spec: &FileSpec) -> Option<String> {
        Some(disk::place(&spec.path.0))
    }

    fn diff(spec: &FileSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        let path = disk::tidy(&spec.path.0);
        let mut found = Vec::new();
        if object.id != path {
            found.push(Difference::new("path", object.id.clone(), path));
        }
        // A secret that is missing has no hash: it differs from whatever was applied.
        let values = seal::hashes(spec, secrets).unwrap_or_default();
        let (recipients, values) = (Value::from(seal::recipients(spec)), Value::Map(values));
        found.extend(Difference::among(object, [("recipients", recipients), ("values", values)]));
        found.extend(wanted::rights(object, &rights(spec)));
        found
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<FileSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        Ok(known.iter().map(|known| there(context, &disk::tidy(&known.id))).collect())
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, FileSpec>,
    ) -> Result<Option<String>, Fault> {
        let Change::Create(spec) = change else { return Ok(None) };
        disk::own_place(context, &spec.path.0)?;
        Ok(wanted::in_the_way(may_put(context, spec, true)))
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, FileSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        match change {
            Change::Create(spec) => put(context, spec, true, token).map(Some),
            Change::Update(spec, _) => put(context, spec, false, token).map(Some),
            Change::Delete(_, object) => {
                wanted::remove(&disk::own_place(context, &object.id)?)?;
                note_of(context, &object.id).remove().map(|()| None)
            }
        }
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, FileSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let Some(spec) = change.wanted() else {
            let id = change.object().map_or("", |object| &object.id);
            let gone = look::metadata(&context.place(id))?.is_none();
            return Ok(if gone { Found::Done(None) } else { Found::Nothing });
        };
        let path = disk::tidy(&spec.path.0);
        write::clear(&context.place(&path), token)?;
        let there = there(context, &path)?;
        let there = there.filter(|there| Self::diff(spec, there, context.secrets()).is_empty());
        Ok(there.map_or(Found::Nothing, |there| Found::Done(Some(there))))
    }
}

fn put(context: &Context, spec: &FileSpec, new: bool, token: &Token) -> Result<Object, Fault> {
    let path = disk::tidy(&spec.path.0);
    let place = disk::own_place(context, &path)?;
    if let Some(there) = may_put(context, spec, new)? {
        return Ok(there);
    }
    let sealed = seal::sealed(spec, context.secrets())?;
    let note = Sealed {
        file: Digest::of(&sealed),
        recipients: seal::recipients(spec),
        values: seal::hashes(spec, context.secrets())?,
    };
    // The note comes first: as long as the file is not the one that it speaks of, nothing is
    // believed.
    note_of(context, &path).write(&note)?;
    write::put(&place, &sealed, &rights(spec), token)?;
    there(context, &path)?.ok_or_else(|| Fault::passing(format!("{path} is gone already")))
}

/// Returns what is there, if it is as it should be.
fn may_put(context: &Context, spec: &FileSpec, new: bool) -> Result<Option<Object>, Fault> {
    let path = disk::tidy(&spec.path.0);
    let Some(there) = there(context, &path)? else { return Ok(None) };
    let differences = SecretFile::diff(spec, &there, context.secrets());
    if differences.is_empty() {
        return Ok(Some(there));
    }
    wanted::may_replace(&path, &there, &differences, new && !spec.adopt).map(|()| None)
}

fn there(context: &Context, id: &str) -> Result<Option<Object>, Fault> {
    let place = context.place(id);
    // Its content tells nobody anything, and is not kept.
    let Some(mut object) = look::file(id, &place, false, context.secrets(), &Names::default())?
    else {
        return Ok(None);
    };
    object.attributes.remove("content");
    object.attributes.remove("size");
    let note: Option<Sealed> = note_of(context, id).read()?;
    if let Some(note) = note.filter(|note| note.file.to_string() == object.text("digest")) {
        look::put(&mut object, "recipients", note.recipients.into());
        look::put(&mut object, "values", Value::Map(note.values));
    }
    Ok(Some(object))
}

fn note_of(context: &Context, id: &str) -> Note {
    Note::of(context, "secret-files", &Digest::of(id.as_bytes()).to_string())
}

fn rights(spec: &FileSpec) -> Rights {
    Rights { mode: spec.mode, owner: None, group: None }
}
