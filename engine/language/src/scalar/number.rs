//! Numbers. Forms that other YAML readers would guess at are refused with advice.

use std::num::NonZeroU16;

use crate::shape::ScalarShape;
use crate::spec::Leaf;

const INTEGER: &[&str] = &["integer"];

impl Leaf for u16 {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a whole number up to 65535", INTEGER)
        .many("whole numbers")
        .between(0, u16::MAX as i64);

    fn parse(text: &str) -> Result<Self, String> {
        whole(text, u64::from(u16::MAX)).map(|number| number as u16)
    }
}

impl Leaf for u32 {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a whole number", INTEGER)
        .many("whole numbers")
        .between(0, u32::MAX as i64);

    fn parse(text: &str) -> Result<Self, String> {
        whole(text, u64::from(u32::MAX)).map(|number| number as u32)
    }
}

impl Leaf for u64 {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a whole number", INTEGER).many("whole numbers").between(0, i64::MAX);

    fn parse(text: &str) -> Result<Self, String> {
        whole(text, i64::MAX as u64)
    }
}

impl Leaf for i64 {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a whole number, negative or not", INTEGER).many("whole numbers");

    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix('-') {
            None => whole(text, Self::MAX as u64).map(u64::cast_signed),
            Some(digits) => whole(digits, Self::MIN.unsigned_abs())
                .map(|number| 0_i64.wrapping_sub_unsigned(number))
                .map_err(|why| match why.strip_prefix("at most ") {
                    Some(most) => format!("at least -{most}"),
                    None => why.replace("write `", "write `-"),
                }),
        }
    }
}

impl Leaf for f64 {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a number", &["number"]).many("numbers").like(&["0.5"]);

    fn parse(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        let number = text.bytes().all(allowed).then(|| text.parse::<Self>().ok()).flatten();
        let bare = text.trim_start_matches(['-', '+']);
        match number {
            _ if bare.starts_with('.') || bare.ends_with('.') => {
                Err("digits stand before and after the point".to_owned())
            }
            Some(number) if number.is_finite() => Ok(number),
            Some(_) => Err("this is too large".to_owned()),
            None if text.contains(',') => Err("write a point, not a comma".to_owned()),
            None => Err("write digits, with a point between if needed".to_owned()),
        }
    }
}

impl Leaf for NonZeroU16 {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a port", INTEGER)
        .many("ports")
        .like(&["8080"])
        .between(1, u16::MAX as i64);

    fn parse(text: &str) -> Result<Self, String> {
        let number = whole(text, u64::from(u16::MAX))?;
        Self::new(number as u16).ok_or_else(|| "a port is between 1 and 65535".to_owned())
    }
}

/// Reads a whole number that is not negative.
pub(super) fn whole(text: &str, most: u64) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let radix = |digits: &str, radix, base| {
        let valid = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        if valid {
            Ok(u64::from_str_radix(digits, radix).ok())
        } else {
            Err(format!("only {base} digits stand after the letter"))
        }
    };
    let value = match text.get(..2) {
        Some("0o") => radix(&text[2..], 8, "octal")?,
        Some("0x") => radix(&text[2..], 16, "hexadecimal")?,
        _ if text.len() > 1 && text.starts_with('0') && digits => return Err(zeros(text)),
        _ if text.starts_with('-') => return Err("it cannot be negative".to_owned()),
        _ if digits => text.parse().ok(),
        _ => return Err(guess(text)),
    };
    value.filter(|value| *value <= most).ok_or_else(|| format!("at most {most}"))
}

fn zeros(text: &str) -> String {
    match text.trim_start_matches('0') {
        "" => "write `0`".to_owned(),
        plain if plain.bytes().all(|digit| digit < b'8') => {
            format!("a leading zero is ambiguous: write `{plain}`, or `0o{plain}` for octal")
        }
        plain => format!("a leading zero is ambiguous: write `{plain}`"),
    }
}

/// What else could have been meant: `1_000`, `1e3`, `+5`.
fn guess(text: &str) -> String {
    let number = text.replace('_', "").parse::<f64>();
    match number {
        Ok(number) if number.fract() == 0.0 && (0.0..1e15).contains(&number) => {
            format!("write `{number}`")
        }
        _ => "write digits only".to_owned(),
    }
}
