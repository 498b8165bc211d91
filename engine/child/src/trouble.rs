//! What can go wrong with a command, beside how it ends.

use std::error::Error;
use std::fmt;
use std::io;

use rustix::process::Pid;

/// What went wrong with a command.
#[derive(Debug)]
pub enum Trouble {
    /// It cannot be started.
    Start(io::Error),
    /// These were killed, and do not end.
    Stubborn(Vec<Pid>),
    /// It cannot be waited for.
    Wait(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) | Self::Wait(error) => error.fmt(f),
            Self::Stubborn(who) => {
                let who: Vec<String> = who.iter().map(ToString::to_string).collect();
                write!(f, "it cannot be ended: process {}", who.join(" "))
            }
        }
    }
}

impl Error for Trouble {}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Wait(error)
    }
}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Start(error) | Trouble::Wait(error) => error,
            stubborn @ Trouble::Stubborn(_) => Self::other(stubborn),
        }
    }
}
