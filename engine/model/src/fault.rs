//! Why an effect did not come about, and whether another attempt could help.
//!
//! It must not hold the text of a secret; the engine masks what it is handed all the same.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an effect did not come about. The message is a fragment that fits after the name of the thing:
/// "not healthy after 30 s", "cannot write config/nginx.conf: permission denied".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Whether it ran, and whether it may pass.
    pub nature: Nature,
    /// What went wrong and why.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The failing thing's own last words, line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// What a fault says about another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// It ran, and the answer is no. It surely had no effect that is not known.
    Refused,
    /// It was not begun, and no attempt is, as long as nobody changes what the message says.
    Futile,
    /// It was not even tried: the world is not what the plan saw.
    Stale,
    /// It could not run, and will not by itself. The effect may have happened.
    Broken,
    /// It may pass: throttled, connection lost, timed out. The effect may have happened.
    Passing,
}

impl Fault {
    /// It ran, and the answer is no.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Nature::Refused, message)
    }

    /// It was not begun, and no attempt is, as long as nobody changes what the message says.
    pub fn futile(message: impl Into<String>) -> Self {
        Self::new(Nature::Futile, message)
    }

    /// It was not even tried: the world is not what the plan saw.
    pub fn stale(message: impl fmt::Display) -> Self {
        Self::new(Nature::Stale, format!("the plan is stale: {message}")).help("plan again")
    }

    /// It could not run, and will not by itself.
    pub fn broken(message: impl Into<String>) -> Self {
        Self::new(Nature::Broken, message)
    }

    /// It may pass.
    pub fn passing(message: impl Into<String>) -> Self {
        Self::new(Nature::Passing, message)
    }

    /// Says what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the failing thing's own last words.
    pub fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }

    fn new(nature: Nature, message: impl Into<String>) -> Self {
        Self { nature, message: message.into(), help: None, details: Vec::new() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
