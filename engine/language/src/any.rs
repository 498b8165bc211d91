//! Values that are handed on as they are: what a template is given, what a foreign format needs.
//!
//! Nobody says what type they have, so scalars are read as YAML 1.2 has it (its core schema). It must
//! not reveal secrets: they stay handles, as in [`Text`].

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::decoder::Decoder;
use crate::diagnostic::Code;
use crate::document::{Content, Node, Scalar};
use crate::shape::Shape;
use crate::spec::Spec;
use crate::suggest;
use crate::text::Text;

/// A value of any form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnyValue {
    /// No value: `null`, `~`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text, in which secrets are still handles.
    Text(Text),
    /// Values in order.
    List(Vec<AnyValue>),
    /// Values by name.
    Map(BTreeMap<String, AnyValue>),
}

/// A number as it is written: `3.10` stays `3.10`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(String);

impl Spec for AnyValue {
    fn shape() -> Shape {
        Shape::Any
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        match node.content() {
            Content::Scalar(scalar) if scalar.text.contains("${") => {
                Text::decode(node, decoder).map(Self::Text)
            }
            Content::Scalar(scalar) => plain(&scalar).or_else(|| {
                let message =
                    format!("{} cannot be kept as a number", suggest::quoted(scalar.text));
                let error = decoder.error(Code::BadValue, node, message);
                decoder.note(error.help("put it in quotes if it is meant as text"));
                None
            }),
            Content::List(_) => Vec::decode(node, decoder).map(Self::List),
            Content::Map(_) => BTreeMap::decode(node, decoder).map(Self::Map),
        }
    }
}

impl AnyValue {
    /// Returns the value under a name, if this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(values) => values.get(name),
            _ => None,
        }
    }

    /// Returns it as JSON; what becomes of each text is up to `text`, which may put secrets in.
    ///
    /// # Errors
    /// The first error of `text`.
    pub fn to_json<E>(
        &self,
        text: &mut impl FnMut(&Text) -> Result<String, E>,
    ) -> Result<Value, E> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => number.to_json(),
            Self::Text(value) => Value::String(text(value)?),
            Self::List(values) => {
                let values = values.iter().map(|value| value.to_json(text));
                Value::Array(values.collect::<Result<_, _>>()?)
            }
            Self::Map(values) => {
                let entry =
                    |(name, value): (&String, &Self)| Ok((name.clone(), value.to_json(text)?));
                Value::Object(values.iter().map(entry).collect::<Result<_, _>>()?)
            }
        })
    }

    /// Shows every text in it to `see`, to collect the secrets that it needs.
    pub fn texts(&self, see: &mut impl FnMut(&Text)) {
        match self {
            Self::Text(text) => see(text),
            Self::List(values) => values.iter().for_each(|value| value.texts(see)),
            Self::Map(values) => values.values().for_each(|value| value.texts(see)),
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
        }
    }
}

impl Number {
    /// Returns it as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the nearest number that a computer has; JSON knows no others.
    pub fn to_json(&self) -> Value {
        let digits = self.0.trim_start_matches('+');
        let radix = |prefix, radix| {
            digits.strip_prefix(prefix).and_then(|digits| u64::from_str_radix(digits, radix).ok())
        };
        let whole = radix("0o", 8).or_else(|| radix("0x", 16)).or_else(|| digits.parse().ok());
        match (whole, digits.parse::<i64>(), digits.parse::<f64>()) {
            (Some(whole), ..) => whole.into(),
            (None, Ok(negative), _) => negative.into(),
            (None, _, Ok(float)) => float.into(),
            _ => Value::Null,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a scalar without references by what it looks like; None for a number beyond all bounds.
fn plain(scalar: &Scalar<'_>) -> Option<AnyValue> {
    let text = scalar.text;
    if scalar.is_text() {
        return Some(AnyValue::Text(text.into()));
    }
    Some(match text {
        _ if scalar.is_null() => AnyValue::Null,
        "true" | "True" | "TRUE" => AnyValue::Bool(true),
        "false" | "False" | "FALSE" => AnyValue::Bool(false),
        _ if is_number(text) => {
            let number = Number(text.to_owned());
            return (!number.to_json().is_null()).then_some(AnyValue::Number(number));
        }
        _ if is_endless(text) => return None,
        _ => AnyValue::Text(text.into()),
    })
}

/// YAML 1.2, 10.3.2: tag resolution of the core schema.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(octal) = text.strip_prefix("0o") {
        return !octal.is_empty() && octal.bytes().all(|byte| (b'0'..b'8').contains(&byte));
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return !hexadecimal.is_empty() && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

fn is_endless(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// A scalar as JSON, by what it looks like.
pub(crate) fn guessed(scalar: &Scalar<'_>) -> Value {
    match plain(scalar) {
        Some(AnyValue::Null) => Value::Null,
        Some(AnyValue::Bool(value)) => value.into(),
        Some(AnyValue::Number(number)) => number.to_json(),
        _ => scalar.text.into(),
    }
}
