//! Names: of things, and of single effects on them.
//!
//! It must not know what stands behind a name.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::value::Digest;

/// The name of one thing within its stack or pipeline: `web`, `leader[0]`, `site@3` (what generation
/// 3 of `site` left behind), `unit[3.12]`. Cheap to copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address(Arc<str>);

impl Address {
    /// Returns the text of the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name that stands in the file: `leader` of `leader[0]` and of `leader[0]@3`.
    pub fn block(&self) -> &str {
        block_of(&self.0)
    }
}

/// Returns the name that stands in the file: `leader` of `leader[0]` and of `leader[0]@3`.
pub fn block_of(address: &str) -> &str {
    address.split(['[', '@']).next().unwrap_or(address)
}

/// Returns the address that a replacement left this behind: `site` of `site@3`. What stands between
/// brackets may hold an `@` of its own.
pub fn left_over_from(address: &str) -> Option<&str> {
    let (of, generation) = address.rsplit_once('@')?;
    generation.parse::<u64>().ok().map(|_| of)
}

impl From<&str> for Address {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Address {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl std::borrow::Borrow<str> for Address {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Names one effect: a hash of the stack, the address and the generation that the effect brings about.
/// Every further attempt at the same effect carries the same token, so that a kind can tell whether
/// it has happened. 32 hexadecimal digits: fit for tags, file names and environment variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Token(Arc<str>);

impl Token {
    /// Returns the token of the effect that makes this generation of a thing. `origin` tells the run
    /// from all runs of other projects and of other lives of this one.
    pub fn of(origin: &str, stack: &str, address: &str, generation: u64) -> Self {
        let mut bytes = Vec::with_capacity(origin.len() + stack.len() + address.len() + 11);
        for part in [origin, stack, address] {
            bytes.extend(part.as_bytes());
            bytes.push(0);
        }
        bytes.extend(generation.to_le_bytes());
        Self(Digest::of(&bytes).to_string().into())
    }

    /// Returns the token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::left_over_from;

    #[test]
    fn only_a_generation_marks_what_a_replacement_left_behind() {
        assert_eq!(left_over_from("site@3"), Some("site"));
        assert_eq!(left_over_from("mail[ann@3]@12"), Some("mail[ann@3]"));
        assert_eq!(left_over_from("mail[ann@example.org]"), None);
        assert_eq!(left_over_from("mail[ann@3]"), None);
    }
}
