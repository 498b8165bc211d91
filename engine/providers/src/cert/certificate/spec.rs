//! The keys and attributes of `cert.certificate`.

use language::{Duration, Keys, Spec};

use crate::cert::authority::check_term;
use crate::cert::issue::Usage;
use crate::cert::keys::KeyType;
use crate::cert::name::CertName;

/// A certificate with its key, signed by an authority on this machine and renewed before it ends. Its
/// files change in one step: whoever opens them through `current` sees a key and a certificate that
/// belong together, and `bundle.pem` is both in one file.
#[derive(Clone, Debug, Spec)]
#[spec(check = check)]
pub struct CertificateSpec {
    /// The folder for its files.
    #[spec(replaces)]
    pub path: String,
    /// The certificate of who signs it: `${ca.certificate_path}` of a `cert.authority`, any other
    /// authority's, or the folder of an authority. By its reference it follows an authority that is
    /// renewed or replaced, in the same apply.
    pub authority: String,
    /// The authority's private key; without it `key.pem` beside its certificate.
    pub authority_key: Option<String>,
    /// What it is valid for: host names, `*.` for all names below one, and addresses. The first one is
    /// its common name.
    pub names: Vec<CertName>,
    /// What it is used for.
    #[spec(default = "[server]")]
    pub usage: Vec<Usage>,
    /// The type of its key.
    #[spec(default = "ecdsa-p256")]
    pub key_type: KeyType,
    /// How many days it is valid; less if its authority ends before.
    #[spec(default = "90")]
    pub days: u32,
    /// How long before its end a new one is made, with a new key; without it a third of its days. It
    /// is made by the first apply in that time.
    pub renew_before: Option<Duration>,
}

/// What it gives. The paths stay the same when it is renewed.
#[derive(Debug, Spec)]
pub struct CertificateObject {
    /// The certificate alone.
    #[spec(follows = "")]
    pub certificate_path: String,
    /// The certificate with its authority's behind it: what a server shows.
    #[spec(follows = "")]
    pub chain_path: String,
    /// Its private key, which its owner alone may read.
    #[spec(follows = "")]
    pub key_path: String,
    /// Chain and key in one file, which its owner alone may read.
    #[spec(follows = "")]
    pub bundle_path: String,
    /// The SHA-256 hash of the certificate, as browsers show it.
    #[spec(follows = "authority, authority_key, names, usage, key_type, days, renewal, files")]
    pub fingerprint: String,
    /// When it ends: `2027-02-18T10:00:00Z`.
    #[spec(follows = "authority, authority_key, names, usage, key_type, days, renewal, files")]
    pub not_after: String,
    /// The serial number of the certificate.
    #[spec(follows = "authority, authority_key, names, usage, key_type, days, renewal, files")]
    pub serial: String,
    /// Whether it is time for a new one.
    pub renewal: String,
    /// What is wrong with its files, or `sound`.
    pub files: String,
}

fn check(spec: &CertificateSpec, keys: &mut Keys<'_, '_, '_>) {
    crate::disk::check_own(keys, "path", &spec.path);
    if spec.names.is_empty() {
        keys.refuse("names", "a certificate needs a name");
    }
    if let Some(twice) = crate::dns::twice(&spec.names) {
        keys.refuse("names", format!("`{}` stands here twice", twice.0));
    }
    if spec.usage.is_empty() {
        keys.refuse("usage", "write `server`, `client` or both");
    }
    if crate::dns::twice(&spec.usage).is_some() {
        keys.refuse("usage", "a use stands here twice");
    }
    check_term(spec.days, spec.renew_before, keys);
}
