//! Backups with the real restic, in folders of their own.

mod jobs;
mod repositories;
