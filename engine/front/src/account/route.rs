//! Who answers on a route now.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Term, Ticket};

/// Why a request was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// Nobody came into office while it waited.
    Paused,
    /// The route was taken away.
    Removed,
}

/// A route. While nobody is in office it is paused, and requests wait.
#[derive(Debug)]
pub(crate) struct Route {
    term: ArcSwapOption<Term>,
    opened: Notify,
    removed: AtomicBool,
    /// Requests that no term took: they waited too long. Lost, and nobody's but the route's.
    turned_away: AtomicU64,
}

impl Route {
    pub(crate) fn new() -> Self {
        Self {
            term: ArcSwapOption::empty(),
            opened: Notify::new(),
            removed: AtomicBool::new(false),
            turned_away: AtomicU64::new(0),
        }
    }

    /// Admits a request under the present term; while the route is paused, holds it until the patience
    /// ends.
    pub(crate) async fn admit(&self, patience: Duration) -> Result<Ticket, Absent> {
        if let Some(term) = self.term.load_full() {
            return Ok(Ticket::of(term));
        }
        let until = Instant::now() + patience;
        loop {
            // Registered before the look, or a resume between the two would be missed.
            let mut opened = std::pin::pin!(self.opened.notified());
            opened.as_mut().enable();
            if let Some(term) = self.term.load_full() {
                return Ok(Ticket::of(term));
            }
            if self.removed.load(Relaxed) {
                return Err(Absent::Removed);
            }
            if timeout_at(until, opened).await.is_err() {
                self.turned_away.fetch_add(1, Relaxed);
                return Err(Absent::Paused);
            }
        }
    }

    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Relaxed)
    }

    pub(crate) fn term(&self) -> Option<Arc<Term>> {
        self.term.load_full()
    }

    /// Flips to the next term, or pauses with none. Who was admitted before stays with the term that is
    /// returned.
    pub(crate) fn switch(&self, next: Option<Arc<Term>>) -> Option<Arc<Term>> {
        let previous = self.term.swap(next);
        self.opened.notify_waiters();
        previous
    }

    /// Takes the route away: who waits is told.
    pub(crate) fn remove(&self) -> Option<Arc<Term>> {
        self.removed.store(true, Relaxed);
        self.switch(None)
    }
}
