//! Secrets that are to be read elsewhere: encrypted for those who may.
//!
//! Where this project's own secrets are kept is the engine's business, not that of a kind.

pub mod file;

pub use file::SecretFile;
