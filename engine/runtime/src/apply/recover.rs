//! What a dead run left in doubt, settled before anything else is planned.
//!
//! For each effect of which nobody knows whether it happened, its kind looks for the token; what is
//! found is remembered as the dead run would have. It must not repeat an effect.

use std::sync::Arc;

use model::Fault;
use model::context::{Progress, Silent};
use model::event::{Ending, Event, Verb};

use super::Applying;
use crate::store::{Doubt, Lease, StoreError};

/// What became of one effect in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The step.
    pub step: String,
    /// The name of the kind.
    pub kind: String,
    /// What was to happen.
    pub verb: Verb,
    /// It had happened.
    pub happened: bool,
}

/// Why doubt could not be settled.
#[derive(Debug)]
pub enum RecoverError {
    /// The store did not answer.
    Store(StoreError),
    /// The kind cannot say whether it happened.
    Unknown {
        /// The step.
        step: String,
        /// Why.
        fault: Fault,
    },
}

/// Settles every doubt of the stack; all of it becomes durable in one append.
pub async fn recover(applying: &Applying, lease: &Lease) -> Result<Vec<Recovered>, RecoverError> {
    let doubts = applying.store.doubts(&applying.stack).map_err(RecoverError::Store)?;
    let mut recovered = Vec::with_capacity(doubts.len());
    let mut events = Vec::with_capacity(doubts.len());
    for doubt in doubts {
        let ending = ending(applying, &doubt).await?;
        recovered.push(Recovered {
            step: doubt.step.to_string(),
            kind: doubt.intent.kind.clone(),
            verb: doubt.intent.verb,
            happened: ending.is_done(),
        });
        events.push(Event::Ended { step: doubt.step, ending, took: 0, log: None });
    }
    if !events.is_empty() {
        let append = applying.store.append(applying.run, lease, events);
        append.await.map_err(RecoverError::Store)?;
    }
    Ok(recovered)
}

async fn ending(applying: &Applying, doubt: &Doubt) -> Result<Ending, RecoverError> {
    let step = doubt.step.as_str();
    let context = applying.context(step, Arc::new(Silent) as Arc<dyn Progress>);
    let looked = applying.look(step, &doubt.intent, &doubt.token, &context).await;
    let done = looked.map_err(|fault| {
        let fault = applying.sealing.masked_fault(fault);
        RecoverError::Unknown { step: step.to_owned(), fault }
    })?;
    Ok(match done {
        Some(done) => Ending::Done { what: done.what, state: done.state },
        None => Ending::Lost,
    })
}
