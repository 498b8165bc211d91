//! A file of the project whose content counts: a template, a script, a zone fragment.
//!
//! The engine reads it when the stack is loaded and puts its content beside its path, so that a change
//! of the file is a change of the resource, and a plan holds everything that it needs. It must not
//! read files itself.

use std::sync::Arc;

use language::document::Content;
use language::shape::{ScalarShape, Shape};
use language::{Decoder, Node, Spec};

use crate::value::Value;

/// A file of the project and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// As it is written, relative to the project.
    pub path: String,
    /// Its text when the stack was loaded; empty where nobody has read it.
    pub content: Arc<str>,
}

/// How the engine recognises such keys.
pub const SHAPE: &ScalarShape =
    &ScalarShape::new("a file of the project", &["string"]).like(&["templates/nginx.conf.hbs"]);

/// The keys under which path and content stand once the engine has read the file.
pub const PATH: &str = "path";
/// See [`PATH`].
pub const CONTENT: &str = "content";

impl ProjectFile {
    /// Returns whether a key of this shape names a file of the project.
    pub fn is(shape: Shape) -> bool {
        matches!(shape, Shape::Scalar(scalar) if std::ptr::eq(scalar, SHAPE) || scalar.name == SHAPE.name)
    }
}

impl Spec for ProjectFile {
    fn shape() -> Shape {
        Shape::Scalar(SHAPE)
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if let Content::Map(_) = node.content() {
            let text = |key: &str| match Value::literal(node.get(key)?) {
                Value::Text(text) | Value::Plain(text) => Some(text),
                _ => None,
            };
            return Some(Self { path: text(PATH)?, content: text(CONTENT)?.into() });
        }
        let path = decoder.text(node, SHAPE)?.into_owned();
        let content = decoder.file(&path).unwrap_or_default();
        Some(Self { path, content })
    }
}
