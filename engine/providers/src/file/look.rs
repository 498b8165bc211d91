//! What stands at a place now. Links are seen, not followed.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use language::scalar::Mode;
use model::{Digest, Fault, Object, Secrets, Value};

use super::owner::Names;
use crate::disk;

/// More than this is known by its hash alone: it would only swell the state.
const MOST_TEXT: u64 = 1 << 20;

/// Returns what is known about a place; None: nothing is there.
pub(crate) fn metadata(place: &Path) -> Result<Option<Metadata>, Fault> {
    match fs::symlink_metadata(place) {
        Ok(metadata) => Ok(Some(metadata)),
        // A file in the place of a folder above it: nothing can be there.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(disk::fault("look at", place, &error)),
    }
}

/// Returns what something is when it is no plain file: "a folder", "a link to /etc/motd".
pub(crate) fn form(place: &Path, metadata: &Metadata) -> Option<String> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return None;
    }
    Some(match fs::read_link(place) {
        Ok(target) => format!("a link to {}", target.display()),
        Err(_) if kind.is_dir() => "a folder".to_owned(),
        Err(_) if kind.is_socket() => "a socket".to_owned(),
        Err(_) if kind.is_fifo() => "a pipe".to_owned(),
        Err(_) => "a device".to_owned(),
    })
}

/// Returns a file with its content, which is kept as a hash alone where it holds secrets.
pub(crate) fn file(
    id: &str,
    place: &Path,
    sealed: bool,
    secrets: &dyn Secrets,
    names: &Names,
) -> Result<Option<Object>, Fault> {
    let Some(metadata) = metadata(place)? else { return Ok(None) };
    let mut object = Object::new(id, []);
    describe(&mut object, place, &metadata, names);
    if let Some(form) = form(place, &metadata) {
        put(&mut object, "form", Value::Text(form));
        return Ok(Some(object));
    }
    let bytes = fs::read(place).map_err(|error| disk::fault("read", place, &error))?;
    put(&mut object, "size", (bytes.len() as u64).into());
    put(&mut object, "digest", digest(&bytes, sealed, secrets).into());
    put(&mut object, "content", content(bytes, sealed, secrets));
    Ok(Some(object))
}

/// Notes what files and folders have in common.
pub(crate) fn describe(object: &mut Object, place: &Path, metadata: &Metadata, names: &Names) {
    put(object, "full_path", place.to_string_lossy().into_owned().into());
    put(object, "mode", Mode(metadata.mode() & 0o7777).to_string().into());
    put(object, "owner", names.user(metadata.uid()).into());
    put(object, "uid", metadata.uid().into());
    put(object, "group", names.group(metadata.gid()).into());
    put(object, "gid", metadata.gid().into());
}

/// Returns the hash of a content: under the project's own key where it holds secrets, so that
/// nobody can try guesses on it.
pub(crate) fn digest(bytes: &[u8], sealed: bool, secrets: &dyn Secrets) -> String {
    let plain = Digest::of(bytes).to_string();
    if sealed { secrets.hash(&plain).to_string() } else { plain }
}

pub(crate) fn put(object: &mut Object, key: &str, value: Value) {
    object.attributes.insert(key.to_owned(), value);
}

fn content(bytes: Vec<u8>, sealed: bool, secrets: &dyn Secrets) -> Value {
    if bytes.len() as u64 > MOST_TEXT {
        return Value::Null;
    }
    match String::from_utf8(bytes) {
        Ok(text) if sealed => Value::Sealed(secrets.hash(&text)),
        Ok(text) => Value::Text(text),
        Err(_) => Value::Null,
    }
}
