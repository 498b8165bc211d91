//! What the world looks like now, one batch per kind, all kinds at once; only what moved is kept.
//!
//! It must not plan: drift is an input of the planner, and `--refresh=false` is an empty one.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::kind::{Known, Reads};
use model::{Context, Digest, Erased, Fault, Object, Registry, Tree};

use super::State;
use crate::sealing::Sealing;
use crate::store::Rows;

/// By key in the state: what was found instead of what is remembered. None: it is gone.
pub type Drift = BTreeMap<String, Option<Object>>;

/// What is asked of one kind.
pub struct Batch {
    kind: Arc<Erased>,
    /// Keys in the state, and the digests of the objects that are remembered.
    keys: Vec<(String, Digest)>,
    known: Vec<Known<Tree>>,
}

/// Returns everything that the state knows and the world may have changed.
pub fn batches(state: &State, kinds: &Registry) -> Vec<Batch> {
    let readable = kinds.kinds().filter(|kind| kind.reads != Reads::Nothing);
    let batch = |kind: &Arc<Erased>| {
        let keys = keys_of(&state.rows, kind.name);
        let known = keys.iter().map(|(key, _)| known(state, kind, key)).collect();
        (!keys.is_empty()).then(|| Batch { kind: Arc::clone(kind), keys, known })
    };
    readable.filter_map(batch).collect()
}

/// What reading has shown.
#[derive(Default)]
pub struct Refreshed {
    /// What is otherwise than remembered.
    pub drift: Drift,
    /// By key in the state: the kind of what cannot be looked at, and why.
    pub unread: BTreeMap<String, (&'static str, Fault)>,
}

/// Reads it.
pub async fn read(batches: Vec<Batch>, context: &Context, sealing: &dyn Sealing) -> Refreshed {
    let reading = batches.iter().map(|batch| batch.kind.effects.read(context, &batch.known));
    let mut refreshed = Refreshed::default();
    for (batch, found) in batches.iter().zip(join(reading).await) {
        let kind = batch.kind.name;
        let found = found.unwrap_or_else(|fault| vec![Err(fault); batch.keys.len()]);
        for ((key, remembered), found) in batch.keys.iter().zip(found) {
            let found = found.map(|found| found.map(|object| sealing.sealed_object(object, None)));
            match found {
                Ok(found) if found.as_ref().map(Object::digest) == Some(*remembered) => {}
                Ok(found) => _ = refreshed.drift.insert(key.clone(), found),
                Err(fault) => {
                    let fault = sealing.masked_fault(fault);
                    refreshed.unread.insert(key.clone(), (kind, fault));
                }
            }
        }
    }
    refreshed
}

impl Refreshed {
    /// Compares what seems to have changed with what was kept of it: see [`Sealing::sealed_object`].
    pub fn still_sealed(mut self, state: &State, sealing: &dyn Sealing) -> Self {
        self.drift.retain(|key, found| {
            let Some(record) = state.record(key) else { return true };
            let Some(object) = found.take() else { return true };
            let object = sealing.sealed_object(object, Some(&record.object));
            let differs = object.digest() != record.object.digest();
            *found = Some(object);
            differs
        });
        self
    }
}

fn keys_of(rows: &Rows, kind: &str) -> Vec<(String, Digest)> {
    let own = rows.iter().filter(|(_, row)| row.kind == kind);
    own.map(|(key, row)| (key.clone(), row.object)).collect()
}

fn known(state: &State, kind: &Erased, key: &str) -> Known<Tree> {
    let row = &state.rows[key];
    let spec = match kind.reads {
        Reads::BySpec => state.record(key).map(|record| record.spec),
        Reads::ById | Reads::Nothing => None,
    };
    Known { id: row.id.clone(), sealed: row.sealed, spec }
}

/// Waits for all, in order, while they run beside each other.
async fn join<F: Future + Send>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = all.map(|one| (Some(Box::pin(one)), None)).collect();
    std::future::poll_fn(move |cx| {
        for (future, output) in &mut waiting {
            if let Some(running) = future
                && let std::task::Poll::Ready(value) = running.as_mut().poll(cx)
            {
                (*future, *output) = (None, Some(value));
            }
        }
        if waiting.iter().any(|(future, _)| future.is_some()) {
            return std::task::Poll::Pending;
        }
        let outputs = std::mem::take(&mut waiting).into_iter();
        std::task::Poll::Ready(outputs.filter_map(|(_, output)| output).collect())
    })
    .await
}
