//! What there is in a folder with a certificate and its key, and whether the two are whole.
//!
//! It must not change anything, and no text of a key may get out of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use model::{Fault, Object, Value};

use super::facts::{self, Facts};
use super::keys::{self, Unusable};
use super::term::moment;
use super::versions::{Current, Versions};
use crate::disk;

/// What an object says of its files when nothing is wrong with them.
pub(super) const SOUND: &str = "sound";
/// The certificate alone.
pub(super) const CERTIFICATE: &str = "certificate.pem";
/// Its private key.
pub(super) const KEY: &str = "key.pem";

/// A version, as its files have it.
pub(super) struct Seen {
    pub(super) version: String,
    /// None: the certificate is gone or is none.
    pub(super) facts: Option<Facts>,
    /// What is wrong with the files; None: nothing.
    pub(super) damage: Option<String>,
}

/// Looks at the version that counts; None: there is none, or nothing in it.
pub(super) fn look(versions: &Versions) -> Result<Option<Seen>, Fault> {
    let Current::Version(version) = versions.current()? else { return Ok(None) };
    let text = read(versions, &version, CERTIFICATE)?;
    let there = fs::symlink_metadata(versions.file(&version, KEY)).is_ok();
    if text.is_none() && !there {
        return Ok(None);
    }
    let facts = text.as_deref().and_then(facts::first);
    let damage = match (&text, &facts) {
        (None, _) => Some(format!("{CERTIFICATE} is gone")),
        (_, None) => Some(format!("{CERTIFICATE} is not a certificate")),
        (_, Some(facts)) => key_damage(versions, &version, facts)?,
    };
    Ok(Some(Seen { version, facts, damage }))
}

/// Reads a file of a version; None: it is gone.
pub(super) fn read(
    versions: &Versions,
    version: &str,
    file: &str,
) -> Result<Option<String>, Fault> {
    let shown = || versions.of_version(version, file);
    match disk::read(&versions.file(version, file)) {
        // Whatever is no text is no certificate either.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Ok(Some(String::new())),
        text => text.map_err(|error| disk::fault("read", shown(), &error)),
    }
}

fn key_damage(versions: &Versions, version: &str, facts: &Facts) -> Result<Option<String>, Fault> {
    let path = versions.file(version, KEY);
    Ok(match keys::load(&path) {
        Err(Unusable::Gone) => Some(format!("{KEY} is gone")),
        Err(Unusable::NoKey) => Some(format!("{KEY} is not a private key")),
        Err(Unusable::Unreadable(error)) => {
            return Err(disk::fault("read", versions.of_version(version, KEY), &error));
        }
        Ok(key) if !keys::fits(&key, facts) => {
            Some(format!("{KEY} does not belong to {CERTIFICATE}"))
        }
        Ok(_) => open_to_others(&path).map(|mode| format!("others may read {KEY} (mode {mode})")),
    })
}

/// Returns the mode of a file that should be its owner's alone and is not.
pub(super) fn open_to_others(path: &Path) -> Option<String> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & 0o077 != 0).then(|| format!("{mode:04o}"))
}

impl Seen {
    /// Returns an object with what every certificate has. Without a certificate it says only what is
    /// wrong.
    pub(super) fn object<const N: usize>(
        &self,
        path: &str,
        more: impl FnOnce(&Facts) -> [(&'static str, Value); N],
    ) -> Object {
        let damage = self.damage.clone().unwrap_or_else(|| SOUND.to_owned());
        let mut object = Object::new(path, [("path", path.into()), ("files", damage.into())]);
        if let Some(facts) = &self.facts {
            let common = [
                ("fingerprint", facts.fingerprint.as_str().into()),
                ("serial", facts.serial.as_str().into()),
                ("not_after", moment(facts.term.until).into()),
                ("key_type", facts.key_type.into()),
            ];
            let attributes = common.into_iter().chain(more(facts));
            object.attributes.extend(attributes.map(|(key, value)| (key.to_owned(), value)));
        }
        object
    }
}
