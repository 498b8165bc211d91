//! Plans kept in files: text, packed when it is long, readable by its owner alone.
//!
//! It must not apply them.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use model::context::Random;
use model::plan::{Plan, Saved};
use runtime::engine::{Problem, open_plan};

use crate::outside::OsRandom;
use crate::problem::{failed, usage};

/// Longer plans are packed, in bytes.
const PACK_FROM: usize = 64 << 10;
/// What a packed file begins with: RFC 1952.
const PACKED: [u8; 2] = [0x1f, 0x8b];
/// More than this is no plan of ours, in bytes: who applies a file should not run out of memory.
const MOST: u64 = 4 << 30;

/// Keeps a plan under a name that nobody can guess.
pub(crate) fn keep(path: &Path, plan: Plan, name: &[u8]) -> Result<(), Problem> {
    let id: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = plan.saved(id).to_json();
    let bytes = match text.len() > PACK_FROM {
        true => pack(text.as_bytes()),
        false => Ok(text.into_bytes()),
    };
    let written = bytes.and_then(|bytes| write(path, &bytes));
    written.map_err(|error| failed(format!("cannot write the plan to {}: {error}", path.display())))
}

/// Reads a plan that was kept.
pub(crate) fn open(path: &Path) -> Result<Saved, Problem> {
    let unread = |error| {
        let help = "`windlass plan -o FILE` makes one";
        usage(format!("cannot read the plan {}: {error}", path.display()), help)
    };
    let bytes = fs::read(path).map_err(unread)?;
    let bytes = match bytes.starts_with(&PACKED) {
        true => unpack(&bytes).map_err(|error| Problem::Refused {
            message: format!("this plan is damaged: {error}"),
            help: Some("make it again: windlass plan -o FILE".to_owned()),
            details: Vec::new(),
        })?,
        false => bytes,
    };
    open_plan(&String::from_utf8_lossy(&bytes))
}

/// Returns whether a file holds a plan, and not a stack.
pub(crate) fn is_plan(path: &Path) -> bool {
    let mut start = [0; 1];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    path.is_file() && read.is_ok() && (start[0] == b'{' || start[0] == PACKED[0])
}

fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    GzDecoder::new(bytes).take(MOST).read_to_end(&mut out)?;
    Ok(out)
}

/// Whole or not at all, also after a power cut. The file is new and for its owner alone, whatever
/// somebody else has put beside it: its name cannot be foreseen, and a link is not followed.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut salt = [0; 8];
    OsRandom.fill(&mut salt);
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:016x}", u64::from_ne_bytes(salt)));
    let new = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&new, path)).inspect_err(|_| _ = fs::remove_file(&new))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_somebody_has_put_beside_a_plan_is_not_written_to() {
        let folder = tempfile::tempdir().expect("a file of the test");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("mine"), "mine").expect("a file of the test");
        let planted = format!("shop.plan.new-{}", std::process::id());
        symlink(at("mine"), at(&planted)).expect("a file of the test");
        fs::write(at("shop.plan"), "old").expect("a file of the test");
        fs::set_permissions(at("shop.plan"), fs::Permissions::from_mode(0o666))
            .expect("a file of the test");
        write(&at("shop.plan"), b"new").expect("a file of the test");
        assert_eq!(fs::read_to_string(at("mine")).expect("a file of the test"), "mine");
        assert_eq!(fs::read_to_string(at("shop.plan")).expect("a file of the test"), "new");
        let kept = fs::symlink_metadata(at("shop.plan")).expect("a file of the test");
        assert!(kept.is_file());
        assert_eq!(kept.permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(folder.path()).expect("a file of the test").count(),
            3,
            "nothing is left beside it"
        );
    }

    #[test]
    fn what_cannot_be_put_in_its_place_is_taken_away() {
        let folder = tempfile::tempdir().expect("a file of the test");
        let place = folder.path().join("shop.plan");
        fs::create_dir(&place).expect("a file of the test");
        assert!(write(&place, b"new").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a file of the test").count(), 1);
    }
}
