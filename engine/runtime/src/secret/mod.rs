//! Secrets: where their texts come from, how those that kinds make are kept, and what hides them.
//!
//! It must not hand a text to anything but a kind or a step that is about to use it.

mod key;
mod vault;

pub use key::{Key, Opener, unusable};
pub use vault::{FILE, KEPT, OPENER, SecretError, VARIABLE, Vault};
