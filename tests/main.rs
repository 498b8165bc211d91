//! The binary, seen from outside: what people type, what they get to see, and the exit code.
//!
//! Nothing here looks into the engine: see the tests beside the code for that.

#![expect(clippy::unwrap_used, reason = "what fails here is a test that fails")]

mod cli;
mod files;
mod fuzz;
mod serve;
