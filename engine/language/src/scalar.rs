//! The scalars of the language. Each says what it is, what it looks like, and what is wrong.
//!
//! None of them looks at the machine: whether a file exists or a host answers is asked elsewhere.

mod file;
mod network;
mod number;
mod quantity;
mod url;

pub use file::{FilePath, Mode, RelativePath};
pub use network::{DnsName, HostName, Port, PortRange};
pub use quantity::{Duration, Period, Size};
pub use url::Url;

use crate::shape::ScalarShape;
use crate::spec::Leaf;

/// What text may look like to a reader that guesses.
pub(crate) const TEXT: &ScalarShape =
    &ScalarShape::new("text", &["string", "number", "boolean"]).many("text");

impl Leaf for String {
    const SHAPE: &'static ScalarShape = TEXT;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Leaf for bool {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("true or false", &["boolean"]);

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(match other.to_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => "write `true`",
                "no" | "off" | "n" | "false" => "write `false`",
                _ => "write `true` or `false`",
            }
            .to_owned()),
        }
    }
}

/// The name of something in this file, which must be written out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub String);

impl Leaf for Name {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a name", &["string"])
        .many("names")
        .like(&["web-1"])
        .pattern("^[A-Za-z][A-Za-z0-9_-]*$")
        .literal();

    fn parse(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a name is a letter, then letters, digits, `_` and `-`".to_owned())
        }
    }
}
