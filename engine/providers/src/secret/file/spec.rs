//! The keys and attributes of `secret.file`.

use std::collections::BTreeMap;
use std::str::FromStr;

use language::scalar::{FilePath, Mode};
use language::shape::ScalarShape;
use language::{Keys, Leaf, Spec, Text};

/// A file of named values, encrypted with age for those who may read it.
#[derive(Debug, Spec)]
#[spec(check = check)]
pub struct FileSpec {
    /// Where it stands: relative to the project, or absolute. Folders above it are made with mode
    /// 0755 and stay when it goes.
    #[spec(replaces)]
    pub path: FilePath,
    /// Who can decrypt it: public keys of age, as `age-keygen -y` prints them.
    pub recipients: Vec<Recipient>,
    /// The values by name. What is decrypted is one JSON object of texts.
    pub values: BTreeMap<String, Text>,
    /// Who may do what with the file.
    #[spec(default = "0600")]
    pub mode: Mode,
    /// Takes over a file that is there already, and overwrites it.
    #[spec(default = "false")]
    pub adopt: bool,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct FileObject {
    /// Its absolute path.
    #[spec(follows = "")]
    pub full_path: String,
    /// A hash of the encrypted file.
    #[spec(follows = "recipients, values")]
    pub digest: String,
}

/// A public key of age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient(pub String);

impl Leaf for Recipient {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a public key of age", &["string"])
        .like(&["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"])
        .pattern("^age1[a-z0-9]+$");

    fn parse(text: &str) -> Result<Self, String> {
        if text.to_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(
                "this is the secret half: write the public one, which begins with `age1`, \
                and take this one out of the file"
                    .to_owned(),
            );
        }
        age::x25519::Recipient::from_str(text).map(|_| Self(text.to_owned())).map_err(|why| {
            format!("a public key begins with `age1` and ends with a checksum: {why}")
        })
    }
}

fn check(spec: &FileSpec, keys: &mut Keys<'_, '_, '_>) {
    crate::disk::check_own_file(keys, "path", &spec.path.0);
    if spec.recipients.is_empty() {
        keys.refuse("recipients", "nobody could decrypt it");
    }
}
