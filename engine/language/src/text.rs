//! Text that may hold secrets, and secrets alone. Neither can be printed.

use crate::decoder::Decoder;
use crate::diagnostic::Code;
use crate::document::{Content, Node};
use crate::shape::{ScalarShape, Shape};
use crate::spec::Spec;
use crate::template::Part;

/// Text in which `${secret.name}` is still a handle; put in at the last moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Literals and names of secrets, in order.
    pub parts: Vec<TextPart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPart {
    Literal(String),
    Secret(String),
}

const TEXT: &ScalarShape = &ScalarShape::new("text", &["string", "number", "boolean"]);
const SECRET: &ScalarShape = &ScalarShape::new("a secret", &["string"])
    .like(&["${secret.db_password}"])
    .pattern(r"^\$\{secret\.[A-Za-z0-9_-]+\}$");

impl Spec for Text {
    fn shape() -> Shape {
        Shape::Scalar(TEXT)
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Content::Scalar(_) = node.content() else {
            return decoder.mismatch(node, Self::shape());
        };
        let mut text = Self { parts: Vec::new() };
        decoder.parts(node)?.into_iter().for_each(|part| text.push(part));
        Some(text)
    }
}

impl Text {
    fn push(&mut self, part: Part) {
        match (part, self.parts.last_mut()) {
            (Part::Literal(more), Some(TextPart::Literal(text))) => text.push_str(&more),
            (Part::Literal(text), _) => self.parts.push(TextPart::Literal(text)),
            (Part::Reference(reference), _) => {
                self.parts
                    .push(TextPart::Secret(reference.secret().unwrap_or_default().to_owned()));
            }
        }
    }
}

/// The name of a secret. The secret itself never stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
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
        decoder.note(
            decoder
                .error(Code::MisplacedSecret, node, "a secret must not stand in a file")
                .help("keep it with `windlass secret set NAME` and write `${secret.NAME}` here"),
        );
        None
    }
}
