//! How much happens at once: slots for effects, and per remote how many calls at a time and a second.
//!
//! It must not know what is called.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::kind::Api;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::Stop;

pub(super) struct Gates {
    slots: Arc<Semaphore>,
    stop: watch::Receiver<Stop>,
    remotes: Mutex<HashMap<&'static str, Arc<Remote>>>,
    places: Mutex<HashMap<String, Arc<Semaphore>>>,
}

struct Remote {
    slots: Arc<Semaphore>,
    /// When the next call may begin.
    next: Mutex<Instant>,
    gap: Duration,
}

/// Held while an effect is at work.
pub(super) struct Pass {
    _slot: Option<OwnedSemaphorePermit>,
    _remote: Option<OwnedSemaphorePermit>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Gates {
    pub(super) fn new(running: usize, stop: watch::Receiver<Stop>) -> Self {
        let (remotes, places) = (Mutex::default(), Mutex::default());
        Self { slots: Arc::new(Semaphore::new(running)), stop, remotes, places }
    }

    /// Returns whether nothing more is to be started.
    pub(super) fn are_closed(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }

    /// Waits until one more effect may be at work. What waits for a remote, or for one of the few places
    /// that it shares with others, holds no slot meanwhile.
    pub(super) async fn pass(&self, api: Option<Api>, places: Option<(String, usize)>) -> Pass {
        let place = match places {
            None => None,
            Some((of, count)) => self.places(of, count).acquire_owned().await.ok(),
        };
        let remote = match api {
            None => None,
            Some(api) => {
                let remote = self.remote(api);
                let permit = Arc::clone(&remote.slots).acquire_owned().await.ok();
                sleep_until(remote.turn()).await;
                permit
            }
        };
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        Pass { _slot: slot, _remote: remote, _place: place }
    }

    fn places(&self, of: String, count: usize) -> Arc<Semaphore> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(of).or_insert_with(|| Arc::new(Semaphore::new(count))))
    }

    fn remote(&self, api: Api) -> Arc<Remote> {
        let mut remotes = self.remotes.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            Arc::new(Remote {
                slots: Arc::new(Semaphore::new(api.concurrency)),
                next: Mutex::new(Instant::now()),
                gap: Duration::from_secs(1) / api.per_second.max(1),
            })
        };
        Arc::clone(remotes.entry(api.name).or_insert_with(new))
    }
}

impl Remote {
    /// Returns when this call may begin, and moves the next one behind it.
    fn turn(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(Instant::now());
        *next = turn + self.gap;
        turn
    }
}
