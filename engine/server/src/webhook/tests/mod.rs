#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod deliveries;
mod vectors;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use model::SecretText;
use ring::hmac;

use super::*;

/// What a test believes to be now, in seconds: that of the vector of Standard Webhooks.
const NOW: u64 = 1_614_265_330;

fn key(provider: Provider, secret: &str) -> Key {
    Key::new(provider, &SecretText::new(secret)).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pairs = [("content-type", "application/json")].iter().chain(pairs);
    let header = |(name, value): &(&str, &str)| {
        (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.map(header) {
        headers.append(name, value);
    }
    headers
}

fn hex(secret: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body);
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A signature of Standard Webhooks, as a sender makes it.
fn standard(secret: &str, id: &str, time: u64, body: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{id}.{time}.{body}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}
