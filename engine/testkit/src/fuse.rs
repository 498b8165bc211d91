//! The instant at which a process dies.
//!
//! Every place at which it may die burns one unit; with the last one nothing goes on, and whoever waits
//! for the end drops everything where it stands, as a kill would. It must not unwind anything.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;

/// See the module. Endless unless it was given a length.
#[derive(Clone)]
pub struct Fuse {
    length: usize,
    burnt: Arc<AtomicUsize>,
    through: Arc<Notify>,
}

impl Fuse {
    /// Returns a fuse that burns through at the given place, counted from 1.
    pub fn of(length: usize) -> Self {
        Self { length, burnt: Arc::default(), through: Arc::default() }
    }

    /// Returns how many places were passed.
    pub fn burnt(&self) -> usize {
        self.burnt.load(Relaxed)
    }

    /// Waits until it has burnt through.
    pub async fn burnt_through(&self) {
        self.through.notified().await;
    }

    /// Passes a place at which the process may die.
    pub async fn burn(&self) {
        if self.burnt.fetch_add(1, Relaxed) + 1 >= self.length {
            self.through.notify_one();
            pending::<()>().await;
        }
    }

    /// Runs until the end (Some) or until the fuse has burnt through (None): then `life` is dropped
    /// where it stands.
    pub async fn survive<T>(&self, life: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.burnt_through() => None,
            output = life => Some(output),
        }
    }
}

impl Default for Fuse {
    fn default() -> Self {
        Self::of(usize::MAX)
    }
}
