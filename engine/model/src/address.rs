//! Names: of things, and of single effects on them.
//!
//! It must not know what stands behind a name.

use std::fmt;
use std::sync::Arc;

use language::Name;
use language::spec::Leaf;
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

/// Returns an address without what people write before it, the stack and perhaps the kind: `leader[0]`
/// of `shop/leader[0]` and of `shop/aws.instance/leader[0]`. None: it is of another stack. What stands
/// between brackets may hold a slash of its own.
pub fn within<'a>(stack: &str, written: &'a str) -> Option<&'a str> {
    let name = &written[..written.find('[').unwrap_or(written.len())];
    match (name.split_once('/'), name.rfind('/')) {
        (Some((named, _)), Some(slash)) => (named == stack).then_some(&written[slash + 1..]),
        _ => Some(written),
    }
}

/// Returns whether a resource may be called so: `web`, `web[0]`, `web[one]`.
pub fn is_address(text: &str) -> bool {
    let block = block_of(text);
    let well_formed = match text[block.len()..].strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|key| !key.is_empty()),
        None => text.len() == block.len(),
    };
    well_formed && <Name as Leaf>::parse(block).is_ok()
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
    use super::{is_address, left_over_from, within};

    #[test]
    fn an_address_is_known_with_what_people_write_before_it() {
        for (written, is) in [
            ("leader[0]", Some("leader[0]")),
            ("shop/leader[0]", Some("leader[0]")),
            ("shop/aws.instance/leader[0]", Some("leader[0]")),
            ("site[a/b]", Some("site[a/b]")),
            ("shop/site[a/b]", Some("site[a/b]")),
            ("other/leader[0]", None),
        ] {
            assert_eq!(within("shop", written), is, "{written}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_no_address() {
        for good in ["web", "web-1[0]", "site[a/b]", "site[a.b]"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "new.name", "r/e", "web[", "web[]", "web]", "web[0]x", "0web", "web@3"] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn only_a_generation_marks_what_a_replacement_left_behind() {
        assert_eq!(left_over_from("site@3"), Some("site"));
        assert_eq!(left_over_from("mail[ann@3]@12"), Some("mail[ann@3]"));
        assert_eq!(left_over_from("mail[ann@example.org]"), None);
        assert_eq!(left_over_from("mail[ann@3]"), None);
    }
}
