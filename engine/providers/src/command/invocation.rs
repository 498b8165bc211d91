//! A command as people write it: a line for the shell, or a program and its arguments.

use std::fmt;

use language::shape::Shape;
use language::{Code, Decoder, Node, Script, Spec};
use model::Value;

/// A command. Secrets have no place in it: whoever lists processes would see them.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub enum Invocation {
    /// Lines for `/bin/sh`, which stops at the first that fails.
    Shell(Script<Lines>),
    /// A program and its arguments.
    Program(Words),
}

/// Lines that say something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines(String);

impl Spec for Lines {
    fn shape() -> Shape {
        String::shape()
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let lines = String::decode(node, decoder)?;
        if lines.trim().is_empty() {
            return missing(node, decoder);
        }
        Some(Self(lines))
    }
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Spec for Words {
    fn shape() -> Shape {
        Vec::<String>::shape()
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let words = Vec::<String>::decode(node, decoder)?;
        if words.first().is_none_or(|program| program.trim().is_empty()) {
            return missing(node, decoder);
        }
        Some(Self(words))
    }
}

fn missing<T>(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<T> {
    let error = decoder.error(Code::BadValue, node, "a command is missing");
    decoder.note(error.label("what is to be run?"));
    None
}

impl Invocation {
    /// Returns the program and its arguments.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Shell(Script(Lines(lines))) => {
                ["/bin/sh", "-e", "-c", lines].map(str::to_owned).to_vec()
            }
            Self::Program(Words(argv)) => argv.clone(),
        }
    }

    /// Returns it so that a pipe fails if any part of it does: what is written by one that failed is
    /// worth nothing.
    pub(crate) fn whole_pipes(&self) -> Self {
        match self {
            Self::Shell(Script(Lines(lines))) => {
                let argv = ["/bin/bash", "-e", "-o", "pipefail", "-c", lines];
                Self::Program(Words(argv.map(str::to_owned).to_vec()))
            }
            program @ Self::Program(_) => program.clone(),
        }
    }

    /// Returns it as it is kept and compared.
    pub fn value(&self) -> Value {
        match self {
            Self::Shell(Script(Lines(lines))) => Value::text(lines.as_str()),
            Self::Program(Words(argv)) => {
                argv.iter().map(String::as_str).collect::<Vec<_>>().into()
            }
        }
    }
}

impl fmt::Display for Invocation {
    /// Its first line, as far as it fits into a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Shell(Script(Lines(lines))) => lines.trim().to_owned(),
            Self::Program(Words(argv)) => argv.join(" "),
        };
        let first = text.lines().next().unwrap_or_default();
        let cut: String = first.chars().take(60).collect();
        f.write_str(&cut)?;
        if cut.len() < text.len() { f.write_str(" …") } else { Ok(()) }
    }
}
