//! What a supervisor can fail to do for the one who asked.

use std::fmt;
use std::path::PathBuf;

/// Why a supervisor did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupervisorError {
    /// None answers, and none could be started.
    Unreachable {
        /// Its folder.
        home: PathBuf,
        /// What happened.
        why: String,
    },
    /// It runs a newer release than this one, and must not be replaced by it.
    Newer {
        /// That release.
        release: String,
    },
    /// It says no.
    Refused(String),
}

impl fmt::Display for SupervisorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { home, why } => write!(
                f,
                "the supervisor in {} does not answer: {why}; what it did last stands in {}",
                home.display(),
                home.join(super::diary::FILE).display()
            ),
            Self::Newer { release } => write!(
                f,
                "the supervisor of this project runs windlass {release}, which is newer than this \
                 one ({}): use that release, or newer",
                env!("CARGO_PKG_VERSION")
            ),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for SupervisorError {}
