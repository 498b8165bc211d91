//! One backend of a term, and whether it is in health.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A backend. It gets requests from the start; a check that fails takes it out, one that passes puts it
/// back.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    healthy: AtomicBool,
    /// What the last check said.
    said: Mutex<Option<String>>,
}

impl Target {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, healthy: AtomicBool::new(true), said: Mutex::new(None) }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.healthy.load(Relaxed)
    }

    /// Notes what a check said, and whether the target gets requests from now on.
    pub(crate) fn judge(&self, healthy: bool, said: String) {
        self.healthy.store(healthy, Relaxed);
        *self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(said);
    }

    /// Returns what the last check said.
    pub(crate) fn said(&self) -> Option<String> {
        self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
