//! Encrypting named values for those who may read them.
//!
//! The plain text is wiped from memory when it has been encrypted.

use std::io::{self, Write};
use std::str::FromStr;

use age::armor::{ArmoredWriter, Format};
use age::x25519::Recipient;
use model::secret::revealed;
use model::{Fault, Secrets, Tree, Value};
use zeroize::Zeroizing;

use super::spec::FileSpec;

/// Returns the encrypted file, as text (the armor of age).
pub(super) fn sealed(spec: &FileSpec, secrets: &dyn Secrets) -> Result<Vec<u8>, Fault> {
    let plain = plain(spec, secrets)?;
    encrypted(&plain, &recipients(spec))
        .map_err(|error| Fault::broken(format!("cannot be encrypted: {error}")))
}

/// Returns who can decrypt it, sorted and each once: their order means nothing.
pub(super) fn recipients(spec: &FileSpec) -> Vec<String> {
    let mut keys: Vec<String> = spec.recipients.iter().map(|key| key.0.clone()).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Returns what may be kept of the values. Also those without a secret in them are hashed: they
/// stand here to be hidden.
pub(super) fn hashes(spec: &FileSpec, secrets: &dyn Secrets) -> Result<Tree, Fault> {
    let hash = |(name, text): (&String, &language::Text)| {
        let text = revealed(secrets, text)?;
        Ok((name.clone(), Value::Sealed(secrets.hash(text.expose()))))
    };
    spec.values.iter().map(hash).collect()
}

fn plain(spec: &FileSpec, secrets: &dyn Secrets) -> Result<Zeroizing<String>, Fault> {
    let quoted = |text: &str| Zeroizing::new(serde_json::to_string(text).unwrap_or_default());
    let mut plain = Zeroizing::new("{".to_owned());
    for (index, (name, text)) in spec.values.iter().enumerate() {
        plain.push_str(if index == 0 { "\n  " } else { ",\n  " });
        plain.push_str(&quoted(name));
        plain.push_str(": ");
        plain.push_str(&quoted(revealed(secrets, text)?.expose()));
    }
    plain.push_str("\n}\n");
    Ok(plain)
}

fn encrypted(plain: &str, recipients: &[String]) -> io::Result<Vec<u8>> {
    let keys = recipients.iter().map(|key| Recipient::from_str(key));
    let keys = keys.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
    let keys = keys.iter().map(|key| key as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(keys).map_err(io::Error::other)?;
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(plain.as_bytes())?;
    writer.finish()?.finish()
}
