//! Resolved trees: what stands in a spec once its references are put in, as far as they are known.
//!
//! A value may hold handles of secrets and holes for what becomes known later; it never holds the text
//! of a secret. It must not know files, resources or where its parts came from.

use std::collections::BTreeMap;
use std::fmt;

use language::document::SlotId;
use language::template::Written;
use language::{Builder, Content, Document, Node, template};
use serde::{Deserialize, Serialize};

/// 128 bits of BLAKE3: enough to tell equal from changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(#[serde(with = "hex")] pub u128);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Nothing.
    Null,
    /// Text.
    Text(String),
    /// Written without quotes, or a number: what it means is up to the type that reads it.
    Plain(String),
    /// Text, or a whole value, of which not everything is plain.
    Parts(Vec<Piece>),
    /// Text that held a secret: a hash under the project's key is all that may be kept of it.
    Sealed(Digest),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name.
    Map(Tree),
}

/// A spec or the attributes of an object: keys and values.
pub type Tree = BTreeMap<String, Value>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Literal(String),
    /// Its name, and a keyed hash of its text: a rotation shows, the text does not.
    Secret {
        name: String,
        hash: Digest,
    },
    /// The reference that will tell.
    Later(String),
}

/// What a reference stands for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    Known(Value),
    Later,
}

/// Answers for references, by path. An error is the reason in words.
pub trait Readings {
    fn read(&mut self, path: &str) -> Result<Reading, String>;
}

impl<F: FnMut(&str) -> Result<Reading, String>> Readings for F {
    fn read(&mut self, path: &str) -> Result<Reading, String> {
        self(path)
    }
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Reads a node, and puts in what is known.
    pub fn resolve(node: Node<'_>, readings: &mut dyn Readings) -> Result<Self, String> {
        Ok(match node.content() {
            Content::Scalar(scalar) if scalar.is_null() => Self::Null,
            Content::Scalar(scalar) => {
                match template::split(scalar.text, node.written(), node.span()) {
                    None if scalar.plain => Self::Plain(scalar.text.to_owned()),
                    None => Self::text(scalar.text),
                    Some(Err(malformed)) => return Err(malformed.why.to_owned()),
                    Some(Ok(parts)) => {
                        let piece = |part| match part {
                            template::Part::Literal(text) => Piece::Literal(text),
                            template::Part::Reference(reference) => Piece::Later(reference.path),
                        };
                        Self::Parts(parts.into_iter().map(piece).collect()).filled(readings)?
                    }
                }
            }
            Content::List(list) => Self::List(
                list.iter().map(|item| Self::resolve(item, readings)).collect::<Result<_, _>>()?,
            ),
            Content::Map(entries) => {
                let entry = |(key, value): (Node<'_>, Node<'_>)| {
                    let key = key.scalar().map_or("", |key| key.text).to_owned();
                    Ok((key, Self::resolve(value, readings)?))
                };
                Self::Map(entries.iter().map(entry).collect::<Result<_, String>>()?)
            }
        })
    }

    /// Puts in what has become known since.
    pub fn filled(&self, readings: &mut dyn Readings) -> Result<Self, String> {
        match self {
            Self::Parts(pieces) => match &pieces[..] {
                [Piece::Later(path)] => Ok(match readings.read(path)? {
                    Reading::Known(value) => value,
                    Reading::Later => self.clone(),
                }),
                pieces => text_of(pieces, readings),
            },
            Self::List(items) => items
                .iter()
                .map(|item| item.filled(readings))
                .collect::<Result<_, _>>()
                .map(Self::List),
            Self::Map(tree) => filled(tree, readings).map(Self::Map),
            Self::Null | Self::Text(_) | Self::Plain(_) | Self::Sealed(_) => Ok(self.clone()),
        }
    }

    /// References that are still holes.
    pub fn holes<'v>(&'v self, found: &mut Vec<&'v str>) {
        self.pieces(&mut |piece| {
            if let Piece::Later(path) = piece {
                found.push(path);
            }
        });
    }

    pub fn is_complete(&self) -> bool {
        let mut holes = Vec::new();
        self.holes(&mut holes);
        holes.is_empty()
    }

    /// Returns whether something in it was taken out because it held a secret in the open.
    pub fn is_sealed(&self) -> bool {
        match self {
            Self::Sealed(_) => true,
            Self::List(items) => items.iter().any(Self::is_sealed),
            Self::Map(tree) => tree.values().any(Self::is_sealed),
            _ => false,
        }
    }

    /// Secrets by name and hash, in order.
    pub fn secrets(&self) -> Vec<(&str, Digest)> {
        let mut found = Vec::new();
        self.pieces(&mut |piece| {
            if let Piece::Secret { name, hash } = piece {
                found.push((name.as_str(), *hash));
            }
        });
        found
    }

    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        Digest::of(&bytes)
    }

    /// Writes an unambiguous form, which digests are made of.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(b'0'),
            Self::Text(text) | Self::Plain(text) => frame(b't', text, out),
            Self::Sealed(hash) => {
                out.push(b'#');
                out.extend(hash.0.to_le_bytes());
            }
            Self::Parts(pieces) => {
                frame(b'p', "", out);
                pieces.iter().for_each(|piece| piece.write(out));
                out.push(b'.');
            }
            Self::List(items) => {
                out.push(b'[');
                items.iter().for_each(|item| item.write(out));
                out.push(b']');
            }
            Self::Map(tree) => Self::write_tree(tree, out),
        }
    }

    /// Writes a map as [`Value::write`] does.
    pub fn write_tree(tree: &Tree, out: &mut Vec<u8>) {
        out.push(b'{');
        for (key, value) in tree {
            frame(b'k', key, out);
            value.write(out);
        }
        out.push(b'}');
    }

    /// Returns whether both mean the same, however they were written.
    pub fn means(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a) | Self::Plain(a), Self::Text(b) | Self::Plain(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.means(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && a.means(b))
            }
            (a, b) => a == b,
        }
    }

    /// Returns the text of a single plain value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// Reads a node in which nothing is a reference: a parameter, a default.
    pub fn literal(node: Node<'_>) -> Self {
        Self::resolve(node, &mut |path: &str| Err(format!("`{path}` cannot stand here")))
            .unwrap_or(Self::Null)
    }

    fn pieces<'v>(&'v self, see: &mut dyn FnMut(&'v Piece)) {
        match self {
            Self::Parts(pieces) => pieces.iter().for_each(see),
            Self::List(items) => items.iter().for_each(|item| item.pieces(see)),
            Self::Map(tree) => tree.values().for_each(|value| value.pieces(see)),
            Self::Null | Self::Text(_) | Self::Plain(_) | Self::Sealed(_) => {}
        }
    }

    fn build(&self, builder: &mut Builder) -> SlotId {
        match self {
            Self::Null => builder.null(),
            Self::Text(text) => builder.text(&template::literal(text)),
            Self::Plain(text) => builder.plain(&template::literal(text)),
            // It can only be compared: no spec may read it back.
            Self::Sealed(hash) => builder.text(&format!("(sealed {hash})")),
            Self::Parts(pieces) => builder.text(&written(pieces)),
            Self::List(items) => {
                let items = items.iter().map(|item| item.build(builder)).collect();
                builder.list(items)
            }
            Self::Map(tree) => build(tree, builder),
        }
    }
}

impl Piece {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Literal(text) => frame(b'l', text, out),
            Self::Later(path) => frame(b'?', path, out),
            Self::Secret { name, hash } => {
                frame(b's', name, out);
                out.extend(hash.0.to_le_bytes());
            }
        }
    }
}

/// Puts in what has become known since.
pub fn filled(tree: &Tree, readings: &mut dyn Readings) -> Result<Tree, String> {
    tree.iter().map(|(key, value)| Ok((key.clone(), value.filled(readings)?))).collect()
}

/// A document from which a typed spec can be decoded.
pub fn document(tree: &Tree) -> Document {
    let mut builder = Builder::default();
    let root = build(tree, &mut builder);
    builder.finish(root)
}

/// A document that is one value.
pub fn document_of(value: &Value) -> Document {
    let mut builder = Builder::default();
    let root = value.build(&mut builder);
    builder.finish(root)
}

fn build(tree: &Tree, builder: &mut Builder) -> SlotId {
    let pair = |(key, value): (&String, &Value)| [builder.text(key), value.build(builder)];
    let pairs = tree.iter().flat_map(pair).collect();
    builder.map(pairs)
}

/// Returns pieces as an author would write them.
pub fn written(pieces: &[Piece]) -> String {
    let path = |piece: &Piece| match piece {
        Piece::Secret { name, .. } => format!("secret.{name}"),
        Piece::Later(path) => path.clone(),
        Piece::Literal(_) => String::new(),
    };
    let paths: Vec<String> = pieces.iter().map(path).collect();
    template::written(pieces.iter().zip(&paths).map(|(piece, path)| match piece {
        Piece::Literal(text) => Written::Literal(text),
        Piece::Secret { .. } | Piece::Later(_) => Written::Reference(path),
    }))
}

fn text_of(pieces: &[Piece], readings: &mut dyn Readings) -> Result<Value, String> {
    let mut known = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Later(path) => match readings.read(path)? {
                Reading::Later => known.push(piece.clone()),
                Reading::Known(Value::Text(text) | Value::Plain(text)) => {
                    known.push(Piece::Literal(text));
                }
                Reading::Known(Value::Parts(inner)) => known.extend(inner),
                Reading::Known(_) => {
                    return Err(format!("`{path}` is not text and cannot stand inside text"));
                }
            },
            other => known.push(other.clone()),
        }
    }
    let literal = |piece: &Piece| match piece {
        Piece::Literal(text) => Some(text.clone()),
        _ => None,
    };
    let plain: Option<String> = known.iter().map(literal).collect();
    Ok(plain.map_or(Value::Parts(known), Value::Text))
}

fn frame(tag: u8, text: &str, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        let hash = blake3::hash(bytes);
        let (first, _) = hash.as_bytes().split_at(16);
        Self(u128::from_le_bytes(first.try_into().unwrap_or_default()))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Self {
        Self::Plain(is.to_string())
    }
}

macro_rules! from_numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for Value {
            fn from(number: $number) -> Self {
                Self::Plain(number.to_string())
            }
        }
    )*};
}
from_numbers!(u16, u32, u64, i32, i64, usize);

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(items: Vec<V>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<Tree> for Value {
    fn from(tree: Tree) -> Self {
        Self::Map(tree)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{value:032x}"))
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a document of these pieces is read back as.
    fn again(pieces: &[Piece]) -> Vec<Piece> {
        let tree = Tree::from([("key".to_owned(), Value::Parts(pieces.to_vec()))]);
        let document = document(&tree);
        let node = document.root().get("key").expect("it is there");
        let value =
            Value::resolve(node, &mut |_: &str| Ok(Reading::Later)).expect("it is well formed");
        match value {
            Value::Parts(pieces) => pieces,
            Value::Text(text) => vec![Piece::Literal(text)],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_secret_stays_one_and_text_becomes_none_whatever_stands_beside_it() {
        let literal = |text: &str| Piece::Literal(text.to_owned());
        let secret = Piece::Secret { name: "db".to_owned(), hash: Digest::default() };
        let read = Piece::Later("secret.db".to_owned());
        for before in ["$", "$$", "a $", "${", "$${", "$$$"] {
            assert_eq!(again(&[literal(before), secret.clone()]), [literal(before), read.clone()]);
        }
        let split = [literal("$"), literal("{secret.db}"), secret];
        assert_eq!(again(&split), [literal("${secret.db}"), read]);
        for text in ["${secret.db}", "$${secret.db}", "$$${secret.db}", "$", "{", "$$$${"] {
            let tree = Tree::from([("key".to_owned(), Value::text(text))]);
            let document = document(&tree);
            let node = document.root().get("key").expect("it is there");
            assert_eq!(Value::literal(node).as_text(), Some(text));
        }
    }
}
