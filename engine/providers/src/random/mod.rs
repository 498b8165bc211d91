//! What must not be guessed: made once, kept encrypted, never shown.
//!
//! Nothing here may hand out the text itself: others get a handle.

pub mod password;

pub use password::RandomPassword;
