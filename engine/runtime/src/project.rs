//! A project's folder: where it begins, which files it has, and reading them.
//!
//! It must not know what stands in them.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The folders by which a project is known.
const FOLDERS: [&str; 4] = [".windlass", "stacks", "pipelines", "inventories"];

/// The file by which a folder that is served is known.
pub use model::file::server::FILE as SERVER;

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder, absolute.
    pub root: PathBuf,
    /// `.windlass` in it: state, logs, what kinds keep. Never in Git.
    pub home: PathBuf,
}

/// What a file of the project is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// `stacks/*.yml`
    Stack,
    /// `pipelines/*.yml`
    Pipeline,
    /// `inventories/*.yml`
    Inventory,
    /// `windlass.yml`, of which there is one.
    Server,
}

impl FileType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Stack, Self::Pipeline, Self::Inventory, Self::Server];

    /// Returns the folder in which such files lie; of the server's own file its name.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Stack => "stacks",
            Self::Pipeline => "pipelines",
            Self::Inventory => "inventories",
            Self::Server => SERVER,
        }
    }

    /// Returns the key that names what the file declares, and tells what it is.
    pub fn key(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Pipeline => "pipeline",
            Self::Inventory => "inventory",
            Self::Server => "server",
        }
    }
}

impl Project {
    /// Finds the project of a folder: the folder itself, or the nearest one above that has one of a
    /// project's folders in it.
    ///
    /// # Errors
    /// The folder is not there.
    pub fn find(folder: &Path) -> io::Result<Self> {
        let folder = fs::canonicalize(folder)?;
        let is_project = |at: &&Path| {
            FOLDERS.iter().any(|name| at.join(name).is_dir()) || at.join(SERVER).is_file()
        };
        let root = folder.ancestors().find(is_project).unwrap_or(&folder).to_owned();
        let home = root.join(".windlass");
        Ok(Self { root, home })
    }

    /// Returns the files of one type, sorted, relative to the project.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn files(&self, of: FileType) -> io::Result<Vec<PathBuf>> {
        let folder = self.root.join(of.folder());
        if of == FileType::Server {
            return Ok(folder.is_file().then(|| SERVER.into()).into_iter().collect());
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut files = Vec::new();
        for entry in entries {
            let name = PathBuf::from(entry?.file_name());
            if is_read(&name) {
                files.push(Path::new(of.folder()).join(name));
            }
        }
        files.sort();
        Ok(files)
    }

    /// Returns what lies in the folder of one type as if it were meant and is not read, sorted: files whose
    /// name ends otherwise, and those in folders within.
    pub fn strays(&self, of: FileType) -> Vec<PathBuf> {
        let folder = Path::new(of.folder());
        let entries = |folder: &Path| {
            let entries = fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
            let folder = folder.to_owned();
            entries.map(move |entry| folder.join(entry.file_name()))
        };
        let mut strays = Vec::new();
        for path in entries(folder) {
            match self.root.join(&path).is_dir() {
                _ if is_hidden(&path) => {}
                // Steps that pipelines share.
                true if of == FileType::Pipeline && path.ends_with("shared") => {}
                true => strays.extend(entries(&path).filter(|file| ends_like_yaml(file))),
                false if ends_like_yaml(&path) && !is_read(&path) => strays.push(path),
                false => {}
            }
        }
        strays.sort();
        strays
    }

    /// Returns the file that is meant by a path, as it is from `here`, or by a bare name: `shop` is
    /// `stacks/shop.yml`.
    pub fn locate(&self, named: &str, of: FileType, here: &Path) -> Option<PathBuf> {
        let by_path = here.join(named);
        if by_path.is_file() {
            return Some(self.relative(&by_path));
        }
        let in_project = self.root.join(named);
        if in_project.is_file() {
            return Some(self.relative(&in_project));
        }
        if of == FileType::Server {
            return None;
        }
        let ends = ["yml", "yaml"].map(|end| Path::new(of.folder()).join(format!("{named}.{end}")));
        ends.into_iter().find(|path| self.root.join(path).is_file())
    }

    /// Returns a path as people know it: relative to the project, if it lies in it.
    pub fn relative(&self, path: &Path) -> PathBuf {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        path.strip_prefix(&self.root).map_or(path.clone(), Path::to_owned)
    }

    /// Reads a file of the project.
    ///
    /// # Errors
    /// It cannot be read, is no UTF-8, or lies outside of the project.
    pub fn read(&self, path: &str) -> Result<Arc<str>, String> {
        let leaves = Path::new(path).components().any(|part| part == Component::ParentDir);
        if leaves || Path::new(path).is_absolute() {
            return Err("it lies outside of the project".to_owned());
        }
        let bytes = fs::read(self.root.join(path)).map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes).map_err(|error| {
            format!("it is not UTF-8 text (byte {})", error.utf8_error().valid_up_to())
        })?;
        Ok(text.into())
    }
}

/// What an editor keeps beside a file begins with a dot, and may be a link that leads nowhere.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_read(file: &Path) -> bool {
    !is_hidden(file) && file.extension().is_some_and(|end| end == "yml" || end == "yaml")
}

fn ends_like_yaml(file: &Path) -> bool {
    let end = file.extension().unwrap_or_default();
    end.eq_ignore_ascii_case("yml") || end.eq_ignore_ascii_case("yaml")
}
