//! What is said about a value that has another form than the spec. It decides nothing.

use crate::decoder::Decoder;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Content, Node};
use crate::shape::{Case, Layout, ScalarShape, Shape};
use crate::source::{SourceId, Span};
use crate::suggest;
use crate::template::Reference;

impl Decoder<'_> {
    /// Notes that the value has another form than the spec.
    pub fn mismatch<T>(&mut self, node: Node<'_>, expected: Shape) -> Option<T> {
        let message = format!("expected {}", expected.expected());
        let error = self.error(Code::WrongType, node, message).label(found(node));
        self.note(match (expected, node.content()) {
            (Shape::List(_), Content::Scalar(scalar)) if is_short(scalar.text) => {
                error.help(format!("write `[{}]`", scalar.text))
            }
            _ => error,
        });
        None
    }

    /// Notes that a map was expected, and which keys would tell.
    pub(crate) fn not_a_map<T>(&mut self, node: Node<'_>, layout: &'static Layout) -> Option<T> {
        let keys: Vec<&str> = match &layout.cases[..] {
            [] => {
                layout.fields.iter().filter(|field| field.required).map(|field| field.key).collect()
            }
            cases => cases.iter().map(Case::key).collect(),
        };
        let with =
            if keys.is_empty() { String::new() } else { format!(" with {}", suggest::list(keys)) };
        let error = self.error(Code::WrongType, node, format!("expected a map{with}"));
        self.note(error.label(found(node)));
        None
    }

    pub(crate) fn nothing<T>(&mut self, node: Node<'_>, shape: Shape) -> Option<T> {
        let place = self.place().unwrap_or(node.span());
        let error = Diagnostic::new(Code::WrongType, place, "no value is given")
            .label(format!("expected {}", shape.expected()));
        self.note(match node.written() {
            "" => error.help("write a value, or leave the key out to use its default"),
            _ => error.help(
                "leave the key out to use its default; put the word in quotes if it is meant as text",
            ),
        });
        None
    }

    pub(crate) fn quoted<T>(&mut self, node: Node<'_>, shape: &'static ScalarShape) -> Option<T> {
        let message = format!("expected {}", Shape::Scalar(shape).expected());
        let error = self.error(Code::WrongType, node, message).label("the quotes make this text");
        self.note(error.help("remove the quotes"));
        None
    }

    pub(crate) fn must_be_literal<T>(&mut self, node: Node<'_>) -> Option<T> {
        let error = self.error(Code::BadReference, node, "no reference can stand here");
        self.note(error.label("this shapes the graph itself, so it must be written out"));
        None
    }

    /// A secret behind a reference stands in no file: then the place is where it would go.
    pub(crate) fn misplaced_secret<T>(&mut self, node: Node<'_>, secret: &Reference) -> Option<T> {
        let in_file = secret.span.source != SourceId::NOWHERE;
        let place = if in_file { secret.span } else { first_line(node) };
        let name = suggest::quoted(secret.secret().unwrap_or_default());
        let message = format!("the secret {name} cannot be used here");
        let error = Diagnostic::new(Code::MisplacedSecret, place, message);
        self.note(error.label("this value is shown in plans and kept in state"));
        None
    }
}

/// Returns "found …" as a person would say it.
pub(crate) fn found(node: Node<'_>) -> String {
    match node.content() {
        Content::Scalar(scalar) if scalar.is_null() => "found nothing".to_owned(),
        Content::Scalar(_) => "found a single value".to_owned(),
        Content::List(_) => "found a list".to_owned(),
        Content::Map(_) => "found a map".to_owned(),
    }
}

/// More of a line, in bytes, is not searched for its end.
const MOST_OF_A_LINE: usize = 4096;

/// Returns the span of a value, or where a long one begins.
pub(crate) fn first_line(node: Node<'_>) -> Span {
    let (span, written) = (node.span(), node.written());
    let written = &written[..written.floor_char_boundary(MOST_OF_A_LINE)];
    let length = written.bytes().position(|byte| byte == b'\r' || byte == b'\n');
    Span { end: span.start + length.unwrap_or(written.len()) as u32, ..span }
}

/// What can be repeated in a line of advice.
fn is_short(text: &str) -> bool {
    text.chars().count() <= 40 && !text.contains(char::is_control)
}
