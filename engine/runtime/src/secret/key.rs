//! The project's own key: an age identity and the key under which secrets are hashed.
//!
//! It lies in `.windlass/key`, readable by its owner alone, and is never in the repository.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use model::Digest;
use model::context::Random;

/// The project's own key.
pub struct Key {
    hash: [u8; 32],
    opener: Opener,
}

/// What opens `secrets.age`: the project's own key, or that of another copy of the project, in which the
/// secrets are set.
#[derive(Clone)]
pub struct Opener(Identity);

const HASH: &str = "# hash key: ";

impl Key {
    /// Reads the key, or makes it where there is none.
    ///
    /// # Errors
    /// It cannot be read or written, or is no key.
    pub fn open(path: &Path, random: &dyn Random) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).ok_or_else(|| {
                let why = format!("{} is damaged: put back a copy of it", path.display());
                io::Error::new(io::ErrorKind::InvalidData, why)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(path, random),
            Err(error) => Err(error),
        }
    }

    fn make(path: &Path, random: &dyn Random) -> io::Result<Self> {
        let mut hash = [0; 32];
        random.fill(&mut hash);
        let identity = Identity::generate();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!(
            "# The key of this project's secrets. Keep a copy in a safe place, and never in Git.\n\
             # public key: {}\n{HASH}{hex}\n{}\n",
            identity.to_public(),
            identity.to_string().expose_secret()
        );
        // Two processes may come here at once: the link is made once, and the loser reads it.
        let new = path.with_extension(format!("new-{}", std::process::id()));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let linked = fs::hard_link(&new, path);
        fs::remove_file(&new)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Self::parse(&fs::read_to_string(path)?).ok_or(io::ErrorKind::InvalidData.into()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let hex = text.lines().find_map(|line| line.strip_prefix(HASH))?;
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
        }
        Some(Self { hash, opener: Opener::parse(text)? })
    }

    /// Returns a hash under this key: equal for equal texts, useless without the key.
    pub fn digest(&self, text: &str) -> Digest {
        let hash = blake3::keyed_hash(&self.hash, text.as_bytes());
        let (first, _) = hash.as_bytes().split_at(16);
        Digest(u128::from_le_bytes(first.try_into().unwrap_or_default()))
    }

    /// Returns what opens the file of secrets, where nothing else does.
    pub fn opener(&self) -> &Opener {
        &self.opener
    }

    /// Encrypts for this key.
    ///
    /// # Errors
    /// The encryption itself.
    pub fn encrypt(&self, text: &str) -> io::Result<Vec<u8>> {
        self.opener.encrypt(text)
    }

    /// Decrypts what was encrypted for this key.
    ///
    /// # Errors
    /// It was encrypted for another key, or is damaged.
    pub fn decrypt(&self, bytes: &[u8]) -> io::Result<String> {
        self.opener.decrypt(bytes)
    }
}

/// Says what to do about a key that [`Opener::read`] refuses.
pub fn unusable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!(
            "copy .windlass/key of the project in which its secrets are set to {path}; chmod 600 {path}"
        ),
        io::ErrorKind::PermissionDenied => format!("chmod 600 {path}"),
        _ => format!("put a copy of .windlass/key of the project there: {path}"),
    }
}

impl Opener {
    /// Reads one: the key of a project, or any age identity.
    ///
    /// # Errors
    /// It cannot be read, can be read by others, or is no key.
    pub fn read(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            let why = "others can read it";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        let text = fs::read_to_string(path)?;
        Self::parse(&text).ok_or_else(|| {
            let why = "it holds no key: no line begins with AGE-SECRET-KEY-";
            io::Error::new(io::ErrorKind::InvalidData, why)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let identity = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-"))?;
        Some(Self(identity.trim_end().parse().ok()?))
    }

    /// Encrypts for it.
    ///
    /// # Errors
    /// The encryption itself.
    pub fn encrypt(&self, text: &str) -> io::Result<Vec<u8>> {
        age::encrypt(&self.0.to_public(), text.as_bytes()).map_err(io::Error::other)
    }

    /// Decrypts what was encrypted for it.
    ///
    /// # Errors
    /// It was encrypted for another one, or is damaged.
    pub fn decrypt(&self, bytes: &[u8]) -> io::Result<String> {
        let text = age::decrypt(&self.0, bytes).map_err(io::Error::other)?;
        String::from_utf8(text).map_err(io::Error::other)
    }
}
