//! A store that dies with its process, at any write.
//!
//! A write is one transaction: the process dies before it (nothing of it is kept) or after it (all of
//! it is kept, and nobody hears so). It is slower than some effects, so that an effect that does not
//! wait for its intent is caught. It must not keep anything itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::event::Event;
use model::record::{OutputsRecord, Record, Row};
use model::registry::BoxFuture;
use runtime::store::{
    Acquired, Claim, Doubt, Holder, Lease, Millis, NewRun, Run, RunId, RunOutcome, Store,
    StoreError,
};
use tokio::time::sleep;

use crate::fuse::Fuse;

/// See the module.
pub struct CrashStore {
    inner: Arc<dyn Store>,
    fuse: Mutex<Fuse>,
    /// How long an append takes, in milliseconds.
    slowness: u64,
}

impl CrashStore {
    /// Returns a store over another one, which outlives every crash.
    pub fn over(inner: Arc<dyn Store>, slowness: u64) -> Self {
        Self { inner, fuse: Mutex::default(), slowness }
    }

    /// From now on the process may die at any write.
    pub fn set_fuse(&self, fuse: &Fuse) {
        *self.fuse.lock().unwrap() = fuse.clone();
    }

    async fn between<T>(&self, write: impl Future<Output = T>) -> T {
        let fuse = self.fuse.lock().unwrap().clone();
        fuse.burn().await;
        let answer = write.await;
        fuse.burn().await;
        answer
    }
}

type Answer<'s, T> = BoxFuture<'s, Result<T, StoreError>>;

impl Store for CrashStore {
    fn project(&self) -> &str {
        self.inner.project()
    }

    fn begin(&self, run: NewRun) -> Answer<'_, RunId> {
        Box::pin(self.between(self.inner.begin(run)))
    }

    fn append(&self, run: RunId, lease: &Lease, events: Vec<Event>) -> Answer<'_, ()> {
        let append = self.inner.append(run, lease, events);
        Box::pin(self.between(async move {
            if self.slowness > 0 {
                sleep(Duration::from_millis(self.slowness)).await;
            }
            append.await
        }))
    }

    fn finish(&self, run: RunId, outcome: RunOutcome, now: Millis) -> Answer<'_, ()> {
        Box::pin(self.between(self.inner.finish(run, outcome, now)))
    }

    fn note(&self, run: RunId, event: Event) -> Answer<'_, ()> {
        Box::pin(self.between(self.inner.note(run, event)))
    }

    fn wait(&self, run: RunId, waits: bool) -> Answer<'_, ()> {
        Box::pin(self.between(self.inner.wait(run, waits)))
    }

    fn prune(&self, runs: Vec<RunId>) -> Answer<'_, ()> {
        Box::pin(self.between(self.inner.prune(runs)))
    }

    fn acquire(&self, subject: &str, holder: Holder, now: Millis) -> Answer<'_, Acquired> {
        Box::pin(self.between(self.inner.acquire(subject, holder, now)))
    }

    /// By its own clock, so it is no instant that could be found again.
    fn renew(&self, lease: &Lease, until: Millis) -> Answer<'_, ()> {
        self.inner.renew(lease, until)
    }

    fn release(&self, lease: &Lease) -> Answer<'_, ()> {
        Box::pin(self.between(self.inner.release(lease)))
    }

    fn rows(&self, stack: &str) -> Result<Vec<(String, Row)>, StoreError> {
        self.inner.rows(stack)
    }

    fn record(&self, stack: &str, key: &str) -> Result<Option<Record>, StoreError> {
        self.inner.record(stack, key)
    }

    fn needs(&self, stack: &str) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        self.inner.needs(stack)
    }

    fn claims(&self) -> Result<Vec<Claim>, StoreError> {
        self.inner.claims()
    }

    fn doubts(&self, stack: &str) -> Result<Vec<Doubt>, StoreError> {
        self.inner.doubts(stack)
    }

    fn outputs(&self, stack: &str) -> Result<Option<OutputsRecord>, StoreError> {
        self.inner.outputs(stack)
    }

    fn stacks(&self) -> Result<Vec<String>, StoreError> {
        self.inner.stacks()
    }

    fn runs(&self, subject: Option<&str>, most: usize) -> Result<Vec<Run>, StoreError> {
        self.inner.runs(subject, most)
    }

    fn runs_in(&self, scope: &str, most: usize) -> Result<Vec<Run>, StoreError> {
        self.inner.runs_in(scope, most)
    }

    fn unended(&self, scope: &str) -> Result<Vec<Run>, StoreError> {
        self.inner.unended(scope)
    }

    fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.inner.run(id)
    }

    fn run_for(&self, cause: &str) -> Result<Option<Run>, StoreError> {
        self.inner.run_for(cause)
    }

    fn prunable(&self, scope: &str, keep: usize) -> Result<Vec<RunId>, StoreError> {
        self.inner.prunable(scope, keep)
    }

    fn unpruned(&self) -> Result<Vec<Run>, StoreError> {
        self.inner.unpruned()
    }

    fn in_doubt(&self) -> Result<BTreeSet<RunId>, StoreError> {
        self.inner.in_doubt()
    }

    fn parts(&self, first: RunId) -> Result<Vec<Run>, StoreError> {
        self.inner.parts(first)
    }

    fn plan_used(&self, id: &str) -> Result<Option<RunId>, StoreError> {
        self.inner.plan_used(id)
    }

    fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError> {
        self.inner.events(run)
    }

    fn events_since(&self, run: RunId, known: usize) -> Result<Vec<Event>, StoreError> {
        self.inner.events_since(run, known)
    }

    fn holder(&self, subject: &str) -> Result<Option<Holder>, StoreError> {
        self.inner.holder(subject)
    }

    fn timings(&self, scope: &str) -> Result<HashMap<String, u64>, StoreError> {
        self.inner.timings(scope)
    }
}
