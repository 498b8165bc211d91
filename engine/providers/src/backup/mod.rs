//! Backups: repositories, jobs, and the work that jobs do.
//!
//! The engine below is restic, behind a small trait ([`archive::Archive`]). What is ours is what it
//! lacks: jobs, dumps with an exact end, retention that never drops the last proven snapshot, ids
//! noted outside the repository, drills. Nothing here removes a repository.

mod archive;
pub mod job;
mod repository;
mod restic;

pub use job::BackupJob;
pub use repository::{BackupRepository, Place, RepositoryObject, RepositorySpec};
pub use restic::bytes;
