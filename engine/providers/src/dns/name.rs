//! Names of the DNS: strict about what people write, kept in lower case.
//!
//! It must not look anything up.

use std::fmt;

use language::Leaf;
use language::shape::ScalarShape;

/// The longest name, in the form with dots (RFC 1035 §2.3.4).
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A whole name in lower case, without its last dot; the root is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name(String);

/// What may stand in the labels of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Letters, digits and inner hyphens: a machine (RFC 1123 §2.1).
    Host,
    /// Underscores too: what stands for a service or a key, such as `_dmarc`.
    Service,
    /// Whatever a master file holds.
    Any,
}

/// Who wrote a name, which decides what a missing last dot means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A person in a stack: `mail.example.com` without a dot at its end could mean two names.
    Person,
    /// A master file: it lies below the origin.
    File,
}

impl Name {
    /// Reads a whole name, with or without its last dot.
    pub fn whole(text: &str, style: Style) -> Result<Self, String> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let name = text.to_ascii_lowercase();
        if name.is_empty() {
            return Err("a name is missing".to_owned());
        }
        if name.len() > LONGEST {
            return Err(format!(
                "a name has at most {LONGEST} characters, this has {}",
                name.len()
            ));
        }
        labels(&name).try_for_each(|label| check(label, style))?;
        Ok(Self(name))
    }

    /// Reads a name that may be relative: `@` is the origin, a last dot makes it whole.
    pub fn relative(text: &str, origin: &Self, style: Style) -> Result<Self, String> {
        match text {
            "@" => Ok(origin.clone()),
            "." => Ok(Self::default()),
            whole if whole.ends_with('.') => Self::whole(whole, style),
            _ if origin.0.is_empty() => Self::whole(text, style),
            relative => {
                labels(relative).try_for_each(|label| check(label, style))?;
                // The origin itself may have labels that a host must not have.
                Self::whole(&format!("{relative}.{}", origin.0), Style::Any)
            }
        }
    }

    /// Reads the name of a record, which may begin with a `*` (RFC 4592).
    pub fn owner(text: &str, origin: &Self, style: Style) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('*') else {
            return Self::relative(text, origin, style);
        };
        let below = match rest.strip_prefix('.') {
            Some(rest) => Self::relative(rest, origin, style)?,
            None if rest.is_empty() => origin.clone(),
            None => return Err("a `*` stands alone and first, as in `*.apps`".to_owned()),
        };
        Self::whole(&format!("*.{}", below.0), Style::Any)
    }

    /// Reads the name that a record points to.
    pub fn target(text: &str, origin: &Self, style: Style, by: Writer) -> Result<Self, String> {
        if by == Writer::Person && text.contains('.') && !text.ends_with('.') {
            let below = if origin.0.is_empty() { "the zone" } else { &origin.0 };
            return Err(format!(
                "`{text}` could mean {text}. or a name in {below}: end it with a dot (`{text}.`)"
            ));
        }
        if by == Writer::Person && text == "." {
            return Err("`.` is the root of all names, and a host is needed here".to_owned());
        }
        if text.parse::<std::net::IpAddr>().is_ok() || is_address(text) {
            return Err(format!("`{text}` is an address, and a name is needed here"));
        }
        Self::relative(text, origin, style)
    }

    /// Returns the name below an origin: `www`, `@`; None if it lies elsewhere.
    pub fn below(&self, origin: &Self) -> Option<&str> {
        if self == origin {
            return Some("@");
        }
        if origin.0.is_empty() {
            return Some(&self.0);
        }
        self.0.strip_suffix(origin.0.as_str())?.strip_suffix('.').filter(|rest| !rest.is_empty())
    }

    /// Returns the name without its last dot, as browsers and certificates have it.
    pub fn bare(&self) -> &str {
        &self.0
    }

    /// Returns whether the names in it stand for addresses.
    pub fn is_reverse(&self) -> bool {
        ["in-addr.arpa", "ip6.arpa"].iter().any(|arpa| self.below(&Self((*arpa).into())).is_some())
    }

    /// Returns what zones are sorted by: the labels from the last one on.
    pub fn order(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = labels(&self.0).collect();
        labels.reverse();
        labels
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.0)
    }
}

/// Splits at dots, but not at those that a backslash makes part of a label.
fn labels(name: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    name.split(move |c: char| {
        let dot = c == '.' && !escaped;
        escaped = c == '\\' && !escaped;
        dot
    })
}

fn check(label: &str, style: Style) -> Result<(), String> {
    if label.is_empty() {
        return Err("two dots follow each other, or a dot comes first".to_owned());
    }
    if label.len() > LONGEST_LABEL {
        return Err(format!("`{label}` is longer than {LONGEST_LABEL} characters"));
    }
    if style == Style::Any {
        return Ok(());
    }
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || c == '-' || (c == '_' && style == Style::Service);
    match label.chars().find(|c| !allowed(*c)) {
        Some(c) if !c.is_ascii() => {
            return Err(format!("`{c}` cannot stand in a name: write the form with `xn--`"));
        }
        Some('_') => return Err(format!("`{label}`: a host has no `_` in its name")),
        Some('*') => return Err("a `*` stands alone and first, as in `*.apps`".to_owned()),
        Some(c) => return Err(format!("`{c}` cannot stand in a name")),
        None => {}
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(format!("`{label}` begins or ends with a hyphen"));
    }
    Ok(())
}

/// Digits and dots alone: an address that was mistyped.
fn is_address(text: &str) -> bool {
    let digits = text.chars().any(|c| c.is_ascii_digit());
    digits && text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// The name of a zone, as people write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneName(pub Name);

impl Leaf for ZoneName {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("the name of a zone", &["string"])
        .like(&["shop.test", "2.0.192.in-addr.arpa"]);

    fn parse(text: &str) -> Result<Self, String> {
        Name::whole(text, Style::Service).map(Self)
    }
}

/// A machine in this zone (`ns1`), or anywhere with a last dot (`ns1.example.net.`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(pub String);

impl Leaf for HostName {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a host name", &["string"]).like(&["ns1", "ns1.example.net."]);

    fn parse(text: &str) -> Result<Self, String> {
        let anywhere = Name::default();
        Name::target(text, &anywhere, Style::Host, Writer::Person)?;
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl HostName {
    /// Returns the whole name in a zone.
    pub fn within(&self, origin: &Name) -> Result<Name, String> {
        Name::target(&self.0, origin, Style::Host, Writer::Person)
    }
}

/// Who answers for a zone: a mail address, or the same with dots as in the SOA record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hostmaster(pub Name);

impl Leaf for Hostmaster {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a mail address", &["string"])
        .like(&["hostmaster@shop.test", "hostmaster.shop.test."]);

    fn parse(text: &str) -> Result<Self, String> {
        let Some((person, domain)) = text.split_once('@') else {
            if !text.ends_with('.') {
                return Err("write a mail address, or end the name with a dot".to_owned());
            }
            return Name::whole(text, Style::Any).map(Self);
        };
        let domain = Name::whole(domain, Style::Host)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
        if person.is_empty() || !person.chars().all(fits) {
            return Err("before the `@` stand letters, digits, `.`, `-`, `_` and `+`".to_owned());
        }
        // RFC 1035 §8: what stands before the `@` is one label, whose own dots are escaped.
        let label = person.replace('.', "\\.");
        Name::whole(&format!("{label}.{}", domain.bare()), Style::Any).map(Self)
    }
}
