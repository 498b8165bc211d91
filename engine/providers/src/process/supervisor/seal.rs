//! Keeping a service's program, which may hold secrets, on disk so that nobody else can read it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;

/// What closes and opens what lies on disk. The supervisor's owner decides how.
pub trait SecretBox: Send {
    /// Closes it; None: it cannot, and then it is not kept on disk at all.
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>>;

    /// Opens what was closed; None: it was closed with another key, or the key is gone.
    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>>;
}

/// Closes with an age X25519 identity from a key file.
pub struct AgeBox(Identity);

impl AgeBox {
    /// Reads a key file, and makes it first if there is none: for this user alone, whole or not at
    /// all, and the same one for all who try at once.
    pub fn kept_in(file: &Path) -> io::Result<Self> {
        if !file.exists() {
            make(file)?;
        }
        Self::from_file(file)
    }

    /// Reads the first identity (`AGE-SECRET-KEY-1…`) of a file as `age-keygen` writes it.
    pub fn from_file(file: &Path) -> io::Result<Self> {
        let wrong = |why: &str| io::Error::other(format!("the key file {} {why}", file.display()));
        let text = fs::read_to_string(file).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        let line = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-1"));
        let line = line.ok_or_else(|| wrong("holds no age identity (AGE-SECRET-KEY-1…)"))?;
        // The reason is left out: it might quote the key.
        Identity::from_str(line).map(Self).map_err(|_| wrong("holds an age identity that is cut"))
    }
}

fn make(file: &Path) -> io::Result<()> {
    let mut new = file.as_os_str().to_owned();
    new.push(format!(".{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    let mut out = options.create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    out.write_all(Identity::generate().to_string().expose_secret().as_bytes())?;
    out.write_all(b"\n")?;
    out.sync_all()?;
    let linked = fs::hard_link(&new, file);
    fs::remove_file(&new)?;
    match linked {
        // Somebody else was first.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

impl SecretBox for AgeBox {
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        age::encrypt(&self.0.to_public(), plain).ok()
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        age::decrypt(&self.0, sealed).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> String {
        format!("# a comment\n{}\n", Identity::generate().to_string().expose_secret())
    }

    #[test]
    fn what_one_key_closes_it_opens_and_another_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let boxes = ["one", "two"].map(|name| {
            fs::write(folder.path().join(name), key()).expect("a key file");
            AgeBox::from_file(&folder.path().join(name)).expect("a key")
        });
        let sealed = boxes[0].seal(b"canary").expect("sealed");
        assert!(!sealed.windows(6).any(|part| part == b"canary"));
        assert_eq!(boxes[0].open(&sealed).as_deref(), Some(b"canary".as_slice()));
        assert_eq!(boxes[1].open(&sealed), None);
    }

    #[test]
    fn a_key_is_made_once_and_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        let sealed = AgeBox::kept_in(&file).expect("a key").seal(b"canary").expect("sealed");
        let again = AgeBox::kept_in(&file).expect("a key");
        assert_eq!(again.open(&sealed).as_deref(), Some(b"canary".as_slice()));
        make(&file).expect("to lose the race is no error");
        let after = AgeBox::kept_in(&file).expect("a key");
        assert_eq!(after.open(&sealed).as_deref(), Some(b"canary".as_slice()));
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_key_file_that_is_none_is_named_and_not_quoted() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        fs::write(&file, "AGE-SECRET-KEY-1CANARY\n").expect("a file");
        let error = AgeBox::from_file(&file).err().expect("refused").to_string();
        assert!(error.contains("key holds an age identity that is cut"), "{error}");
        assert!(!error.contains("CANARY"), "{error}");
        fs::write(&file, "hello\n").expect("a file");
        let error = AgeBox::from_file(&file).err().expect("refused").to_string();
        assert!(error.contains("holds no age identity"), "{error}");
    }
}
