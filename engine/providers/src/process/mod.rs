//! Programs on this machine: services that are kept running.
//!
//! It must not know how a run is planned or walked.

pub mod supervisor;
