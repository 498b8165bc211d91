//! What is durable about the services: one file each, written as an intent before every effect.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::exit::Exit;
use super::identity::Identity;
use super::lock::Lock;
use super::spec::{Rules, ServiceSpec};

/// What is durable about a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) token: String,
    /// Which service of this name: a later one is another one. The mark of its processes.
    pub(super) id: String,
    pub(super) wanted: Wanted,
    pub(super) rules: Rules,
    /// The program, closed with the owner's key; base64. None: it could not be closed.
    pub(super) sealed: Option<String>,
    /// Which start is meant or was made. With `process` empty it is an intent: it may have happened.
    pub(super) start: Option<String>,
    pub(super) process: Option<Identity>,
    pub(super) starts: u64,
    pub(super) restarts: u64,
    /// In a row, without having run steadily in between.
    pub(super) crashes: u32,
    pub(super) last_exit: Option<Exit>,
    /// How many milliseconds it had run by then.
    #[serde(default)]
    pub(super) lasted: Option<u64>,
    pub(super) started_at: Option<u64>,
}

impl Record {
    /// Returns the record of a service that was never started.
    pub(super) fn new(spec: &ServiceSpec, id: String) -> Self {
        Self {
            name: spec.name.clone(),
            token: String::new(),
            id,
            wanted: Wanted::Running,
            rules: spec.rules.clone(),
            sealed: None,
            start: None,
            process: None,
            starts: 0,
            restarts: 0,
            crashes: 0,
            last_exit: None,
            lasted: None,
            started_at: None,
        }
    }
}

/// What is wanted of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Wanted {
    Running,
    Stopped,
    Removed { logs: bool },
}

/// The folder with the records.
pub(super) struct Records {
    folder: PathBuf,
    /// What gives the right to write; none to one who only reads.
    lock: Option<Rc<Lock>>,
}

impl Records {
    /// For one who reads.
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.into(), lock: None }
    }

    /// For the supervisor of the folder.
    pub(super) fn held(folder: &Path, lock: Rc<Lock>) -> Self {
        Self { folder: folder.into(), lock: Some(lock) }
    }

    /// Refuses where another supervisor's records may lie by now.
    fn may_write(&self) -> io::Result<()> {
        match &self.lock {
            Some(lock) if lock.stands() => Ok(()),
            _ => Err(io::Error::other("it was deleted, and is not this supervisor's any more")),
        }
    }

    /// Makes a record durable: it is there whole when this returns, or the one before is.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        self.may_write()?;
        let to = self.file(&record.name);
        let new = to.with_extension("new");
        let mut options = OpenOptions::new();
        let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.sync_all()?;
        fs::rename(new, to)?;
        self.sync()
    }

    /// Forgets a service; one that is unknown is no error.
    pub(super) fn forget(&self, name: &str) -> io::Result<()> {
        self.may_write()?;
        match fs::remove_file(self.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.sync(),
        }
    }

    /// Returns all records, and the files that are none.
    pub(super) fn all(&self) -> io::Result<(Vec<Record>, Vec<PathBuf>)> {
        let (mut records, mut broken) = (vec![], vec![]);
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            match fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
                Ok(Ok(record)) => records.push(record),
                // Removed meanwhile, by a supervisor that somebody else only looks over the shoulder.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                _ => broken.push(path),
            }
        }
        Ok((records, broken))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(file_name(name) + ".json")
    }
}

/// Returns the name of a service as the name of a file: names may hold anything, files may not.
pub(super) fn file_name(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'[' | b']');
    let letters = name.bytes().map(|b| match b {
        b if plain(b) => char::from(b).to_string(),
        b => format!("%{b:02x}"),
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_a_file_of_its_own() {
        let records = Records::of(Path::new("/h"));
        let names = ["shop/web[0]", "shop%2fweb[0]", "..", "é"];
        let files = names.map(|name| records.file(name).display().to_string());
        let expected = ["/h/shop%2fweb[0].json", "/h/shop%252fweb[0].json", "/h/%2e%2e.json"];
        assert_eq!(files[..3], expected);
        assert_eq!(files[3], "/h/%c3%a9.json");
    }
}
