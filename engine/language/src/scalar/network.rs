//! Ports, addresses and names of machines.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::ops::RangeInclusive;

use crate::shape::ScalarShape;
use crate::spec::Leaf;
use crate::suggest;

/// A port of TCP or UDP, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub NonZeroU16);

impl Port {
    /// Returns the number.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl Leaf for Port {
    const SHAPE: &'static ScalarShape = NonZeroU16::SHAPE;

    fn parse(text: &str) -> Result<Self, String> {
        NonZeroU16::parse(text).map(Self)
    }
}

/// Ports from first to last, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange(pub RangeInclusive<u16>);

impl Leaf for PortRange {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a range of ports", &["string", "integer"])
            .many("ranges of ports")
            .like(&["8000-8100", "8080"])
            .pattern(r"^[0-9]+(-[0-9]+)?$")
            .between(1, u16::MAX as i64);

    fn parse(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        if first.is_empty() || last.is_empty() || last.contains('-') {
            return Err("write the first and the last port, such as `8000-8100`".to_owned());
        }
        let port = |text: &str| NonZeroU16::parse(text.trim()).map(NonZeroU16::get);
        let (first, last) = (port(first)?, port(last)?);
        if first > last {
            return Err(format!("the first port is the larger one: write `{last}-{first}`"));
        }
        Ok(Self(first..=last))
    }
}

impl Leaf for IpAddr {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("an IP address", &["string"])
        .many("IP addresses")
        .like(&["10.0.0.7", "2001:db8::7"])
        .pattern(r"^[0-9A-Fa-f:.]+$");

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            let parts: Vec<&str> = text.split('.').collect();
            let zeros = |part: &&str| part.len() > 1 && part.starts_with('0');
            match text {
                _ if text.contains('/') => "a network has a `/`, an address has none",
                _ if text.starts_with('[') => "brackets belong to a URL: leave them out",
                _ if text.matches(':').count() == 1 => "leave the port out",
                _ if parts.len() == 4 && parts.iter().any(zeros) => {
                    "its numbers have no leading zeros"
                }
                _ => "write four numbers up to 255 with points between, or an IPv6 address",
            }
            .to_owned()
        })
    }
}

/// The name of a machine (RFC 1123): labels of letters, digits and `-` with points between.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(pub String);

impl Leaf for HostName {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a host name", &["string"])
        .many("host names")
        .like(&["web-1.example.org"])
        .pattern(
            r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$",
        );

    fn parse(text: &str) -> Result<Self, String> {
        if text.parse::<IpAddr>().is_ok() {
            return Err("this is an address, and a name is needed".to_owned());
        }
        if text.ends_with('.') {
            return Err("leave the last point out".to_owned());
        }
        labels(text, |label| label.contains('_').then_some("a host name has no `_`"))?;
        let last = text.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("its last label cannot be a number".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A name in the domain name system (RFC 1035, with the `_` of RFC 2782 and the `*` of RFC 4592). A
/// point at the end may stand or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(pub String);

impl DnsName {
    /// Returns the name in lower case and without the point at the end: what two names are compared by.
    pub fn canonical(&self) -> String {
        self.0.trim_end_matches('.').to_ascii_lowercase()
    }
}

impl Leaf for DnsName {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a DNS name", &["string"])
        .many("DNS names")
        .like(&["www.example.org", "_sip._tcp.example.org", "*.example.org"])
        .pattern(r"^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$");

    fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix("*.").unwrap_or(text);
        labels(name.strip_suffix('.').unwrap_or(name), |_| None)?;
        Ok(Self(text.to_owned()))
    }
}

/// Checks what all names have in common (RFC 1035, 2.3.1 and 2.3.4).
fn labels(text: &str, refuse: fn(&str) -> Option<&'static str>) -> Result<(), String> {
    if text.len() > 253 {
        return Err("a name has at most 253 characters".to_owned());
    }
    for label in text.split('.') {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let why = match label {
            "" if text.is_empty() => "a name is missing",
            "" => "nothing stands between two points",
            _ if label.len() > 63 => {
                "a label, the part between two points, has at most 63 characters"
            }
            _ if label.contains(':') => "leave the port and the scheme out",
            _ if label.contains('/') => "a name has no path",
            _ if !label.is_ascii() => "write it in its ASCII form, which starts with `xn--`",
            _ if label.contains('*') => "`*` can only be the first label: `*.example.org`",
            _ if !label.bytes().all(letter) => "labels are letters, digits and `-`",
            _ if label.starts_with('-') || label.ends_with('-') => {
                "a label neither starts nor ends with `-`"
            }
            _ => match refuse(label) {
                Some(why) => why,
                None => continue,
            },
        };
        return Err(match label {
            "" => why.to_owned(),
            _ if label.len() == text.len() || label.len() > 63 => why.to_owned(),
            _ => format!("{}: {why}", suggest::quoted(label)),
        });
    }
    Ok(())
}
