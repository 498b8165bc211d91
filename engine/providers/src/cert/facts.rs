//! What a certificate says.
//!
//! It must not judge: who reads it knows what it should say.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;
use zeroize::Zeroizing;

use super::term::Term;

/// The parts of a certificate that matter here.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) der: Vec<u8>,
    /// SHA-256, as browsers show it: `a1:7f:…`.
    pub(super) fingerprint: String,
    /// As browsers show it.
    pub(super) serial: String,
    pub(super) term: Term,
    pub(super) common_name: Option<String>,
    pub(super) organisation: Option<String>,
    /// Sorted.
    pub(super) names: Vec<String>,
    /// Sorted: `client`, `server`.
    pub(super) usage: Vec<String>,
    pub(super) authority: bool,
    /// With its algorithm, as DER.
    pub(super) public_key: Vec<u8>,
    /// As [`super::keys::KeyType::word`], where it is one of those.
    pub(super) key_type: &'static str,
}

/// Reads the first certificate of a file; None: there is none in it.
pub(super) fn first(text: &str) -> Option<Facts> {
    all(text)?.into_iter().next()
}

/// Reads every certificate of a file; None: something in it is not one.
pub(super) fn all(text: &str) -> Option<Vec<Facts>> {
    let parts = Pem::iter_from_buffer(text.as_bytes()).collect::<Result<Vec<_>, _>>().ok()?;
    // A key beside it is passed over, and wiped with the rest of the text.
    let certificates = parts.into_iter().filter_map(|part| {
        if part.label == "CERTIFICATE" {
            return Some(part.contents);
        }
        drop(Zeroizing::new(part.contents));
        None
    });
    certificates.map(|der| of(&der)).collect()
}

/// Returns whether one certificate was signed by another.
pub(super) fn is_signed_by(facts: &Facts, issuer: &Facts) -> bool {
    let parsed = X509Certificate::from_der(&facts.der).ok();
    let Some(((_, one), (_, by))) = parsed.zip(X509Certificate::from_der(&issuer.der).ok()) else {
        return false;
    };
    one.issuer() == by.subject() && one.verify_signature(Some(by.public_key())).is_ok()
}

fn of(der: &[u8]) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let term =
        Term { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() };
    let mut names = names(&certificate);
    names.sort();
    Some(Facts {
        der: der.to_vec(),
        fingerprint: colons(&Sha256::digest(der)),
        serial: colons(certificate.raw_serial()),
        term,
        common_name: part(certificate.subject(), X509Name::iter_common_name),
        organisation: part(certificate.subject(), X509Name::iter_organization),
        names,
        usage: usage(&certificate),
        authority: certificate.is_ca(),
        public_key: certificate.public_key().raw.to_vec(),
        key_type: key_type(&certificate),
    })
}

fn part<'n, I>(name: &'n X509Name<'n>, of: impl FnOnce(&'n X509Name<'n>) -> I) -> Option<String>
where
    I: Iterator<Item = &'n x509_parser::x509::AttributeTypeAndValue<'n>>,
{
    of(name).next()?.as_str().ok().map(str::to_owned)
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.into_iter().flat_map(|extension| &extension.value.general_names);
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    };
    names.filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    four.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

fn usage(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.extended_key_usage().ok().flatten();
    let Some(usage) = extension.map(|extension| extension.value) else { return Vec::new() };
    let uses = [("client", usage.client_auth), ("server", usage.server_auth)];
    uses.into_iter().filter(|(_, is)| *is).map(|(word, _)| word.to_owned()).collect()
}

fn key_type(certificate: &X509Certificate<'_>) -> &'static str {
    use super::keys::KeyType;
    let algorithm = &certificate.public_key().algorithm;
    let curve = algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
    match algorithm.algorithm.to_id_string().as_str() {
        "1.3.101.112" => KeyType::Ed25519.word(),
        "1.2.840.10045.2.1"
            if curve.is_some_and(|curve| curve.to_id_string() == "1.2.840.10045.3.1.7") =>
        {
            KeyType::EcdsaP256.word()
        }
        "1.2.840.10045.2.1" => "ecdsa",
        "1.2.840.113549.1.1.1" => "rsa",
        _ => "another",
    }
}

fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
