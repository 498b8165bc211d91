//! Why something that a person asked for was not done: what the exit code follows from.
//!
//! It must not draw anything.

use language::{Diagnostics, Sources};
use model::Fault;

use crate::store::StoreError;

/// Why something was not done.
pub enum Problem {
    /// The files are wrong.
    Files(Box<Wrong>),
    /// What was typed means nothing here.
    Usage {
        /// What.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// It could be done and is refused: protection, a lease, a plan that is stale or used.
    Refused {
        /// What, and why.
        message: String,
        /// What to do.
        help: Option<String>,
        /// One reason each.
        details: Vec<String>,
    },
    /// The store.
    Store(StoreError),
    /// It was tried and failed.
    Failed(Fault),
}

/// Everything that is wrong with files, and their text.
pub struct Wrong {
    /// What is wrong.
    pub diagnostics: Diagnostics,
    /// The text.
    pub sources: Sources,
}

impl Problem {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(Fault::broken(message))
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), help: None, details: Vec::new() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: None }
    }

    /// Says what to do.
    pub fn help(self, text: impl Into<String>) -> Self {
        let text = Some(text.into());
        match self {
            Self::Failed(fault) => Self::Failed(Fault { help: text, ..fault }),
            Self::Refused { message, details, .. } => {
                Self::Refused { message, help: text, details }
            }
            Self::Usage { message, .. } => Self::Usage { message, help: text },
            other => other,
        }
    }

    /// Returns the exit code: 1 failed, 2 usage or files, 4 refused.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Files(_) | Self::Usage { .. } => 2,
            Self::Refused { .. } => 4,
            Self::Store(error) if error.is_refusal() => 4,
            Self::Store(_) | Self::Failed(_) => 1,
        }
    }

    /// Returns it in one line, for where nothing can be drawn.
    pub fn message(&self) -> String {
        match self {
            Self::Files(wrong) => {
                let first = wrong.diagnostics.iter().next().map(|first| first.message.clone());
                let errors = match wrong.diagnostics.len() {
                    1 => "1 error".to_owned(),
                    count => format!("{count} errors"),
                };
                format!("{errors} in the files: {}", first.unwrap_or_default())
            }
            Self::Usage { message, .. } => message.clone(),
            Self::Refused { message, details, .. } => match details.is_empty() {
                true => message.clone(),
                false => format!("{message}: {}", details.join("; ")),
            },
            Self::Store(error) => error.to_string(),
            Self::Failed(fault) => fault.message.clone(),
        }
    }

    /// Returns what is wrong, of files the first thing alone.
    pub(super) fn first_message(&self) -> String {
        match self {
            Self::Files(wrong) => wrong
                .diagnostics
                .iter()
                .next()
                .map(|first| first.message.clone())
                .unwrap_or_default(),
            other => other.message(),
        }
    }

    /// Returns what to do about it.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Files(_) => None,
            Self::Usage { help, .. } | Self::Refused { help, .. } => help.clone(),
            Self::Failed(fault) => fault.help.clone(),
            Self::Store(error) => Some(
                match error {
                    StoreError::Fenced { .. } => "look at what the other run did, then plan again",
                    StoreError::PlanUsed { .. } => "windlass plan -o FILE",
                    StoreError::CauseUsed { .. } => "look at it: windlass runs show",
                    StoreError::Overtaken => "start it again",
                    StoreError::Newer { .. } => "install the version that wrote it",
                    StoreError::Corrupt(_) => {
                        "nothing was changed; put back a copy of .windlass/store.db (`windlass doctor` checks it), or move it away and `windlass import` what exists"
                    }
                    StoreError::Full(_) => "make room; nothing was begun that is not in the journal",
                    StoreError::Unavailable(_) => "see that .windlass can be read and written",
                }
                .to_owned(),
            ),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
