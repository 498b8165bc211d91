//! What a provider tells of a repository that is followed: whether it is true, and what it says.
//!
//! A delivery is a hint and no more: it says where to look now, and what is run is what the repository
//! itself holds. So the worst that a stolen delivery can do is a look. The body is believed only once its
//! signature holds, over the very bytes that came. What is refused is told in as few words as its sender
//! needs to mend it, and nothing that would help who guesses. It must not keep or log a secret.

mod event;
mod key;
mod provider;
mod receive;
mod refusal;
mod signature;

pub use event::{Event, Moved, Target};
pub use key::{Key, KeyError};
pub use provider::Provider;
pub(crate) use receive::{Hooks, receive};
pub use refusal::Refusal;

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;

/// The most bytes that a body may have: what GitHub sends at most
/// (docs.github.com, "Webhook events and payloads"), and what GitLab does by default.
pub const MOST: usize = 25 * 1024 * 1024;

/// The longest id of a delivery that is believed to be one. Those in use are UUIDs.
const LONGEST_ID: usize = 128;

/// A delivery that is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What it is known by: the id that its sender gives it, where it gives one, and the digest of its
    /// body, since a signature need not cover the id. It is an old one if any of them is known.
    pub known_by: Vec<String>,
    /// What it says.
    pub event: Event,
}

/// Looks at what stands before the body: whether it is worth reading at all.
///
/// # Errors
/// It is no JSON, or nothing in it could be a signature.
pub fn foresee(key: &Key, headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::NotJson);
    }
    signature::is_there(key, headers).then_some(()).ok_or(Refusal::Forged)
}

/// Looks at a delivery with its body, as it came. `now` is in seconds since 1970.
///
/// # Errors
/// Its signature does not hold, it is too old, or its body is not what the provider sends.
pub fn examine(key: &Key, headers: &HeaderMap, body: &[u8], now: u64) -> Result<Heard, Refusal> {
    foresee(key, headers)?;
    if body.len() > MOST {
        return Err(Refusal::TooLarge);
    }
    signature::verify(key, headers, body, now)?;
    let provider = key.provider();
    let event = event::read(provider, headers, body).ok_or(Refusal::Unreadable)?;
    let id = provider.delivery_id(headers).filter(|id| id.len() <= LONGEST_ID);
    let digest = format!("body {}", blake3::hash(body).to_hex());
    let known_by = id.map(|id| format!("id {id}")).into_iter().chain([digest]).collect();
    Ok(Heard { known_by, event })
}

#[cfg(test)]
mod tests;
