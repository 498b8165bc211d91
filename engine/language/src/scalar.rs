//! The scalars of the language. Each says what it is, what it looks like, and what is wrong.

use std::num::NonZeroU16;
use std::ops::RangeInclusive;

use crate::shape::ScalarShape;
use crate::spec::Leaf;

impl Leaf for String {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("text", &["string", "number", "boolean"]);

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

impl Leaf for u16 {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a whole number up to 65535", &["integer"]);

    fn parse(text: &str) -> Result<Self, String> {
        whole(text, u64::from(u16::MAX)).map(|number| number as u16)
    }
}

impl Leaf for u32 {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a whole number", &["integer"]);

    fn parse(text: &str) -> Result<Self, String> {
        whole(text, u64::from(u32::MAX)).map(|number| number as u32)
    }
}

impl Leaf for NonZeroU16 {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a port", &["integer"]).like(&["8080"]);

    fn parse(text: &str) -> Result<Self, String> {
        let number = whole(text, u64::from(u16::MAX))?;
        Self::new(number as u16).ok_or_else(|| "a port is between 1 and 65535".to_owned())
    }
}

/// Ports from first to last, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange(pub RangeInclusive<u16>);

impl Leaf for PortRange {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a range of ports", &["string", "integer"])
            .like(&["8000-8100", "8080"])
            .pattern(r"^[0-9]+(-[0-9]+)?$");

    fn parse(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| NonZeroU16::parse(text.trim()).map(NonZeroU16::get);
        let (first, last) = (port(first)?, port(last)?);
        if first > last {
            return Err(format!("the first port is the larger one: write `{last}-{first}`"));
        }
        Ok(Self(first..=last))
    }
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(pub std::time::Duration);

impl Leaf for Duration {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a duration", &["string"])
        .like(&["30s", "1h30m", "250ms"])
        .pattern(r"^([0-9]+(ms|s|m|h|d))+$");

    fn parse(text: &str) -> Result<Self, String> {
        const UNITS: [(&str, u64); 5] =
            [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        let mut milliseconds: u64 = 0;
        for (number, unit) in quantities(text, "30s")? {
            let factor = factor(unit, &UNITS)?;
            let part = number.checked_mul(factor).ok_or("this is too long")?;
            milliseconds = milliseconds.checked_add(part).ok_or("this is too long")?;
        }
        Ok(Self(std::time::Duration::from_millis(milliseconds)))
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Leaf for Size {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a size", &["string"])
        .like(&["10MiB", "2GB"])
        .pattern(r"^[0-9]+(B|[KMGT]i?B)$");

    fn parse(text: &str) -> Result<Self, String> {
        const UNITS: [(&str, u64); 9] = [
            ("B", 1),
            ("KB", 1_000),
            ("KiB", 1 << 10),
            ("MB", 1_000_000),
            ("MiB", 1 << 20),
            ("GB", 1_000_000_000),
            ("GiB", 1 << 30),
            ("TB", 1_000_000_000_000),
            ("TiB", 1 << 40),
        ];
        match quantities(text, "10MiB")?[..] {
            [(number, unit)] => number
                .checked_mul(factor(unit, &UNITS)?)
                .map(Self)
                .ok_or("this is too large".into()),
            _ => Err("write one number and one unit, such as `10MiB`".to_owned()),
        }
    }
}

/// The name of something in this file, which must be written out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub String);

impl Leaf for Name {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a name", &["string"])
        .like(&["web-1"])
        .pattern("^[A-Za-z][A-Za-z0-9_-]*$")
        .literal();

    fn parse(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a name starts with a letter and goes on with letters, digits, `_` and `-`"
                .to_owned())
        }
    }
}

/// Reads a whole number; forms that other YAML readers would guess at are refused with advice.
fn whole(text: &str, most: u64) -> Result<u64, String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = match text.get(..2) {
        Some("0o") => u64::from_str_radix(&text[2..], 8).ok(),
        Some("0x") => u64::from_str_radix(&text[2..], 16).ok(),
        _ if text.len() > 1 && text.starts_with('0') && digits(text) => {
            let plain = text.trim_start_matches('0');
            return Err(format!(
                "a leading zero is ambiguous: write `{plain}`, or `0o{plain}` for octal"
            ));
        }
        _ if text.starts_with('-') => return Err("it cannot be negative".to_owned()),
        _ if digits(text) => text.parse().ok(),
        _ => {
            let number = text
                .replace('_', "")
                .parse::<f64>()
                .ok()
                .filter(|number| number.fract() == 0.0 && *number >= 0.0);
            return Err(
                number.map_or("write digits only".to_owned(), |number| format!("write `{number}`"))
            );
        }
    };
    value.filter(|value| *value <= most).ok_or_else(|| format!("at most {most}"))
}

/// Splits `1h30m` into numbers and units.
fn quantities<'t>(text: &'t str, example: &str) -> Result<Vec<(u64, &'t str)>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let number = number.parse().ok().filter(|_| !unit.contains('.'));
        let number = number
            .ok_or_else(|| format!("write a whole number and a unit, such as `{example}`"))?;
        found.push((number, unit.trim()));
        rest = tail;
    }
    Ok(found)
}

fn factor(unit: &str, units: &[(&'static str, u64)]) -> Result<u64, String> {
    let names = || units.iter().map(|(name, _)| *name);
    if let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) {
        return Ok(*factor);
    }
    let known = crate::suggest::list(names());
    match unit {
        "" => Err(format!("a unit is missing: {known}")),
        other => Err(format!("`{other}` is no unit: {known}")),
    }
}
