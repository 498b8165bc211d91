//! The keys and attributes of `data.value`.

use language::{Spec, Text};

/// Holds a value in state, and a new one when it is told to.
#[derive(Debug, Spec)]
pub struct ValueSpec {
    /// The value.
    pub input: Option<Text>,
    /// A change of this makes a new one, with a new `serial`.
    #[spec(replaces)]
    pub replace_when: Option<Text>,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct ValueObject {
    /// The value, known once it is applied.
    #[spec(follows = "input")]
    pub output: Option<Text>,
    /// Tells this one from the one before: it changes when it is replaced, and never else.
    #[spec(follows = "")]
    pub serial: String,
}
