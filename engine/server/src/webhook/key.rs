//! The secret that a provider and this server share, made ready for use.
//!
//! It must not show it: not in `Debug`, not in an error.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::SecretText;
use ring::hmac;

use super::provider::Provider;

/// What a signing token begins with (Standard Webhooks, "Signature scheme").
const SIGNING: &str = "whsec_";

/// How deliveries of one repository are known to be true.
pub struct Key {
    provider: Provider,
    pub(super) scheme: Scheme,
}

/// How a provider proves that it is the sender.
pub(super) enum Scheme {
    /// HMAC-SHA256 of the body, in hexadecimal (GitHub, Gitea).
    Body(hmac::Key),
    /// The secret itself as a header (GitLab, `X-Gitlab-Token`).
    Token(SecretText),
    /// HMAC-SHA256 of id, time and body, in Base64 (GitLab's signing token, Standard Webhooks).
    Standard(hmac::Key),
}

/// Why a secret cannot be one. It does not show the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Whoever knows nothing could sign with it.
    Empty,
    /// It begins like a signing token and is none.
    NotASigningToken,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the secret of the webhook is empty: anybody could sign with it",
            Self::NotASigningToken => {
                "the secret begins with `whsec_`, as GitLab's signing tokens do, and what follows is \
                 not Base64: copy the whole token"
            }
        })
    }
}

impl std::error::Error for KeyError {}

impl Key {
    /// Makes a secret ready. GitLab has two kinds: one that begins with `whsec_` is a signing token, and
    /// then nothing else is believed, so that nobody can fall back to the weaker way.
    ///
    /// # Errors
    /// It is empty, or only begins like a signing token.
    pub fn new(provider: Provider, secret: &SecretText) -> Result<Self, KeyError> {
        let text = secret.expose();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        let scheme = match (provider, text.strip_prefix(SIGNING)) {
            (Provider::Github | Provider::Gitea, _) => Scheme::Body(hmac_key(text.as_bytes())),
            (Provider::Gitlab, None) => Scheme::Token(secret.clone()),
            (Provider::Gitlab, Some(rest)) => {
                let bytes = zeroize::Zeroizing::new(STANDARD.decode(rest).unwrap_or_default());
                if bytes.is_empty() {
                    return Err(KeyError::NotASigningToken);
                }
                Scheme::Standard(hmac_key(&bytes))
            }
        };
        Ok(Self { provider, scheme })
    }

    /// Returns whose key it is.
    pub fn provider(&self) -> Provider {
        self.provider
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, secret)", self.provider)
    }
}

pub(super) fn hmac_key(bytes: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}
