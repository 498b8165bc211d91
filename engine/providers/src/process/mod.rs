//! Programs on this machine: services that are kept running.
//!
//! It must not know how a run is planned or walked.

pub mod service;
pub mod supervisor;

use std::io;
use std::path::Path;

pub use service::ProcessService;

/// The hidden word of the command line under which the program becomes the supervisor of a folder:
/// `windlass supervise FOLDER` calls [`supervise`].
pub const SUPERVISE: &str = "supervise";

/// Is the supervisor of a folder until nothing is left to do; returns at once if there is one. Meant
/// to be the whole of a process.
pub fn supervise(home: &Path) -> io::Result<()> {
    supervisor::prepare(home)?;
    let key = supervisor::AgeBox::kept_in(&home.join("key"))?;
    supervisor::run(home, Box::new(key))
}
