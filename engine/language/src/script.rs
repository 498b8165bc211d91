//! Text that is run: what others choose must not become a part of it unseen.

use crate::decoder::Decoder;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::Node;
use crate::shape::Shape;
use crate::spec::Spec;
use crate::template::{Part, pieces};

/// Lines for a shell. A value that is put into them and that others choose is warned of: it would be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script<T>(pub T);

impl<T: Spec> Spec for Script<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        decoder.warn_of_chosen(node);
        T::decode(node, decoder).map(Self)
    }
}

impl Decoder<'_> {
    fn warn_of_chosen(&mut self, node: Node<'_>) {
        let Some(scalar) = node.scalar().filter(|scalar| scalar.text.contains("${")) else {
            return;
        };
        for piece in pieces(scalar.text, node.written(), node.span()) {
            let Ok(Part::Reference(reference)) = piece else { continue };
            if self.scope.is_chosen(&reference) {
                let path = &reference.path;
                let message = format!("whoever chooses `{path}` chooses what is run here");
                let help = format!(
                    "hand it in as a variable of the environment, `VALUE: ${{{path}}}`, and write \
                     \"$VALUE\""
                );
                self.note(Diagnostic::warning(Code::Pasted, reference.span, message).help(help));
            }
        }
    }
}
