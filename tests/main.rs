//! The binary, seen from outside: what people type, what they get to see, and the exit code.
//!
//! Nothing here looks into the engine: see the tests beside the code for that.

mod cli;
mod files;
