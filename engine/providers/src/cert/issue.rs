//! Certificates, made and signed.
//!
//! It must not read or write files.

use std::time::Duration;

use model::{Context, Fault};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};

use super::name::CertName;
use super::term::Term;

/// The longest common name (RFC 5280, appendix A.1).
pub(super) const LONGEST_COMMON_NAME: usize = 64;

/// What a certificate is for (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, language::Spec)]
pub enum Usage {
    /// To show who serves.
    Server,
    /// To show who asks.
    Client,
}

impl Usage {
    /// Returns the word that stands for it in files.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    fn purpose(self) -> ExtendedKeyUsagePurpose {
        match self {
            Self::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Self::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }
    }
}

/// Makes the certificate of an authority, signed by itself. It may sign certificates, but no other
/// authorities.
pub(super) fn authority(
    context: &Context,
    common_name: &str,
    organisation: Option<&str>,
    term: Term,
    key: &KeyPair,
) -> Result<Certificate, Fault> {
    let mut params = params(context, term);
    params.distinguished_name.push(DnType::CommonName, common_name);
    if let Some(organisation) = organisation {
        params.distinguished_name.push(DnType::OrganizationName, organisation);
    }
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.self_signed(key).map_err(unsigned)
}

/// Makes a certificate for names, signed by an authority.
pub(super) fn certificate(
    context: &Context,
    names: &[CertName],
    usage: &[Usage],
    term: Term,
    key: &KeyPair,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<Certificate, Fault> {
    let mut params = params(context, term);
    if let Some(first) = names.iter().find(|name| name.0.len() <= LONGEST_COMMON_NAME) {
        params.distinguished_name.push(DnType::CommonName, first.0.as_str());
    }
    for name in names {
        params.subject_alt_names.push(match name.address() {
            Some(address) => SanType::IpAddress(address),
            None => SanType::DnsName(name.0.as_str().try_into().map_err(unsigned)?),
        });
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = usage.iter().map(|usage| usage.purpose()).collect();
    params.use_authority_key_identifier_extension = true;
    params.signed_by(key, issuer).map_err(unsigned)
}

fn params(context: &Context, term: Term) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let after = |second: i64| epoch + Duration::from_secs(second.try_into().unwrap_or_default());
    params.not_before = after(term.from);
    params.not_after = after(term.until);
    params.serial_number = Some(serial(context));
    params
}

/// 127 bits that nobody can guess, above zero (RFC 5280 §4.1.2.2).
fn serial(context: &Context) -> SerialNumber {
    let mut bytes = [0; 16];
    context.site.random.fill(&mut bytes);
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn unsigned(error: rcgen::Error) -> Fault {
    Fault::broken(format!("the certificate was not signed: {error}"))
}
