//! Numbers with a unit: lengths of time, numbers of bytes.

use std::fmt;

use crate::shape::ScalarShape;
use crate::spec::Leaf;
use crate::suggest;

/// A length of time, in steps of a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub std::time::Duration);

const TIMES: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Leaf for Duration {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a duration", &["string"])
        .many("durations")
        .like(&["30s", "1h30m", "250ms"])
        .pattern(r"^([0-9]+(ms|s|m|h|d))+$");

    fn parse(text: &str) -> Result<Self, String> {
        let mut milliseconds: u64 = 0;
        for (number, unit) in quantities(text, "30s")? {
            let factor = factor(unit, &TIMES)?;
            let part = number.checked_mul(factor).ok_or("this is too long")?;
            milliseconds = milliseconds.checked_add(part).ok_or("this is too long")?;
        }
        Ok(Self(std::time::Duration::from_millis(milliseconds)))
    }
}

/// A length of time that something is given: never none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(pub std::time::Duration);

impl Leaf for Period {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a duration", &["string"])
        .many("durations")
        .like(&["30s", "1h30m", "250ms"])
        .pattern(r"^([0-9]+(ms|s|m|h|d))*[0-9]*[1-9][0-9]*(ms|s|m|h|d)([0-9]+(ms|s|m|h|d))*$");

    fn parse(text: &str) -> Result<Self, String> {
        match Duration::parse(text)?.0 {
            std::time::Duration::ZERO => {
                Err("this is no time at all: `1ms` is the least".to_owned())
            }
            time => Ok(Self(time)),
        }
    }
}

impl Period {
    /// Returns it as people say it, see [`Duration::words`].
    pub fn words(self) -> String {
        Duration(self.0).words()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Duration(self.0).fmt(f)
    }
}

impl Duration {
    /// Returns it as people say it, in all messages: `0.25 s`, `30 s`, `1 min 30 s`, `2 h`.
    pub fn words(self) -> String {
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if milliseconds < 60_000 {
            let text = format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000);
            return format!("{} s", text.trim_end_matches('0').trim_end_matches('.'));
        }
        let seconds = milliseconds / 1_000;
        let parts = [(seconds / 3_600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
        let said = parts.iter().filter(|(count, _)| *count > 0);
        said.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
    }
}

/// As an author would write it: `1h30m`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in TIMES {
            if left >= factor {
                write!(f, "{}{unit}", left / factor)?;
                left %= factor;
            }
        }
        Ok(())
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

impl Leaf for Size {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a size", &["string"])
        .many("sizes")
        .like(&["10MiB", "2GB"])
        .pattern(r"^[0-9]+ ?(B|[KMGT]i?B)$");

    fn parse(text: &str) -> Result<Self, String> {
        match quantities(text, "10MiB")?[..] {
            [(number, unit)] => number
                .checked_mul(factor(unit, &SIZES)?)
                .map(Self)
                .ok_or("this is too large".into()),
            _ => Err("write one number and one unit, such as `10MiB`".to_owned()),
        }
    }
}

/// As an author would write it: `10MiB`, in the largest unit that loses nothing.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |factor: u64| self.0 >= factor && self.0.is_multiple_of(factor);
        let (unit, factor) =
            SIZES.into_iter().find(|(_, factor)| whole(*factor)).unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// Splits `1h30m` into numbers and units.
fn quantities<'t>(text: &'t str, example: &str) -> Result<Vec<(u64, &'t str)>, String> {
    let advice = || format!("write a whole number and a unit, such as `{example}`");
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let number = number.parse().ok().filter(|_| !unit.contains('.'));
        found.push((number.ok_or_else(advice)?, unit.trim()));
        rest = tail;
    }
    if found.is_empty() { Err(advice()) } else { Ok(found) }
}

fn factor(unit: &str, units: &[(&'static str, u64)]) -> Result<u64, String> {
    if let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) {
        return Ok(*factor);
    }
    let known = suggest::list(units.iter().rev().map(|(name, _)| *name));
    match unit {
        "" => Err(format!("a unit is missing: {known}")),
        other => Err(format!("{} is no unit: {known}", suggest::quoted(other))),
    }
}
