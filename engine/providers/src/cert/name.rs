//! What a certificate may be valid for.
//!
//! It must not look anything up.

use std::net::IpAddr;

use language::Leaf;
use language::shape::ScalarShape;

use crate::dns::name::{Name, Style};

/// A host name, all names below one (`*.shop.test`), or an address; in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertName(pub String);

impl Leaf for CertName {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a host name or an address", &["string"])
        .like(&["shop.test", "*.shop.test", "127.0.0.1"]);

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        let host = text.strip_prefix("*.").unwrap_or(text);
        if host.ends_with('.') {
            return Err("certificates have names without a last dot".to_owned());
        }
        if text.contains("://") || text.contains('/') || text.contains(':') {
            return Err("write the name alone, without scheme, port and path".to_owned());
        }
        let name = Name::whole(host, Style::Host)?;
        let last = name.bare().rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("this is not an address, and names do not end in a number".to_owned());
        }
        if host.len() < text.len() && !host.contains('.') {
            return Err("a `*` needs two labels behind it, as in `*.shop.test`".to_owned());
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl CertName {
    /// Returns the address, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }
}
