//! All tests of the language, in one binary.
#![allow(unreachable_pub, reason = "modules of one binary")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod answer;
mod any_value;
mod bytes;
mod declaration;
mod derived;
mod example;
mod findings;
mod hostile;
mod limits;
mod mutated;
mod references;
mod scalars;
mod schema_proof;
mod suggestions;
