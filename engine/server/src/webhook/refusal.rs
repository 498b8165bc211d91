//! Why a delivery was refused: a status, and words that help an honest sender and nobody else.

use std::fmt;

use hyper::StatusCode;

/// Why a delivery was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No repository of this name takes webhooks. Whether there is one is not told.
    Unknown,
    /// It is no `POST`.
    NotPost,
    /// It is not sent as JSON.
    NotJson,
    /// It has more than [`super::MOST`] bytes.
    TooLarge,
    /// It ended before all of it was there.
    CutShort,
    /// All of it took too long to come.
    Slow,
    /// Its signature is missing, or is not that of these bytes under this secret.
    Forged,
    /// Its signature holds, and is too old or from the future.
    Stale,
    /// It is signed, and is not what the provider says that it sends.
    Unreadable,
}

impl Refusal {
    /// Returns the status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CutShort | Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Forged | Self::Stale => StatusCode::UNAUTHORIZED,
        }
    }

    /// Returns one word for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotPost => "method",
            Self::NotJson => "type",
            Self::TooLarge => "size",
            Self::CutShort => "cut_short",
            Self::Slow => "slow",
            Self::Forged => "forged",
            Self::Stale => "stale",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no repository here takes webhooks under this address",
            Self::NotPost => "a webhook is sent with POST",
            Self::NotJson => "set the content type of the webhook to application/json",
            Self::TooLarge => "the body is larger than 25 MiB, and no push needs that",
            Self::CutShort => "the body ended before all of it had come",
            Self::Slow => "the body took too long to come",
            Self::Forged => {
                "the signature is missing or wrong: is the secret the same on both sides?"
            }
            Self::Stale => "the signature is too old, or the clocks differ by more than 5 minutes",
            Self::Unreadable => "the body is not what this provider sends for this event",
        })
    }
}

impl std::error::Error for Refusal {}
