//! What a kind is handed to work with: it reads no environment, clock or randomness by itself.
//!
//! It must not hold anything that only one kind needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::secret::Secrets;

/// Everything around one effect or one batch of reads. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The stack, and in a run the address: for messages, labels and tags.
    pub stack: Arc<str>,
    /// The address of the resource; empty when many are read at once.
    pub address: Arc<str>,
    /// What is the same for every effect of a run.
    pub site: Arc<Site>,
    /// Where the effect says what it is doing.
    pub progress: Arc<dyn Progress>,
}

/// What is the same for every effect of a run.
pub struct Site {
    /// The project's folder, absolute: relative paths in files mean places in it.
    pub project: PathBuf,
    /// `.windlass`, absolute: where kinds keep what they need beside the state, in a folder each.
    pub home: PathBuf,
    /// How to start this program again, for what must outlive it.
    pub program: PathBuf,
    /// The environment that commands and services start from.
    pub environment: BTreeMap<String, String>,
    /// Secrets by name.
    pub secrets: Arc<dyn Secrets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness fit for keys and passwords.
    pub random: Arc<dyn Random>,
}

/// The time, handed in.
pub trait Clock: Send + Sync {
    /// Returns the time now.
    fn now(&self) -> SystemTime;
}

/// Randomness, handed in.
pub trait Random: Send + Sync {
    /// Fills the buffer with bytes that nobody can guess.
    fn fill(&self, buffer: &mut [u8]);
}

/// Where an effect says what it is doing. Lossy: nothing may depend on it.
pub trait Progress: Send + Sync {
    /// What it waits for or does now, in a few words: `health: GET /health → 503`.
    fn status(&self, text: &str);
    /// A line of its output, which is kept in the run's log.
    fn line(&self, text: &str);
    /// A line of its output that says what came of it, such as a receipt: whoever looks at the run sees it
    /// there, too.
    fn came_of_it(&self, text: &str) {
        self.line(text);
    }
}

/// Says nothing to anyone.
pub struct Silent;

impl Progress for Silent {
    fn status(&self, _: &str) {}
    fn line(&self, _: &str) {}
}

impl Context {
    /// Returns the absolute place of a path as people write it: relative ones lie in the project.
    pub fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        self.site.project.join(path)
    }

    /// Returns where secrets come from.
    pub fn secrets(&self) -> &dyn Secrets {
        &*self.site.secrets
    }
}
