//! Types of records, and what may stand in them.
//!
//! The canonical form of a value is what the master file holds: whole names in lower case, addresses
//! in their shortest form, text in quotes. It must not know other records.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use language::Leaf;
use language::shape::ScalarShape;

use super::name::{Name, Style, Writer};

/// The longest string in a record (RFC 1035 §3.3).
const CHUNK: usize = 255;
/// The longest data of a record (RFC 1035 §3.2.1).
const LONGEST_DATA: usize = 65_535;
/// In the place of a host: there is none. No mail is taken (RFC 7505), or the service is not offered
/// (RFC 2782).
pub(super) const NONE: &str = ".";

/// A type of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name for a name, alone at its place.
    Cname,
    /// Where mail goes: preference and host.
    Mx,
    /// Text.
    Txt,
    /// Where a service runs: priority, weight, port, host.
    Srv,
    /// Who may issue certificates.
    Caa,
    /// Who answers for a part of the zone.
    Ns,
    /// The name of an address.
    Ptr,
}

impl RecordType {
    /// Every type.
    pub const ALL: [Self; 9] = [
        Self::A,
        Self::Aaaa,
        Self::Cname,
        Self::Mx,
        Self::Txt,
        Self::Srv,
        Self::Caa,
        Self::Ns,
        Self::Ptr,
    ];

    /// Returns the type as it stands in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Srv => "SRV",
            Self::Caa => "CAA",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
        }
    }

    /// Returns the type that a word stands for, in capitals or not.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word().eq_ignore_ascii_case(word))
    }

    /// Returns the name that canonical data points to, if such data does.
    pub fn target(self, data: &str) -> Option<&str> {
        match self {
            Self::Cname | Self::Mx | Self::Srv | Self::Ns | Self::Ptr => data.rsplit(' ').next(),
            Self::A | Self::Aaaa | Self::Txt | Self::Caa => None,
        }
    }

    /// Returns what the names that have it may be made of.
    pub fn owner_style(self) -> Style {
        match self {
            Self::A | Self::Aaaa | Self::Mx => Style::Host,
            _ => Style::Service,
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Leaf for RecordType {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a type of record", &["string"])
        .like(&["A", "CNAME"])
        .pattern("^(A|AAAA|CNAME|MX|TXT|SRV|CAA|NS|PTR)$");

    fn parse(text: &str) -> Result<Self, String> {
        match Self::of_word(text) {
            Some(kind) if kind.word() == text => Ok(kind),
            Some(kind) => Err(format!("write `{kind}`")),
            None => {
                let known = Self::ALL.map(Self::word).join(", ");
                Err(format!("the types here: {known}"))
            }
        }
    }
}

/// Returns a value in its canonical form.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn canonical(
    kind: RecordType,
    value: &str,
    origin: &Name,
    by: Writer,
) -> Result<String, String> {
    let target = |text: &str, style| Name::target(text, origin, style, by);
    let host_or_none = |text: &str| match text {
        NONE => Ok(Name::default()),
        host => target(host, Style::Host),
    };
    match kind {
        RecordType::A => address(value).map(|address| address.to_string()),
        RecordType::Aaaa => long_address(value).map(|address| address.to_string()),
        RecordType::Cname => Ok(target(one(value)?, Style::Service)?.to_string()),
        RecordType::Ns | RecordType::Ptr => Ok(target(one(value)?, Style::Host)?.to_string()),
        RecordType::Mx => {
            let [preference, host] = fields(value, "`10 mail`: preference and host")?;
            let host = host_or_none(host)?;
            Ok(format!("{} {host}", number(preference, "a preference")?))
        }
        RecordType::Srv => {
            let [priority, weight, port, host] =
                fields(value, "`10 5 5060 sip`: priority, weight, port, host")?;
            let (priority, weight) = (number(priority, "a priority")?, number(weight, "a weight")?);
            let port = number(port, "a port")?;
            Ok(format!("{priority} {weight} {port} {}", host_or_none(host)?))
        }
        RecordType::Caa => caa(value),
        RecordType::Txt => text(value, by),
    }
}

fn one(value: &str) -> Result<&str, String> {
    fields::<1>(value, "one name").map(|[name]| name)
}

fn fields<'v, const N: usize>(value: &'v str, wanted: &str) -> Result<[&'v str; N], String> {
    let found: Vec<&str> = value.split_ascii_whitespace().collect();
    found.try_into().map_err(|_| format!("`{value}`: write {wanted}"))
}

fn number(text: &str, what: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or_else(|| format!("`{text}` is not {what}: 0 to 65535"))
}

fn address(value: &str) -> Result<Ipv4Addr, String> {
    match value.parse() {
        Ok(IpAddr::V4(address)) => Ok(address),
        Ok(IpAddr::V6(_)) => Err(format!("`{value}` is an IPv6 address: use the type AAAA")),
        Err(_) => Err(format!("`{value}` is not an IPv4 address")),
    }
}

fn long_address(value: &str) -> Result<Ipv6Addr, String> {
    match value.parse() {
        Ok(IpAddr::V6(address)) => Ok(address),
        Ok(IpAddr::V4(_)) => Err(format!("`{value}` is an IPv4 address: use the type A")),
        Err(_) => Err(format!("`{value}` is not an IPv6 address")),
    }
}

/// RFC 8659 §4.1: flags, tag, value.
fn caa(value: &str) -> Result<String, String> {
    let wanted = "`0 issue \"ca.example.net\"`: flags, tag, value";
    let (flags, rest) = value.trim().split_once(' ').ok_or(format!("`{value}`: write {wanted}"))?;
    let (tag, rest) = rest.trim().split_once(' ').ok_or(format!("`{value}`: write {wanted}"))?;
    let Ok(flags @ (0u8 | 128)) = flags.parse() else {
        return Err(format!("`{flags}` are no flags: 0, or 128 for critical"));
    };
    if !(1..=15).contains(&tag.len()) || !tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("`{tag}` is no tag: issue, issuewild, iodef"));
    }
    let chunks = chunks(rest)?;
    let [content] = &chunks[..] else { return Err(format!("`{value}`: write {wanted}")) };
    Ok(format!("{flags} {} {}", tag.to_ascii_lowercase(), quoted(content)))
}

/// Text as people write it is put in quotes and split where it is too long for one string; text that
/// begins with a quote is taken as it is.
fn text(value: &str, by: Writer) -> Result<String, String> {
    let chunks = match by {
        Writer::Person if !value.starts_with('"') => split(value.as_bytes()),
        _ => chunks(value)?,
    };
    if let Some(long) = chunks.iter().find(|chunk| chunk.len() > CHUNK) {
        let length = long.len();
        return Err(format!("a quoted string has at most {CHUNK} bytes, this has {length}"));
    }
    let length: usize = chunks.iter().map(|chunk| chunk.len() + 1).sum();
    if length > LONGEST_DATA {
        return Err(format!("a record has at most {LONGEST_DATA} bytes, this has {length}"));
    }
    Ok(chunks.iter().map(|chunk| quoted(chunk)).collect::<Vec<_>>().join(" "))
}

fn split(text: &[u8]) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return vec![Vec::new()];
    }
    text.chunks(CHUNK).map(<[u8]>::to_vec).collect()
}

/// Reads strings as a master file has them: in quotes or bare, with `\"`, `\\` and `\DDD`.
fn chunks(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start().as_bytes();
    while let [first, tail @ ..] = rest {
        let inside = *first == b'"';
        let (chunk, after) = chunk(if inside { tail } else { rest }, inside)?;
        found.push(chunk);
        rest = after.trim_ascii_start();
    }
    if found.is_empty() {
        return Err("a text is missing: write `\"\"` for an empty one".to_owned());
    }
    Ok(found)
}

fn chunk(mut rest: &[u8], inside: bool) -> Result<(Vec<u8>, &[u8]), String> {
    let mut chunk = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] if inside => return Ok((chunk, after)),
            [] if inside => return Err("a quote is not closed".to_owned()),
            [] => return Ok((chunk, rest)),
            [byte, ..] if !inside && byte.is_ascii_whitespace() => return Ok((chunk, rest)),
            [b'\\', after @ ..] => {
                let (byte, after) = escape(after)?;
                chunk.push(byte);
                rest = after;
            }
            [byte, after @ ..] => {
                chunk.push(*byte);
                rest = after;
            }
        }
    }
}

fn escape(rest: &[u8]) -> Result<(u8, &[u8]), String> {
    match rest {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', after @ ..] => {
            let number = [a, b, c].iter().fold(0u16, |sum, d| sum * 10 + u16::from(**d - b'0'));
            let byte = u8::try_from(number).map_err(|_| format!("`\\{number}` is no byte"))?;
            Ok((byte, after))
        }
        [byte @ (b'0'..=b'9'), ..] => {
            Err(format!("after `\\{}` two more digits are needed", char::from(*byte)))
        }
        [byte, after @ ..] => Ok((*byte, after)),
        [] => Err("a backslash is the last character".to_owned()),
    }
}

fn quoted(chunk: &[u8]) -> String {
    let mut text = String::with_capacity(chunk.len() + 2);
    text.push('"');
    for byte in chunk {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            // Writing to a String cannot fail.
            other => _ = write!(text, "\\{other:03}"),
        }
    }
    text.push('"');
    text
}
