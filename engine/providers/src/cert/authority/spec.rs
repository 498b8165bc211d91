//! The keys and attributes of `cert.authority`.

use language::{Duration, Keys, Spec};

use crate::cert::issue::LONGEST_COMMON_NAME;
use crate::cert::keys::KeyType;

/// The most days that make sense.
const MOST_DAYS: u32 = 36_500;

/// A certificate authority of one's own, for names that no public one vouches for. Whoever trusts its
/// certificate trusts what it signs. Its key stays in its file, which its owner alone may read.
#[derive(Clone, Debug, Spec)]
#[spec(check = check)]
pub struct AuthoritySpec {
    /// The folder for its files. `current/certificate.pem` in it is the certificate to trust.
    #[spec(replaces)]
    pub path: String,
    /// The name by which people know it in their browser's list.
    #[spec(replaces)]
    pub common_name: String,
    /// Whose it is.
    #[spec(replaces)]
    pub organisation: Option<String>,
    /// The type of its key.
    #[spec(replaces, default = "ecdsa-p256")]
    pub key_type: KeyType,
    /// How many days it is valid.
    #[spec(default = "3650")]
    pub days: u32,
    /// How long before its end it gets a new certificate, for the same key; without it a third of its
    /// days. What it has signed stays valid and is signed anew.
    pub renew_before: Option<Duration>,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct AuthorityObject {
    /// Its certificate. A new one has another path, so that what refers to it follows;
    /// `current/certificate.pem` in the folder is always the newest.
    #[spec(follows = "days, renewal, files")]
    pub certificate_path: String,
    /// Its private key, beside the certificate.
    #[spec(follows = "days, renewal, files")]
    pub key_path: String,
    /// The SHA-256 hash of its certificate, as browsers show it.
    #[spec(follows = "days, renewal, files")]
    pub fingerprint: String,
    /// When it ends: `2036-11-18T10:00:00Z`.
    #[spec(follows = "days, renewal, files")]
    pub not_after: String,
    /// The serial number of its certificate.
    #[spec(follows = "days, renewal, files")]
    pub serial: String,
    /// Whether it is time for a new one.
    #[spec(follows = "days, renewal, files, renew_before")]
    pub renewal: String,
    /// What is wrong with its files, or `sound`.
    #[spec(follows = "days, renewal, files")]
    pub files: String,
}

fn check(spec: &AuthoritySpec, keys: &mut Keys<'_, '_, '_>) {
    crate::disk::check_own(keys, "path", &spec.path);
    let names =
        [("common_name", Some(&spec.common_name)), ("organisation", spec.organisation.as_ref())];
    for (key, name) in names {
        if let Some(Err(why)) = name.map(|name| name_fits(name)) {
            keys.refuse(key, why);
        }
    }
    check_term(spec.days, spec.renew_before, keys);
}

fn name_fits(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    match length {
        _ if name.trim().is_empty() => Err("a name is needed".to_owned()),
        _ if name.chars().any(char::is_control) => Err("a name stands on one line".to_owned()),
        length if length > LONGEST_COMMON_NAME => {
            Err(format!("at most {LONGEST_COMMON_NAME} characters, this has {length}"))
        }
        _ => Ok(()),
    }
}

/// Refuses a term that makes no sense.
pub(in crate::cert) fn check_term(
    days: u32,
    renew_before: Option<Duration>,
    keys: &mut Keys<'_, '_, '_>,
) {
    if !(1..=MOST_DAYS).contains(&days) {
        keys.refuse("days", format!("1 to {MOST_DAYS} days"));
    }
    if renew_before.is_some_and(|before| before.0.as_secs() >= u64::from(days) * 86_400) {
        keys.refuse("renew_before", "this is as long as it is valid: it would always be due");
    }
}
