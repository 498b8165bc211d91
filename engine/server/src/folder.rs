//! The folder that is served: what lies where in it, and that one server at a time serves it.
//!
//! It must not know what a repository holds.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use runtime::engine::Problem;
use runtime::project::Project;
use rustix::fs::{FlockOperation, flock};

use crate::trouble::{place, refused};

/// The folder that is served.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Where `windlass.yml` lies, absolute.
    pub root: PathBuf,
    /// `.windlass` in it.
    pub home: PathBuf,
}

/// Held for as long as the folder is served. It is free when its process is gone, however that went.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Folder {
    /// Returns the folder, and makes what is kept in it, for its owner alone.
    ///
    /// # Errors
    /// It cannot be written to.
    pub fn open(root: &Path) -> Result<Self, Problem> {
        let root = fs::canonicalize(root).map_err(|error| place("open", root, error))?;
        let home = root.join(".windlass");
        let folder = Self { root, home };
        for made in
            [&folder.repositories(), &folder.projects(), &folder.outputs(), &folder.untold()]
        {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(made).map_err(|error| place("make", made, error))?;
        }
        let ignored = folder.home.join(".gitignore");
        if !ignored.exists() {
            fs::write(&ignored, "*\n").map_err(|error| place("write", &ignored, error))?;
        }
        Ok(folder)
    }

    fn own(&self) -> PathBuf {
        self.home.join("server")
    }

    /// Returns where bare repositories lie.
    pub fn repositories(&self) -> PathBuf {
        self.home.join("repositories")
    }

    /// Returns where work trees lie, each an ordinary project.
    pub fn projects(&self) -> PathBuf {
        self.home.join("projects")
    }

    fn outputs(&self) -> PathBuf {
        self.own().join("output")
    }

    /// Returns the bare repository of a name.
    pub fn repository(&self, name: &str) -> PathBuf {
        self.repositories().join(format!("{name}.git"))
    }

    /// Returns the project of a repository.
    pub fn project(&self, name: &str) -> Project {
        let root = self.projects().join(name);
        Project { home: root.join(".windlass"), root }
    }

    /// Returns the index that belongs to a work tree, which has no `.git` of its own.
    pub(crate) fn index(&self, name: &str) -> PathBuf {
        self.own().join(format!("{name}.index"))
    }

    /// Returns what the process of a run writes for people.
    pub(crate) fn output(&self, run: u64) -> PathBuf {
        self.outputs().join(format!("{run}.txt"))
    }

    /// Returns the file of the server's own database.
    pub fn records(&self) -> PathBuf {
        self.home.join("server.sqlite")
    }

    /// Returns where hooks note the repositories whose pushes they could tell nobody of, each as a file.
    pub(crate) fn untold(&self) -> PathBuf {
        self.own().join("untold")
    }

    /// Returns the file that says where the server listens.
    pub fn address(&self) -> PathBuf {
        self.own().join("address")
    }

    /// Sees to it that nobody else serves this folder.
    pub(crate) fn lock(&self) -> Result<Lock, Problem> {
        let path = self.own().join("lock");
        let unusable = |error: io::Error| place("lock", &path, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(unusable)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            file.read_to_string(&mut holder).map_err(unusable)?;
            return Err(self.served_already(holder.trim()));
        }
        let note = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        note(&mut file).map_err(unusable)?;
        Ok(Lock(file))
    }

    fn served_already(&self, holder: &str) -> Problem {
        let address = fs::read_to_string(self.address()).unwrap_or_default();
        let at = match address.trim() {
            "" => String::new(),
            address => format!(" at {address}"),
        };
        let message = format!(
            "{} is served already{at}, by process {holder}: one server at a time",
            self.root.display()
        );
        refused(message, format!("end that one first: kill {holder} (its runs go on)"))
    }
}
