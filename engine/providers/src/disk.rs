//! Files as they must be written when others read them at any moment: whole or not at all, also
//! after a power cut.
//!
//! It must not know what stands in them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use model::Fault;

/// Puts a file in the place of another in one step: readers see the old one or the new one, whole.
/// The temporary file beside it has a fixed name: callers hold a lock, or are alone with the path.
pub(crate) fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = beside(path, "new");
    let written = write(&temporary, bytes, mode).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What cannot be removed is overwritten by the next attempt.
        _ = fs::remove_file(&temporary);
    }
    written.and_then(|()| settle(folder_of(path)))
}

/// Writes a file that nobody reads yet, with its mode from the first byte on.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the names in a folder durable.
pub(crate) fn settle(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder and those above it, durably.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_folder(folder_of(path))?;
    match fs::create_dir(path) {
        // Somebody else has made it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    settle(folder_of(path))
}

/// Removes a file; one that is gone is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => settle(folder_of(path)),
    }
}

/// Reads a text; None: there is no such file.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns a hidden name beside a file, for what belongs to it: `.shop.test.zone.new`.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{what}"))
}

/// Returns the folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns a path as it is compared: without `.` and doubled slashes. It asks no disk.
pub(crate) fn tidy(path: &str) -> String {
    let parts = Path::new(path).components();
    let tidy: PathBuf = parts.filter(|part| *part != Component::CurDir).collect();
    tidy.to_string_lossy().into_owned()
}

/// Says what could not be done to which file, and why: `doing` is "write", "read", "remove".
pub(crate) fn fault(doing: &str, path: impl AsRef<Path>, error: &io::Error) -> Fault {
    let path = path.as_ref().display();
    let why = error.to_string();
    let why = why.split(" (os error").next().unwrap_or(&why).to_lowercase();
    let fault = Fault::broken(format!("cannot {doing} {path}: {why}"));
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            fault.help(format!("let the user who runs this {doing} it, or choose another place"))
        }
        io::ErrorKind::StorageFull => fault.help("make room on that disk, then apply again"),
        _ => fault,
    }
}
