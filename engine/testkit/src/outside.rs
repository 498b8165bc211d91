//! A clock that is moved by hand, one that is not, and randomness that repeats itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use model::context::{Clock, Random};

/// A clock that is moved by hand.
pub struct HandClock(AtomicU64);

impl HandClock {
    /// Moves it.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Relaxed);
    }
}

impl Default for HandClock {
    fn default() -> Self {
        Self(AtomicU64::new(1_800_000_000_000))
    }
}

impl Clock for HandClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.load(Relaxed))
    }
}

/// The time as it is.
pub struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Randomness that repeats itself.
pub struct Seeded(Mutex<Rng>);

impl Seeded {
    /// Returns the randomness of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Rng::with_seed(seed)))
    }
}

impl Random for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.lock().unwrap().fill(buffer);
    }
}
