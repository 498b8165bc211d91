//! Holding the lease of a stack or pipeline while a run goes on.
//!
//! It is renewed in the background, and free at once when its process is known to be gone. Whether a
//! process that does not renew it will ever wake cannot be known, so that a living one is overtaken too
//! once its time is up: it learns so from the store with its next write, which is refused.
//! It must not decide who may have the lease: the store does.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use model::context::Clock;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::process::Process;
use crate::store::{Acquired, Holder, Lease, Millis, Store, StoreError};

/// A lease that is renewed until it is given back.
pub struct HeldLease {
    /// What the journal asks for.
    pub lease: Lease,
    store: Arc<dyn Store>,
    renewing: JoinHandle<()>,
}

/// How a lease is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long it lasts without being renewed.
    pub lasts: Duration,
    /// How long to wait for who holds it now.
    pub patience: Duration,
}

/// Why the lease could not be had.
#[derive(Debug)]
pub enum LeaseError {
    /// Somebody holds it.
    HeldBy(Holder),
    /// The store did not answer.
    Store(StoreError),
}

/// How often who waits looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Acquires the lease of a stack or pipeline. `waiting` is told who is waited for, once.
pub async fn acquire(
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    subject: &str,
    what: &str,
    terms: Terms,
    mut waiting: impl FnMut(&Holder),
) -> Result<HeldLease, LeaseError> {
    let name = Process::own().map_or_else(|| what.to_owned(), |own| format!("{own} {what}"));
    let begun = millis(&**clock);
    let mut told = false;
    loop {
        let now = millis(&**clock);
        let holder = Holder { name: name.clone(), until: now + terms.lasts.as_millis() as u64 };
        match ask(&**store, subject, holder, now).await.map_err(LeaseError::Store)? {
            Acquired::Lease(lease) => return Ok(held(store, clock, lease, terms.lasts)),
            Acquired::HeldBy(other) => {
                if now.saturating_sub(begun) >= terms.patience.as_millis() as u64 {
                    return Err(LeaseError::HeldBy(other));
                }
                if !std::mem::replace(&mut told, true) {
                    waiting(&other);
                }
                sleep(LOOK_AGAIN).await;
            }
        }
    }
}

/// A lease whose process is gone is free at once: nobody will write with it any more.
async fn ask(
    store: &dyn Store,
    subject: &str,
    holder: Holder,
    now: Millis,
) -> Result<Acquired, StoreError> {
    match store.acquire(subject, holder.clone(), now).await? {
        Acquired::HeldBy(other) if Process::parse(&other.name).is_some_and(|p| p.is_gone()) => {
            store.acquire(subject, holder, other.until).await
        }
        answer => Ok(answer),
    }
}

fn held(
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    lease: Lease,
    lasts: Duration,
) -> HeldLease {
    let (keeper, clock, kept) = (Arc::clone(store), Arc::clone(clock), lease.clone());
    let renewing = tokio::spawn(async move {
        loop {
            sleep(lasts / 3).await;
            let until = millis(&*clock) + lasts.as_millis() as u64;
            // Another error may pass; that the lease is lost does not.
            if let Err(StoreError::Fenced { .. }) = keeper.renew(&kept, until).await {
                return;
            }
        }
    });
    HeldLease { lease, store: Arc::clone(store), renewing }
}

impl HeldLease {
    /// Gives the lease back.
    pub async fn release(self) {
        self.renewing.abort();
        // One that was lost is somebody else's by now; there is nothing to give back.
        _ = self.store.release(&self.lease).await;
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Returns whether somebody is at work on a stack or pipeline.
///
/// # Errors
/// The store does not answer.
pub fn is_held(store: &dyn Store, clock: &dyn Clock, subject: &str) -> Result<bool, StoreError> {
    let gone = |holder: &Holder| Process::parse(&holder.name).is_some_and(|one| one.is_gone());
    let holder = store.holder(subject)?;
    Ok(holder.is_some_and(|holder| holder.until > millis(clock) && !gone(&holder)))
}

/// Returns who a holder is, for people.
pub fn described(holder: &Holder) -> String {
    match Process::parse(&holder.name) {
        Some(process) => {
            let what = holder.name.split_once(' ').map_or("", |(_, what)| what);
            format!("{what} (process {})", process.pid)
        }
        None => holder.name.clone(),
    }
}

/// Returns the time as the store keeps it.
pub fn millis(clock: &dyn Clock) -> Millis {
    clock.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
