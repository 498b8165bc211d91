//! Addresses on the web. The text is kept as it is written.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::network::HostName;
use crate::shape::ScalarShape;
use crate::spec::Leaf;

/// An `http` or `https` address (RFC 3986) without a user or a password.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    text: String,
    /// Where in the text the host begins and ends, and where the path begins.
    host: (usize, usize),
    path: usize,
    port: u16,
}

impl Url {
    /// Returns all of it, as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }

    /// Returns the name or address of the machine; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.text.get(self.host.0..self.host.1).unwrap_or_default()
    }

    /// Returns the port, which is 80 or 443 if none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns path and query; `/` if none is written.
    pub fn path(&self) -> &str {
        let rest = self.text.get(self.path..).unwrap_or_default();
        let rest = rest.split('#').next().unwrap_or_default();
        if rest.is_empty() { "/" } else { rest }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Leaf for Url {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a URL", &["string"])
        .many("URLs")
        .like(&["https://example.org/health"])
        .pattern(r"^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s]+([/?#][^\s]*)?$");

    fn parse(text: &str) -> Result<Self, String> {
        let scheme = text.find("://").ok_or("it starts with `http://` or `https://`")?;
        let default = match text[..scheme].to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err("only `http` and `https` are understood".to_owned()),
        };
        if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(match odd {
                ' ' => "write a blank as `%20`".to_owned(),
                odd if odd.is_control() => "it stands on one line".to_owned(),
                odd => format!("`{odd}`: write `xn--…` in the name, or `%…` after it"),
            });
        }
        let start = scheme + 3;
        let path = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
        let authority = &text[start..path];
        if authority.contains('@') {
            return Err("a user or a password must not stand in a URL".to_owned());
        }
        let (host, port) = host_and_port(authority)?;
        let begin = start + usize::from(authority.starts_with('['));
        let host = (begin, begin + host.len());
        Ok(Self { text: text.to_owned(), host, path, port: port.unwrap_or(default) })
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, tail) = rest.split_once(']').ok_or("`]` is missing")?;
            host.parse::<Ipv6Addr>().map_err(|_| "this is no IPv6 address")?;
            match tail {
                "" => (host, None),
                _ => (host, Some(tail.strip_prefix(':').ok_or("only a port goes after `]`")?)),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err("the name of the machine is missing".to_owned());
    }
    let known = host.contains(':') || host.parse::<Ipv4Addr>().is_ok();
    if !known {
        HostName::parse(host.strip_suffix('.').unwrap_or(host))?;
    }
    let port = port.map(|port| match port.parse() {
        Ok(0) | Err(_) => Err("a port is between 1 and 65535".to_owned()),
        Ok(port) => Ok(port),
    });
    Ok((host, port.transpose()?))
}
