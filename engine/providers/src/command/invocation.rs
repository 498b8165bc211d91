//! A command as people write it: a line for the shell, or a program and its arguments.

use std::fmt;

use language::{Script, Spec};
use model::Value;

/// A command. Secrets have no place in it: whoever lists processes would see them.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub enum Invocation {
    /// Lines for `/bin/sh`, which stops at the first that fails.
    Shell(Script<String>),
    /// A program and its arguments.
    Program(Vec<String>),
}

impl Invocation {
    /// Returns the program and its arguments.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Shell(Script(lines)) => {
                ["/bin/sh", "-e", "-c", lines].map(str::to_owned).to_vec()
            }
            Self::Program(argv) => argv.clone(),
        }
    }

    /// Returns it as it is kept and compared.
    pub fn value(&self) -> Value {
        match self {
            Self::Shell(Script(lines)) => Value::text(lines.as_str()),
            Self::Program(argv) => argv.iter().map(String::as_str).collect::<Vec<_>>().into(),
        }
    }
}

impl fmt::Display for Invocation {
    /// Its first line, as far as it fits into a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Shell(Script(lines)) => lines.trim().to_owned(),
            Self::Program(argv) => argv.join(" "),
        };
        let first = text.lines().next().unwrap_or_default();
        let cut: String = first.chars().take(60).collect();
        f.write_str(&cut)?;
        if cut.len() < text.len() { f.write_str(" …") } else { Ok(()) }
    }
}
