//! A term of office and its tickets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::{Counts, Target};

/// How a ticket ended: see [`Counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Served,
    Lost,
    Gone,
    Moved,
}

#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) number: u64,
    pub(crate) version: String,
    pub(crate) targets: Vec<Arc<Target>>,
    /// Without targets: the port of HTTPS that requests are sent on to.
    redirect: Option<u16>,
    next: AtomicUsize,
    verdicts: [AtomicU64; 4],
    tunnels: AtomicU64,
    late: AtomicU64,
    errors: AtomicU64,
    slowest_ms: AtomicU64,
    /// What other processes of the front counted in this term.
    carried: Mutex<Counts>,
    cut: AtomicBool,
}

impl Term {
    pub(crate) fn new(
        number: u64,
        version: &str,
        targets: Vec<Arc<Target>>,
        redirect: Option<u16>,
    ) -> Self {
        Self {
            number,
            version: version.into(),
            targets,
            redirect,
            next: AtomicUsize::new(0),
            verdicts: <[AtomicU64; 4]>::default(),
            tunnels: AtomicU64::new(0),
            late: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            slowest_ms: AtomicU64::new(0),
            carried: Mutex::default(),
            cut: AtomicBool::new(false),
        }
    }

    /// Adds what another process counted in this term.
    pub(crate) fn carry(&self, counts: &Counts) {
        let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        *carried = carried.plus(counts);
    }

    pub(crate) fn counts(&self) -> Counts {
        let of = |verdict: Verdict| self.verdicts[verdict as usize].load(Relaxed);
        let own = Counts {
            served: of(Verdict::Served),
            lost: of(Verdict::Lost),
            gone: of(Verdict::Gone),
            moved: of(Verdict::Moved),
            tunnels: self.tunnels.load(Relaxed),
            late: self.late.load(Relaxed),
            errors: self.errors.load(Relaxed),
            slowest_ms: self.slowest_ms.load(Relaxed),
            interrupted: 0,
        };
        own.plus(&self.carried.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has whoever still holds a ticket let go; returns whether that was not said before.
    pub(crate) fn cut(&self) -> bool {
        !self.cut.swap(true, Relaxed)
    }

    /// Returns whether any of its targets is in health; one that needs none is.
    pub(crate) fn has_health(&self) -> bool {
        self.redirect.is_some() || self.targets.iter().any(|target| target.is_healthy())
    }

    /// Returns the next target in health, another than the one to avoid if there is one.
    fn pick(&self, avoid: Option<SocketAddr>) -> Option<SocketAddr> {
        let first = if self.targets.len() > 1 { self.next.fetch_add(1, Relaxed) } else { 0 };
        let (mut found, count) = (None, self.targets.len());
        for at in 0..count {
            let target = &self.targets[(first + at) % count];
            if target.is_healthy() {
                found = Some(target.address);
                if found != avoid {
                    break;
                }
            }
        }
        found
    }
}

/// One request's stake in a term.
#[derive(Debug)]
pub(crate) struct Ticket {
    term: Arc<Term>,
    verdict: Verdict,
    since: Instant,
}

impl Ticket {
    pub(super) fn of(term: Arc<Term>) -> Self {
        Self { term, verdict: Verdict::Lost, since: Instant::now() }
    }

    /// Returns a target in health, another than the one to avoid if there is one.
    pub(crate) fn pick(&self, avoid: Option<SocketAddr>) -> Option<SocketAddr> {
        self.term.pick(avoid)
    }

    /// Returns the port of HTTPS that the request is sent on to, if it is.
    pub(crate) fn redirect(&self) -> Option<u16> {
        self.term.redirect
    }

    pub(crate) fn close(mut self, verdict: Verdict) {
        self.verdict = verdict;
    }

    /// Closes it as served by a whole answer with that status.
    pub(crate) fn serve(self, status: u16) {
        if status >= 500 {
            self.term.errors.fetch_add(1, Relaxed);
        }
        let took = self.since.elapsed().as_millis() as u64;
        if took > self.term.slowest_ms.load(Relaxed) {
            self.term.slowest_ms.fetch_max(took, Relaxed);
        }
        self.close(Verdict::Served);
    }

    /// Closes it as lost because the drain deadline has passed.
    pub(crate) fn cut(self) {
        self.term.late.fetch_add(1, Relaxed);
        self.close(Verdict::Lost);
    }

    /// Says how it ends if nobody comes to say otherwise: lost, unless told.
    pub(crate) fn presume(&mut self, verdict: Verdict) {
        self.verdict = verdict;
    }

    pub(crate) fn tunnel(&self) {
        self.term.tunnels.fetch_add(1, Relaxed);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.term.cut.load(Relaxed)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Published by the release of `term`, which a drain acquires.
        self.term.verdicts[self.verdict as usize].fetch_add(1, Relaxed);
    }
}
