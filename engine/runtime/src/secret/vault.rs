//! The secrets of a project: from the environment, from `secrets.age` in the repository, and those
//! that kinds have made and keep.
//!
//! Whatever it could reveal, it can cover, and also what a secret was before it got another text: it is
//! the one that knows what must not be shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::mask::{Covered, Masker, SHORTEST, is_too_short};
use model::secret::handle;
use model::{Digest, Fault, SecretText, Secrets, Value};

use super::{Key, Opener};
use crate::sealing::Sealing;

/// The prefix of environment variables that hold secrets: `WINDLASS_SECRET_DB_PASSWORD`.
pub const VARIABLE: &str = "WINDLASS_SECRET_";

/// The file in the repository.
pub const FILE: &str = "secrets.age";

/// In the project's home: what opens its file of secrets, if its own key does not. A server puts it there.
pub const OPENER: &str = "secrets.key";

/// The folder, in the project's home, of secrets that kinds have made.
pub const KEPT: &str = "kept";

/// See the module.
pub struct Vault {
    key: Key,
    /// What the file is encrypted for.
    opener: Opener,
    /// From the environment, by folded name. It wins over the file.
    environment: BTreeMap<String, SecretText>,
    /// From the file, by name.
    given: Mutex<BTreeMap<String, SecretText>>,
    file: PathBuf,
    /// Where secrets that kinds make are kept, one encrypted file each.
    kept: PathBuf,
    /// Those of them that were read.
    opened: Mutex<BTreeMap<String, SecretText>>,
    /// All that kinds have made in earlier processes was read.
    whole: OnceLock<()>,
    hidden: Mutex<Hidden>,
}

/// What must not be shown.
#[derive(Default)]
struct Hidden {
    /// Hashes of every text that was ever known here.
    known: BTreeSet<Digest>,
    /// Those that came since the masker was made.
    fresh: Vec<Covered>,
    masker: Arc<Masker>,
}

/// Why secrets cannot be had.
#[derive(Debug)]
pub enum SecretError {
    /// The key cannot be read or made.
    Key(PathBuf, io::Error),
    /// The file of secrets cannot be read, decrypted or written.
    File(PathBuf, io::Error),
    /// The text is too short to be covered in logs.
    TooShort(String),
    /// A name has characters that references cannot have.
    BadName(String),
}

impl std::fmt::Display for SecretError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(path, why) => write!(f, "the key {}: {why}", path.display()),
            Self::File(path, why) => write!(f, "the secrets in {}: {why}", path.display()),
            Self::TooShort(name) => write!(
                f,
                "the secret `{name}` is too short to be covered in logs: use at least {SHORTEST} characters"
            ),
            Self::BadName(name) => {
                write!(f, "`{name}` cannot name a secret: use letters, digits, `_` and `-`")
            }
        }
    }
}

impl std::error::Error for SecretError {}

impl Vault {
    /// Opens the secrets of a project. Where another key than the project's own opens its file of secrets,
    /// the home has it.
    ///
    /// # Errors
    /// A file of secrets that cannot be read or decrypted.
    pub fn open(
        project: &Path,
        home: &Path,
        key: Key,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, SecretError> {
        let file = project.join(FILE);
        let other = home.join(OPENER);
        let opener = match fs::symlink_metadata(&other) {
            Ok(_) => Opener::read(&other).map_err(|error| SecretError::Key(other, error))?,
            Err(_) => key.opener().clone(),
        };
        let given = read_file(&file, &opener)?;
        let secret = |(variable, text): (&String, &String)| {
            Some((folded(variable.strip_prefix(VARIABLE)?), SecretText::new(text.as_str())))
        };
        let environment: BTreeMap<_, _> = environment.iter().filter_map(secret).collect();
        let vault = Self {
            key,
            opener,
            environment,
            given: Mutex::default(),
            file,
            kept: home.join(KEPT),
            opened: Mutex::default(),
            whole: OnceLock::new(),
            hidden: Mutex::default(),
        };
        given.values().chain(vault.environment.values()).for_each(|text| vault.cover(text));
        *lock(&vault.given) = given;
        Ok(vault)
    }

    /// Returns the names of the secrets in the file and the environment, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = lock(&self.given).keys().cloned().collect();
        let filed: BTreeSet<String> = names.iter().map(|name| folded(name)).collect();
        names.extend(self.environment.keys().filter(|name| !filed.contains(*name)).cloned());
        names.into_iter().collect()
    }

    /// Keeps a secret in the repository's file, or takes it out.
    ///
    /// # Errors
    /// A bad name, a text that is too short, a file that cannot be written.
    pub fn set(&self, name: &str, text: Option<SecretText>) -> Result<(), SecretError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(SecretError::BadName(name.to_owned()));
        }
        if text.as_ref().is_some_and(|text| is_too_short(text.expose())) {
            return Err(SecretError::TooShort(name.to_owned()));
        }
        let mut secrets = read_file(&self.file, &self.opener)?;
        match text {
            Some(text) => _ = secrets.insert(name.to_owned(), text),
            None => _ = secrets.remove(name),
        }
        let plain: BTreeMap<&str, &str> =
            secrets.iter().map(|(name, text)| (name.as_str(), text.expose())).collect();
        let failed = |error| SecretError::File(self.file.clone(), error);
        let plain = serde_json::to_string(&plain).map_err(|error| failed(error.into()))?;
        let sealed = self.opener.encrypt(&plain).map_err(failed)?;
        write_private(&self.file, &sealed).map_err(failed)?;
        secrets.values().for_each(|text| self.cover(text));
        *lock(&self.given) = secrets;
        Ok(())
    }

    /// Keeps the text of a secret parameter under a name that follows from it, so that a plan that
    /// was made with it can be applied later, and returns its handle.
    ///
    /// # Errors
    /// In words: it is too short, or cannot be kept.
    pub fn keep_parameter(&self, text: &str) -> Result<Value, String> {
        if is_too_short(text) {
            return Err(format!(
                "it has less than {SHORTEST} characters and could not be covered in logs"
            ));
        }
        let name = format!("parameter-{}", self.key.digest(text));
        if self.reveal(&name).is_none() {
            self.keep(&name, &SecretText::new(text)).map_err(|fault| fault.message)?;
        }
        handle(self, &name).ok_or_else(|| "it cannot be read back".to_owned())
    }

    fn kept_path(&self, name: &str) -> PathBuf {
        self.kept.join(format!("{name}.age"))
    }

    fn find(&self, name: &str) -> Option<SecretText> {
        let folded = folded(name);
        let given = || {
            let given = lock(&self.given);
            given.get(name).or_else(|| given.get(&folded)).cloned()
        };
        let environment = self.environment.get(&folded).cloned();
        environment.or_else(given).or_else(|| self.open_kept(name))
    }

    fn open_kept(&self, name: &str) -> Option<SecretText> {
        if let Some(text) = lock(&self.opened).get(name) {
            return Some(text.clone());
        }
        let sealed = fs::read(self.kept_path(name)).ok()?;
        let text = self.key.decrypt(&sealed).ok().map(SecretText::new)?;
        lock(&self.opened).insert(name.to_owned(), text.clone());
        self.cover(&text);
        Some(text)
    }

    /// From now on this text is covered wherever it turns up. One that is too short would cover half
    /// of every page, and cannot be used.
    fn cover(&self, text: &SecretText) {
        if is_too_short(text.expose()) {
            return;
        }
        let mut hidden = lock(&self.hidden);
        if hidden.known.insert(self.key.digest(text.expose())) {
            hidden.fresh.push(Covered::new(text.clone()));
        }
    }

    /// Returns what covers everything that could be revealed.
    pub fn masker(&self) -> Arc<Masker> {
        // Whoever comes while they are read waits for them.
        self.whole.get_or_init(|| {
            self.names_kept().iter().for_each(|name| _ = self.open_kept(name));
        });
        let Hidden { fresh, masker, .. } = &mut *lock(&self.hidden);
        if !fresh.is_empty() {
            *masker = Arc::new(masker.with(std::mem::take(fresh)));
        }
        Arc::clone(masker)
    }

    fn names_kept(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.kept).into_iter().flatten().flatten();
        let name = |entry: fs::DirEntry| {
            Some(entry.file_name().to_str()?.strip_suffix(".age")?.to_owned())
        };
        entries.filter_map(name).collect()
    }
}

impl Secrets for Vault {
    fn names(&self) -> Vec<String> {
        Self::names(self)
    }

    fn reveal(&self, name: &str) -> Option<SecretText> {
        self.find(name).filter(|text| !is_too_short(text.expose()))
    }

    fn problem(&self, name: &str) -> Option<String> {
        let text = self.find(name)?;
        is_too_short(text.expose()).then(|| SecretError::TooShort(name.to_owned()).to_string())
    }

    fn hash(&self, text: &str) -> Digest {
        self.key.digest(text)
    }

    fn masker(&self) -> Arc<Masker> {
        Self::masker(self)
    }

    fn keep(&self, name: &str, text: &SecretText) -> Result<(), Fault> {
        self.cover(text);
        lock(&self.opened).insert(name.to_owned(), text.clone());
        let failed = |error: io::Error| {
            Fault::broken(format!("cannot keep a secret in {}: {error}", self.kept.display()))
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.kept).map_err(failed)?;
        let sealed = self.key.encrypt(text.expose()).map_err(failed)?;
        write_private(&self.kept_path(name), &sealed).map_err(failed)
    }

    fn forget(&self, name: &str) -> Result<(), Fault> {
        lock(&self.opened).remove(name);
        match fs::remove_file(self.kept_path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Fault::broken(format!("cannot forget a secret: {error}")))
            }
            _ => Ok(()),
        }
    }
}

impl Sealing for Vault {
    fn masker(&self) -> Arc<Masker> {
        Self::masker(self)
    }

    fn hash(&self, text: &str) -> Digest {
        self.key.digest(text)
    }
}

fn read_file(path: &Path, opener: &Opener) -> Result<BTreeMap<String, SecretText>, SecretError> {
    let failed = |error| SecretError::File(path.to_owned(), error);
    let sealed = match fs::read(path) {
        Ok(sealed) => sealed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(error)),
    };
    let plain = opener.decrypt(&sealed).map_err(failed)?;
    let secrets: BTreeMap<String, String> =
        serde_json::from_str(&plain).map_err(|_| failed(io::ErrorKind::InvalidData.into()))?;
    Ok(secrets.into_iter().map(|(name, text)| (name, SecretText::new(text))).collect())
}

/// Whole or not at all, and for its owner alone.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Variables of the environment have neither small letters nor `-`.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
