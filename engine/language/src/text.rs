//! Text that may hold secrets, and secrets alone. Neither knows what a secret says.

use crate::decoder::Decoder;
use crate::diagnostic::Code;
use crate::document::{Content, Node};
use crate::scalar::TEXT;
use crate::shape::{ScalarShape, Shape};
use crate::spec::Spec;
use crate::template::{self, Part, Written};

/// Text in which `${secret.name}` is still a handle; put in at the last moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text {
    /// Literals and names of secrets, in order.
    pub parts: Vec<TextPart>,
}

/// A part of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextPart {
    /// Text that stands for itself.
    Literal(String),
    /// The name of a secret.
    Secret(String),
}

const SECRET: &ScalarShape = &ScalarShape::new("a secret", &["string"])
    .many("secrets")
    .like(&["${secret.db_password}"])
    .pattern(r"^\$\{secret\.[A-Za-z0-9_.\[\]-]+\}$");

impl Spec for Text {
    fn shape() -> Shape {
        Shape::Scalar(TEXT)
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Content::Scalar(_) = node.content() else {
            return decoder.mismatch(node, Self::shape());
        };
        decoder.parts(node).map(|parts| parts.into_iter().collect())
    }
}

impl Text {
    /// Returns the whole text if there is no secret in it.
    pub fn literal(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [TextPart::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the names of the secrets in it, in order.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            TextPart::Secret(name) => Some(name.as_str()),
            TextPart::Literal(_) => None,
        })
    }

    /// Returns the text as an author would write it: references to secrets, not what they say.
    pub fn written(&self) -> String {
        let paths: Vec<String> = self.secrets().map(|name| format!("secret.{name}")).collect();
        let mut paths = paths.iter();
        template::written(self.parts.iter().map(|part| match part {
            TextPart::Literal(text) => Written::Literal(text),
            TextPart::Secret(_) => Written::Reference(paths.next().map_or("", String::as_str)),
        }))
    }

    fn push(&mut self, part: Part) {
        match (part, self.parts.last_mut()) {
            (Part::Literal(more), Some(TextPart::Literal(text))) => text.push_str(&more),
            (Part::Literal(text), _) if text.is_empty() => {}
            (Part::Literal(text), _) => self.parts.push(TextPart::Literal(text)),
            (Part::Reference(reference), _) => {
                let name = reference.secret().unwrap_or_default().to_owned();
                self.parts.push(TextPart::Secret(name));
            }
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        [Part::Literal(text.to_owned())].into_iter().collect()
    }
}

impl FromIterator<Part> for Text {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        let mut text = Self::default();
        parts.into_iter().for_each(|part| text.push(part));
        text
    }
}

/// The name of a secret. The secret itself never stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret {
    /// The name under which it is kept.
    pub name: String,
}

impl Spec for Secret {
    fn shape() -> Shape {
        Shape::Scalar(SECRET)
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if let Content::Scalar(_) = node.content()
            && let [Part::Reference(reference)] = &decoder.parts(node)?[..]
        {
            return reference.secret().map(|name| Self { name: name.to_owned() });
        }
        let message = "a secret must not stand in a file";
        let mut error = decoder.error(Code::MisplacedSecret, node, message);
        if let Some(place) = error.labels.first_mut() {
            // All of its lines: what lies here is not drawn.
            place.span = node.span();
        }
        decoder.note(
            error.help("keep it with `windlass secret set NAME` and write `${secret.NAME}` here"),
        );
        None
    }
}
