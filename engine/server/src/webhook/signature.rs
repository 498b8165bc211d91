//! Whether a delivery comes from who shares the secret. Every comparison takes the same time, whatever is
//! compared.
//!
//! Sources: docs.github.com, "Validating webhook deliveries"; docs.gitea.com, "Webhooks", "Validating
//! deliveries"; docs.gitlab.com, "Webhooks"; the Standard Webhooks specification, "Signature scheme".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use ring::hmac;

use super::key::{Key, Scheme, hmac_key};
use super::provider::{Provider, only};
use super::refusal::Refusal;

/// How far the sender's clock and this one may be apart, in seconds: what the reference implementation
/// of Standard Webhooks allows.
const WINDOW: u64 = 5 * 60;

/// While a secret is changed there are two signatures. More than this is somebody who tries.
const MOST_SIGNATURES: usize = 8;

/// Whether something stands where a signature should.
pub(super) fn is_there(key: &Key, headers: &HeaderMap) -> bool {
    match &key.scheme {
        Scheme::Body(_) => digest(key.provider(), headers).is_some(),
        Scheme::Token(_) => only(headers, "x-gitlab-token").is_some(),
        Scheme::Standard(_) => Signed::of(headers).is_some(),
    }
}

pub(super) fn verify(key: &Key, headers: &HeaderMap, body: &[u8], now: u64) -> Result<(), Refusal> {
    let holds = match &key.scheme {
        Scheme::Body(key_of_body) => digest(key.provider(), headers)
            .is_some_and(|digest| hmac::verify(key_of_body, body, &digest).is_ok()),
        Scheme::Token(secret) => {
            let token = only(headers, "x-gitlab-token").unwrap_or_default();
            are_equal(secret.expose().as_bytes(), token.as_bytes())
        }
        Scheme::Standard(key) => return standard(key, headers, body, now),
    };
    if holds { Ok(()) } else { Err(Refusal::Forged) }
}

/// Returns what GitHub and Gitea send: the first of these headers that is there counts, and no other can
/// rescue it. Gitea has sent GitHub's header as well since 1.14, and Forgejo has one of its own.
fn digest(provider: Provider, headers: &HeaderMap) -> Option<[u8; 32]> {
    let names: &[&str] = match provider {
        Provider::Github => &["x-hub-signature-256"],
        _ => &["x-gitea-signature", "x-forgejo-signature", "x-hub-signature-256"],
    };
    let name = names.iter().find(|name| headers.contains_key(**name))?;
    let text = only(headers, name)?;
    let digits = if *name == "x-hub-signature-256" { text.strip_prefix("sha256=")? } else { text };
    from_hex(digits)
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

/// Both are hashed under one key first, so that not even their lengths can be told from the time.
fn are_equal(one: &[u8], other: &[u8]) -> bool {
    let key = hmac_key(b"windlass: are these texts equal?");
    hmac::verify(&key, other, hmac::sign(&key, one).as_ref()).is_ok()
}

/// What Standard Webhooks send beside the body.
struct Signed<'h> {
    id: &'h str,
    time: &'h str,
    signatures: &'h str,
}

impl<'h> Signed<'h> {
    fn of(headers: &'h HeaderMap) -> Option<Self> {
        let [id, time, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"]
            .map(|name| only(headers, name).filter(|text| !text.is_empty()));
        Some(Self { id: id?, time: time?, signatures: signatures? })
    }
}

/// The time is looked at last: who cannot sign is not told how old is too old.
fn standard(key: &hmac::Key, headers: &HeaderMap, body: &[u8], now: u64) -> Result<(), Refusal> {
    let Signed { id, time, signatures } = Signed::of(headers).ok_or(Refusal::Forged)?;
    let mut signed = hmac::Context::with_key(key);
    for part in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
        signed.update(part);
    }
    let right = signed.sign();
    let given = signatures.split(' ').take(MOST_SIGNATURES);
    let given = given.filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    // All of them are compared, so that the time does not tell which one it was.
    let holds = given.fold(false, |holds, one| are_equal(right.as_ref(), &one) | holds);
    let then: Option<u64> = time.parse().ok();
    match then {
        _ if !holds => Err(Refusal::Forged),
        Some(then) if then.abs_diff(now) <= WINDOW => Ok(()),
        _ => Err(Refusal::Stale),
    }
}
