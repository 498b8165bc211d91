//! Who signs: an authority's certificate and key, as they lie on this machine.
//!
//! It must not change them.

use std::fs;
use std::path::{Path, PathBuf};

use model::{Context, Fault};
use rcgen::{Issuer, KeyPair};

use super::CertificateSpec;
use crate::cert::facts::{self, Facts};
use crate::cert::keys::{self, Unusable};
use crate::cert::look::{CERTIFICATE, KEY};
use crate::cert::term::{Term, date, moment};
use crate::disk;

/// An authority that can sign.
pub(super) struct Signer {
    pub(super) issuer: Issuer<'static, KeyPair>,
    /// Its certificate, and those behind it, as PEM.
    pub(super) chain: String,
    pub(super) term: Term,
}

impl Signer {
    /// Takes up the authority that a spec names.
    ///
    /// # Errors
    /// It is not there, is no authority, has ended or not begun, or its key is another's.
    pub(super) fn of(context: &Context, spec: &CertificateSpec, now: i64) -> Result<Self, Fault> {
        let (text, chain) = Self::certificates(context, spec)?;
        let shown = &spec.authority;
        let facts = &chain[0];
        if !facts.authority {
            return Err(Fault::refused(format!(
                "{shown} is a certificate, but not an authority's"
            ))
            .help("only what a cert.authority has made, or its like, can sign"));
        }
        if facts.term.until <= now {
            let ended = date(facts.term.until);
            return Err(Fault::refused(format!("the authority {shown} ended on {ended}"))
                .help("renew it, then apply again"));
        }
        if now < facts.term.from {
            let begins = moment(facts.term.from);
            return Err(Fault::refused(format!(
                "the authority {shown} is valid only from {begins} on"
            ))
            .help("is this machine's clock right? If so renew the authority, then apply again"));
        }
        let key = key(context, spec, facts)?;
        let unreadable = |error| Fault::refused(format!("{shown} cannot sign: {error}"));
        let issuer =
            Issuer::from_ca_cert_der(&facts.der.as_slice().into(), key).map_err(unreadable)?;
        Ok(Self { issuer, chain: certificates_alone(&text), term: facts.term })
    }

    /// Reads the certificates of the authority: its own and those behind it.
    pub(super) fn certificates(
        context: &Context,
        spec: &CertificateSpec,
    ) -> Result<(String, Vec<Facts>), Fault> {
        let shown = &spec.authority;
        let place = certificate_place(context, spec);
        let text = disk::read(&place).map_err(|error| disk::fault("read", shown, &error))?;
        let text = text.ok_or_else(|| {
            Fault::refused(format!("there is no authority at {shown}"))
                .help("refer to it, so that it is made first: `authority: ${ca.certificate_path}`")
        })?;
        let chain = facts::all(&text).filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| {
            Fault::refused(format!("{shown} is not a certificate"))
                .help("the certificate of an authority is wanted here, as PEM")
        })?;
        Ok((text, chain))
    }
}

/// A folder stands for the authority in it. What `current` leads to is settled here, so that its
/// certificate and its key are of the same version.
fn certificate_place(context: &Context, spec: &CertificateSpec) -> PathBuf {
    let place = context.place(&spec.authority);
    if !place.is_dir() {
        return place;
    }
    let current = place.join("current");
    fs::canonicalize(&current).unwrap_or(current).join(CERTIFICATE)
}

fn key(context: &Context, spec: &CertificateSpec, facts: &Facts) -> Result<KeyPair, Fault> {
    let beside = || {
        let certificate = certificate_place(context, spec);
        // A link to a certificate leads to its key.
        let certificate = fs::canonicalize(&certificate).unwrap_or(certificate);
        certificate.with_file_name(KEY)
    };
    let place = spec.authority_key.as_ref().map_or_else(beside, |key| context.place(key));
    let shown = spec.authority_key.clone().unwrap_or_else(|| {
        let project = &context.site.project;
        place.strip_prefix(project).unwrap_or(&place).display().to_string()
    });
    match keys::load(&place) {
        Ok(key) if keys::fits(&key, facts) => Ok(key),
        Ok(_) => {
            Err(Fault::refused(format!("the key {shown} does not belong to {}", spec.authority))
                .help(
                    "name the key that the authority's certificate was made with: `authority_key`",
                ))
        }
        Err(Unusable::Gone) => Err(Fault::refused(format!("there is no key at {shown}"))
            .help("say where the authority's key is: `authority_key`")),
        Err(Unusable::Unreadable(error)) => Err(disk::fault("read", Path::new(&shown), &error)),
        Err(Unusable::NoKey) => Err(Fault::refused(format!("{shown} is not a private key"))
            .help(format!("PKCS #8 as PEM is wanted: openssl pkcs8 -topk8 -nocrypt -in {shown}"))),
    }
}

/// Leaves out whatever else stands in a file of certificates: comments, or a key.
fn certificates_alone(text: &str) -> String {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let mut alone = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(begin) {
        let Some(length) = rest[at..].find(end) else { break };
        let stop = at + length + end.len();
        alone.push_str(&rest[at..stop]);
        alone.push('\n');
        rest = &rest[stop..];
    }
    alone
}
