//! The proof that an archive is the one that is meant.
//!
//! It must not be weak: what can be forged is not accepted.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use language::Leaf;
use language::shape::ScalarShape;
use model::{Digest, Fault};
use sha2::{Sha256, Sha512};

use crate::beside::beside;
use crate::disk;

/// A checksum: `sha256:…`, `sha512:…` or `blake3:…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    algorithm: Algorithm,
    digits: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha512,
    Blake3,
}

const ALGORITHMS: [(&str, Algorithm, usize); 3] = [
    ("sha256", Algorithm::Sha256, 64),
    ("sha512", Algorithm::Sha512, 128),
    ("blake3", Algorithm::Blake3, 64),
];

impl Leaf for Checksum {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a checksum", &["string"])
        .like(&["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
        .pattern("^(sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128}|blake3:[0-9a-fA-F]{64})$");

    fn parse(text: &str) -> Result<Self, String> {
        let (name, digits) = text.split_once(':').ok_or("write `sha256:` before it")?;
        let known = ALGORITHMS.iter().find(|(known, ..)| *known == name);
        let (_, algorithm, length) = known.ok_or("use sha256, sha512 or blake3")?;
        if digits.len() != *length || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(format!("{name} has {length} hexadecimal digits"));
        }
        Ok(Self { algorithm: *algorithm, digits: digits.to_ascii_lowercase() })
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ALGORITHMS.iter().find(|(_, algorithm, _)| *algorithm == self.algorithm);
        write!(f, "{}:{}", name.map_or("", |(name, ..)| name), self.digits)
    }
}

/// Returns the checksum of a file, made as another one was.
pub(super) async fn of(path: PathBuf, like: &Checksum) -> Result<Checksum, Fault> {
    let algorithm = like.algorithm;
    beside(move |stop| {
        let failed = |error| disk::fault("read", &path, &error);
        let mut file = stop.watch(File::open(&path).map_err(failed)?);
        let digits = match algorithm {
            Algorithm::Sha256 => digits(&hashed::<Sha256>(&mut file).map_err(failed)?),
            Algorithm::Sha512 => digits(&hashed::<Sha512>(&mut file).map_err(failed)?),
            Algorithm::Blake3 => {
                let mut hasher = blake3::Hasher::new();
                std::io::copy(&mut file, &mut hasher).map_err(failed)?;
                hasher.finalize().to_hex().to_string()
            }
        };
        Ok(Checksum { algorithm, digits })
    })
    .await
}

/// Returns what tells an archive from any other.
pub(super) async fn digest(path: PathBuf) -> Result<Digest, Fault> {
    let (algorithm, digits) = (Algorithm::Blake3, String::new());
    let checksum = of(path, &Checksum { algorithm, digits }).await?;
    Ok(Digest::of(checksum.digits.as_bytes()))
}

fn hashed<D: sha2::Digest>(file: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let (mut hasher, mut buffer) = (D::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().to_vec()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Nothing can fail: it is written into memory.
        _ = write!(text, "{byte:02x}");
        text
    })
}
