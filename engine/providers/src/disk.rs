//! Files as they must be written when others read them at any moment: whole or not at all, also
//! after a power cut.
//!
//! It must not know what stands in them.

use std::error::Error;
use std::fmt;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Component, Path, PathBuf};

use language::Keys;
use model::{Context, Fault, Token};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Puts a file in the place of another in one step: readers see the old one or the new one, whole.
/// A link that stood there is replaced, not followed. The temporary file beside it has a fixed name:
/// callers hold a lock, or are alone with the path.
pub(crate) fn put(path: &Path, bytes: &[u8], rights: impl Into<Rights>) -> io::Result<()> {
    put_by(&beside(path, "new"), path, bytes, rights)
}

/// Does the same by way of a temporary file of this name, in the same folder.
pub(crate) fn put_by(
    temporary: &Path,
    path: &Path,
    bytes: &[u8],
    rights: impl Into<Rights>,
) -> io::Result<()> {
    // An attempt that was cut short may have left it.
    removed(fs::remove_file(temporary))?;
    let written = write(temporary, bytes, rights).and_then(|()| fs::rename(temporary, path));
    if written.is_err() {
        // What cannot be removed now is removed before the next attempt.
        _ = fs::remove_file(temporary);
    }
    written.and_then(|()| settle(folder_of(path)))
}

/// Writes a new file that nobody reads yet, with its rights from the first byte on.
pub(crate) fn write(path: &Path, bytes: &[u8], rights: impl Into<Rights>) -> io::Result<()> {
    let rights = rights.into();
    // Nobody else may open it before it has its owner and mode; then the content follows.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    rights.give(&file)?;
    file.write_all(bytes)?;
    // Writing takes set-uid away again.
    rights.give(&file)?;
    file.sync_all()
}

/// Whose a file or folder is to be, and who may use it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights {
    pub(crate) mode: u32,
    /// None: whoever makes it.
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
}

impl From<u32> for Rights {
    fn from(mode: u32) -> Self {
        Self { mode, uid: None, gid: None }
    }
}

impl Rights {
    /// Returns those of what is there.
    pub(crate) fn of(there: &Metadata) -> Self {
        Self { mode: there.mode() & 0o7777, uid: Some(there.uid()), gid: Some(there.gid()) }
    }

    /// Gives them to an open file or folder: first the owner, as a change of that takes set-uid away.
    ///
    /// # Errors
    /// The kernel refuses; [`is_not_given`] tells whether it was the owner.
    pub(crate) fn give(self, file: &File) -> io::Result<()> {
        let there = file.metadata()?;
        let uid = self.uid.filter(|uid| *uid != there.uid());
        let gid = self.gid.filter(|gid| *gid != there.gid());
        if uid.is_some() || gid.is_some() {
            let not_given = |error: io::Error| io::Error::new(error.kind(), NotGiven(error));
            fchown(file, uid, gid).map_err(not_given)?;
        }
        file.set_permissions(fs::Permissions::from_mode(self.mode))
    }
}

/// A file could not be given to another owner or group.
#[derive(Debug)]
struct NotGiven(io::Error);

impl fmt::Display for NotGiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for NotGiven {}

/// Returns whether it was the owner or the group that could not be given.
pub(crate) fn is_not_given(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<NotGiven>)
}

/// Makes the names in a folder durable.
pub(crate) fn settle(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes one folder with this mode, whatever the umask is. A group that it has from the folder above
/// is handed on further, as there.
pub(crate) fn make_one(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path)?;
    let handed_on = fs::metadata(path)?.mode() & 0o2000;
    fs::set_permissions(path, fs::Permissions::from_mode(mode | handed_on))
}

/// Makes a folder and those above it, durably, with mode 0755.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_folder(folder_of(path))?;
    match make_one(path, 0o755) {
        // Somebody else has made it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    settle(folder_of(path))
}

/// Moves a new folder to its place, in one step also if something is there: then that stands aside.
pub(crate) fn move_in(aside: &Path, place: &Path) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Ok(_) => renameat_with(CWD, aside, CWD, place, RenameFlags::EXCHANGE)?,
        Err(_) => fs::rename(aside, place)?,
    }
    settle(folder_of(place))
}

/// Removes a file; one that is gone is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    if removed(fs::remove_file(path))? { settle(folder_of(path)) } else { Ok(()) }
}

/// Returns whether there was something to remove.
fn removed(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true),
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

/// The space of the identities of kinds that own a path.
pub(crate) const SPACE: &str = "file";

/// Returns a path as it tells two things apart: tidy, and without the `..` that lead back. It asks no
/// disk, so that a link in the way may still make one thing of two.
pub(crate) fn place(path: &str) -> String {
    let mut place = PathBuf::new();
    for part in Path::new(path).components() {
        match (part, place.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => _ = place.pop(),
            (other, _) => place.push(other),
        }
    }
    place.to_string_lossy().into_owned()
}

/// Returns where a path lies that a resource is to have for itself.
///
/// # Errors
/// It is not to be had: the project or a folder around it, somebody's home, the engine's own folder.
pub(crate) fn own_place(context: &Context, path: &str) -> Result<PathBuf, Fault> {
    let site = &context.site;
    let there = PathBuf::from(place(&context.place(path).to_string_lossy()));
    let home = site.environment.get("HOME").map(Path::new).filter(|home| home.is_absolute());
    let what = if site.project.starts_with(&there) {
        around_the_project(&there)
    } else if there.starts_with(&site.home) || site.home.starts_with(&there) {
        THE_ENGINES.to_owned()
    } else if home.is_some_and(|home| home.starts_with(&there)) {
        "a home, or a folder around it".to_owned()
    } else {
        return Ok(there);
    };
    Err(Fault::refused(format!("`{path}` is {what}")).help("choose a path of its own"))
}

/// Refuses such a path as soon as it is written: all that can be known without the project.
pub(crate) fn check_own(keys: &mut Keys<'_, '_, '_>, key: &str, path: &str) {
    if let Some(what) = not_own(path) {
        keys.refuse(key, format!("this is {what}: choose a path of its own"));
    }
}

/// Refuses such a path, and one that says itself that it is a folder's, where a file is to stand.
pub(crate) fn check_own_file(keys: &mut Keys<'_, '_, '_>, key: &str, path: &str) {
    check_own(keys, key, path);
    let names_a_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    if names_a_folder && not_own(path).is_none() {
        keys.refuse(key, "this names a folder, and a file is wanted");
    }
}

fn not_own(path: &str) -> Option<String> {
    let there = place(path);
    let mut parts = Path::new(&there).components();
    match parts.next() {
        None | Some(Component::RootDir) if parts.next().is_none() => {
            Some(around_the_project(Path::new(&there)))
        }
        Some(Component::ParentDir) if parts.all(|part| part == Component::ParentDir) => {
            Some(around_the_project(Path::new(&there)))
        }
        Some(Component::Normal(first)) if first == ".windlass" => Some(THE_ENGINES.to_owned()),
        _ => None,
    }
}

const THE_ENGINES: &str = "where windlass keeps its state and its key";

fn around_the_project(there: &Path) -> String {
    match there.to_str() {
        Some("/") => "the root of all files".to_owned(),
        Some("") => "the project itself".to_owned(),
        _ => "the project itself, or a folder around it".to_owned(),
    }
}

/// Returns the hidden name beside a place for what is not finished there: one effect, one name, so
/// that what is left of it can be found again.
pub(crate) fn unfinished(place: &Path, token: &Token) -> PathBuf {
    place.with_file_name(format!(".windlass-{token}"))
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

#[cfg(test)]
mod places {
    use super::place;

    #[test]
    fn one_place_has_one_name() {
        for path in ["a/b", "./a//b/", "a/x/../b", "c/../a/./b"] {
            assert_eq!(place(path), "a/b", "{path}");
        }
        assert_eq!(place("../a/../b"), "../b");
        assert_eq!(place("/a/../../b"), "/b");
    }
}
