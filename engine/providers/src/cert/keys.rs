//! Private keys: made, written and read here.
//!
//! Their text must not be handed on to anything but their file.

use std::path::Path;

use language::Spec;
use model::context::Random;
use model::{Fault, SecretText};
use rcgen::{KeyPair, PublicKeyData};
use zeroize::Zeroizing;

use super::facts::Facts;
use crate::disk;

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum KeyType {
    /// ECDSA on the curve P-256, which everything understands.
    EcdsaP256,
    /// Ed25519, which browsers do not understand yet.
    Ed25519,
}

impl KeyType {
    /// Returns the word that stands for it in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Makes a key.
    pub(super) fn make(self, random: &dyn Random) -> Result<KeyPair, Fault> {
        let made = match self {
            // The scalar must suit the curve: ring finds one, with the system's randomness.
            Self::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::Ed25519 => {
                // In RFC 8410's plain form: the one with the public key in it, which ring would write,
                // is not read by OpenSSL 3.0.
                let mut der = Zeroizing::new([0; 48]);
                der[..16].copy_from_slice(&ED25519);
                random.fill(&mut der[16..]);
                KeyPair::try_from(&der[..])
            }
        };
        made.map_err(|_| Fault::broken("no key could be made"))
    }
}

/// What comes before the 32 secret bytes (RFC 8410 §7).
const ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Why a key cannot be used.
pub(super) enum Unusable {
    /// There is no such file.
    Gone,
    /// It cannot be read.
    Unreadable(std::io::Error),
    /// It is something else.
    NoKey,
}

/// Reads a key.
pub(super) fn load(path: &Path) -> Result<KeyPair, Unusable> {
    let text = match disk::read(path) {
        Ok(Some(text)) => SecretText::new(text),
        Ok(None) => return Err(Unusable::Gone),
        Err(error) => return Err(Unusable::Unreadable(error)),
    };
    // What the parser says might quote what it read.
    KeyPair::from_pem(text.expose()).map_err(|_| Unusable::NoKey)
}

/// Returns the text of a key, to be written into its file.
pub(super) fn text(key: &KeyPair) -> SecretText {
    SecretText::new(key.serialize_pem())
}

/// Returns whether key and certificate belong together.
pub(super) fn fits(key: &KeyPair, facts: &Facts) -> bool {
    key.subject_public_key_info() == facts.public_key
}
