//! Requests, counted by what they ask for and how they were answered.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts of requests.
#[derive(Default)]
pub(crate) struct Counters(Mutex<BTreeMap<(&'static str, u16), u64>>);

impl Counters {
    /// Counts an answer.
    pub(crate) fn count(&self, what: &'static str, status: u16) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((what, status)).or_default() += 1;
    }

    /// Returns all counts.
    pub(crate) fn all(&self) -> BTreeMap<(&'static str, u16), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
