//! Repositories on this machine: bare ones that are pushed to or fetched into, their work trees, and
//! what their commits hold.
//!
//! It must not know what is queued.

mod commit;
mod hosted;
mod tree;

pub(crate) use commit::{CommitPipeline, CommitSays, changed, fits, heads, leads_to, says};
pub(crate) use hosted::host;
pub(crate) use tree::check_out;

/// What stands before the names of branches.
pub(crate) const BRANCHES: &str = "refs/heads/";

/// The hash that stands for nothing: a branch that begins or ends.
pub(crate) fn is_nothing(hash: &str) -> bool {
    hash.bytes().all(|byte| byte == b'0')
}

/// Returns whether a text is the hash of a commit, in full.
pub(crate) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
