//! Files by their content: an object's name is the BLAKE3 of its bytes, so that what is read is what was
//! kept, and what is kept twice is there once.
//!
//! It must not know what objects are for.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

/// Bytes that are handled at once.
const BUFFER: usize = 256 * 1024;

/// What was touched since may be on its way into something that names it.
const FRESH: Duration = Duration::from_hours(1);

/// A folder of objects.
#[derive(Clone, Debug)]
pub struct Objects {
    folder: PathBuf,
}

/// Why an object cannot be had.
#[derive(Debug)]
pub enum ObjectError {
    /// It is not there.
    Missing,
    /// It is there, and is not what was kept.
    Damaged,
    /// It cannot be read, or not be put in its place.
    Io(io::Error),
}

impl std::fmt::Display for ObjectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("it is no longer there"),
            Self::Damaged => f.write_str("it is not what was kept"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for ObjectError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

impl Objects {
    /// Returns those of a project; nothing is made before something is kept.
    pub fn of(home: &Path) -> Self {
        Self { folder: home.join("objects") }
    }

    /// Keeps what a file holds now, and returns its name.
    ///
    /// # Errors
    /// It cannot be read, or nothing can be written.
    pub fn keep(&self, file: &Path) -> io::Result<String> {
        let mut source = File::open(file)?;
        fs::create_dir_all(&self.folder)?;
        let fresh = Fresh::beside(&self.folder.join("new"))?;
        let name = copy(&mut source, &fresh.file)?;
        self.put(fresh, &name)?;
        Ok(name)
    }

    /// Keeps bytes, and returns their name.
    ///
    /// # Errors
    /// Nothing can be written.
    pub fn keep_bytes(&self, bytes: &[u8]) -> io::Result<String> {
        fs::create_dir_all(&self.folder)?;
        let fresh = Fresh::beside(&self.folder.join("new"))?;
        let name = copy(&mut &*bytes, &fresh.file)?;
        self.put(fresh, &name)?;
        Ok(name)
    }

    fn put(&self, fresh: Fresh, name: &str) -> io::Result<()> {
        let path = self.path(name);
        let _nobody_sweeps = self.lock(FlockOperation::LockShared)?;
        // What is there stays, and is fresh again. It is looked at when it is read.
        let same =
            |found: fs::Metadata| fresh.file.metadata().is_ok_and(|new| new.len() == found.len());
        if fs::metadata(&path).is_ok_and(same)
            && let Ok(kept) = OpenOptions::new().append(true).open(&path)
        {
            return kept.set_modified(SystemTime::now());
        }
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fresh.becomes(&path)
    }

    /// Puts an object in a place, whole or not at all. A file that holds the same already is left alone.
    ///
    /// # Errors
    /// It is gone or damaged, or the place cannot be written.
    pub fn lay(&self, name: &str, place: &Path, executable: bool) -> Result<(), ObjectError> {
        let mut object = File::open(self.path(name))?;
        place.parent().map_or(Ok(()), fs::create_dir_all).map_err(ObjectError::Io)?;
        let fresh = Fresh::beside(place).map_err(ObjectError::Io)?;
        if copy(&mut object, &fresh.file)? != name {
            return Err(ObjectError::Damaged);
        }
        if executable {
            use std::os::unix::fs::PermissionsExt;
            let mode = fresh.file.metadata().map_err(ObjectError::Io)?.permissions().mode();
            // For whoever may read it.
            let mode = fs::Permissions::from_mode(mode | (mode & 0o444) >> 2);
            fresh.file.set_permissions(mode).map_err(ObjectError::Io)?;
        }
        fresh.becomes(place).map_err(ObjectError::Io)
    }

    /// Returns the bytes of an object.
    ///
    /// # Errors
    /// It is gone or damaged.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ObjectError> {
        let bytes = fs::read(self.path(name))?;
        match blake3::hash(&bytes).to_hex().as_str() == name {
            true => Ok(bytes),
            false => Err(ObjectError::Damaged),
        }
    }

    /// Throws an object away, so that it is kept anew.
    pub fn discard(&self, name: &str) {
        _ = fs::remove_file(self.path(name));
    }

    /// Throws away what nobody names, and what was left half written, if it was not touched since this
    /// time and not of late. Returns how many bytes that frees, also if it is only tried.
    ///
    /// # Errors
    /// Something cannot be thrown away.
    pub fn sweep(
        &self,
        named: &HashSet<String>,
        since: SystemTime,
        dry_run: bool,
    ) -> io::Result<u64> {
        let since = SystemTime::now().checked_sub(FRESH).map_or(since, |late| late.min(since));
        let mut freed = 0;
        for path in inside(&self.folder).flat_map(|path| match path.is_dir() {
            true => inside(&path).collect(),
            false => vec![path],
        }) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !named.contains(&*name) {
                freed += self.discard_old(&path, since, dry_run)?;
            }
        }
        Ok(freed)
    }

    /// Whoever keeps the same in this moment touches it before, or puts it there anew after.
    fn discard_old(&self, path: &Path, since: SystemTime, dry_run: bool) -> io::Result<u64> {
        let _nobody_keeps = self.lock(FlockOperation::LockExclusive)?;
        let found = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            found => found?,
        };
        if found.modified()? >= since {
            return Ok(0);
        }
        if !dry_run {
            fs::remove_file(path)?;
        }
        Ok(found.len())
    }

    /// Free again when it is dropped, or its process is gone.
    fn lock(&self, how: FlockOperation) -> io::Result<File> {
        let path = self.folder.with_extension("lock");
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        flock(&file, how)?;
        Ok(file)
    }

    /// Two hundred folders, so that none holds very many.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name.get(..2).unwrap_or("__")).join(name)
    }
}

/// Copies to the end and returns the name of what was copied.
fn copy(source: &mut dyn Read, target: &File) -> io::Result<String> {
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; BUFFER]);
    let mut target: &File = target;
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().to_hex().to_string()),
            length => {
                hasher.update(&buffer[..length]);
                target.write_all(&buffer[..length])?;
            }
        }
    }
}

fn inside(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// A file that is being written beside its place; gone unless it gets there.
struct Fresh {
    file: File,
    path: PathBuf,
    arrived: bool,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Fresh {
    fn beside(place: &Path) -> io::Result<Self> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let path = place.with_file_name(format!(".{name}.{}.{number}", std::process::id()));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        Ok(Self { file, path, arrived: false })
    }

    fn becomes(mut self, place: &Path) -> io::Result<()> {
        fs::rename(&self.path, place)?;
        self.arrived = true;
        Ok(())
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.arrived {
            _ = fs::remove_file(&self.path);
        }
    }
}
