//! What a value of the language must be able to do: describe itself and be read.

use std::collections::BTreeMap;

use crate::decoder::Decoder;
use crate::diagnostic::Code;
use crate::document::{Content, Node};
use crate::keys::Keys;
use crate::shape::{Layout, ScalarShape, Shape};
use crate::source::Span;
use crate::suggest;

/// A type that people write in YAML. Derive it for structs and enums; implement [`Leaf`] for a
/// new kind of scalar.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written in YAML",
    label = "this needs `Spec`",
    note = "derive `Spec` for a struct or an enum, implement `Leaf` for a new kind of scalar",
    note = "`Box<T>` may stand as a field or inside `Option`, and nowhere deeper"
)]
pub trait Spec: Sized {
    /// Returns what people write.
    fn shape() -> Shape;

    /// Reads the value. None means that there is none now: either `decoder` has been told of an
    /// error, or a reference in it waits for a later step.
    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self>;

    /// Returns the value of a key that is left out; None makes the key required.
    fn absent() -> Option<Self> {
        None
    }
}

/// A spec made of keys. It takes its own keys from a map that others may share, which is how a
/// header common to all resources and the body of one kind stand side by side.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no keys of its own",
    note = "derive `Spec` for a struct with named fields, or for an enum whose variants have them"
)]
pub trait Record: Sized {
    /// Returns its keys.
    fn layout() -> &'static Layout;

    /// Reads its keys, every one of them before it looks whether one failed.
    fn take(keys: &mut Keys<'_, '_, '_>) -> Option<Self>;
}

/// A scalar, read from its text. The type decides what the text means, so `NO`, `1e3` and `3.10`
/// are never guessed at.
pub trait Leaf: Sized {
    /// What it looks like.
    const SHAPE: &'static ScalarShape;

    /// Reads the text, or says what would be right: "a unit is missing: write `30s`".
    ///
    /// # Errors
    /// Advice, as a lowercase fragment.
    fn parse(text: &str) -> Result<Self, String>;
}

impl<L: Leaf> Spec for L {
    fn shape() -> Shape {
        Shape::Scalar(L::SHAPE)
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let text = decoder.text(node, L::SHAPE)?;
        L::parse(&text)
            .map_err(|why| {
                let message = format!("{} is not {}", suggest::quoted(&text), L::SHAPE.name);
                decoder.note(decoder.error(Code::BadValue, node, message).label(why));
            })
            .ok()
    }
}

impl<T: Spec> Spec for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        T::decode(node, decoder).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Spec> Spec for Vec<T> {
    fn shape() -> Shape {
        Shape::List(T::shape)
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Content::List(list) = node.content() else {
            return decoder.mismatch(node, Self::shape());
        };
        let items: Vec<Option<T>> = list.iter().map(|item| decoder.read(item)).collect();
        items.into_iter().collect()
    }
}

/// Keys that the author invents: `String` takes any, [`crate::Name`] only what can be a name.
impl<K: Leaf + Ord, T: Spec> Spec for BTreeMap<K, T> {
    fn shape() -> Shape {
        match K::SHAPE.pattern {
            None => Shape::Map(T::shape),
            Some(_) => Shape::MapBy { key: K::SHAPE, value: T::shape },
        }
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Content::Map(entries) = node.content() else {
            return decoder.mismatch(node, Self::shape());
        };
        let read: Vec<Option<(K, T)>> =
            entries.iter().map(|(key, value)| decoder.entry(key, value)).collect();
        read.into_iter().collect()
    }
}

/// A value that remembers where it stands, for checks that look at several values later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T: Spec> Spec for Spanned<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let span = node.span();
        T::decode(node, decoder).map(|value| Self { value, span })
    }
}
