//! What a dead run left in doubt, settled before anything else is planned.
//!
//! For each effect of which nobody knows whether it happened, its kind looks for the token; what is
//! found is remembered as the dead run would have. Some are looked for at once, each for as long as its
//! step may take. It must not repeat an effect.

use std::sync::Arc;
use std::time::Duration;

use model::Fault;
use model::context::{Progress, Silent};
use model::event::{Ending, Event, Verb};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Applying, Looked};
use crate::store::{Doubt, Lease, StoreError};
use crate::walk::Done;

/// What became of one effect in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The step.
    pub step: String,
    /// The name of the kind.
    pub kind: String,
    /// What was to happen.
    pub verb: Verb,
    /// Whether it had happened; None: nobody knows how far it came.
    pub happened: Option<bool>,
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

/// So many are looked for at once.
const AT_ONCE: usize = 16;

/// How long to look where the step says nothing.
const PATIENCE: Duration = Duration::from_mins(5);

/// Settles every doubt of the stack; all of it becomes durable in one append.
pub async fn recover(
    applying: &Arc<Applying>,
    lease: &Lease,
) -> Result<Vec<Recovered>, RecoverError> {
    let doubts = applying.store.doubts(&applying.stack).map_err(RecoverError::Store)?;
    let mut recovered = Vec::with_capacity(doubts.len());
    let mut events = Vec::with_capacity(doubts.len());
    for (doubt, looked) in looked_for(applying, doubts).await {
        let (happened, ending) = match looked? {
            Looked::Done(Done { what, state }) => (Some(true), Ending::Done { what, state }),
            Looked::Nothing => (Some(false), Ending::Lost),
            Looked::Unknown => (None, Ending::Lost),
        };
        recovered.push(Recovered {
            step: doubt.step.to_string(),
            kind: doubt.intent.kind.clone(),
            verb: doubt.intent.verb,
            happened,
        });
        events.push(Event::Ended { step: doubt.step, ending, took: 0, log: None });
    }
    if !events.is_empty() {
        let append = applying.store.append(applying.run, lease, events);
        append.await.map_err(RecoverError::Store)?;
    }
    Ok(recovered)
}

/// In their order, whichever was found first.
async fn looked_for(
    applying: &Arc<Applying>,
    doubts: Vec<Doubt>,
) -> Vec<(Doubt, Result<Looked, RecoverError>)> {
    let (mut waiting, mut looking) = (doubts.into_iter().enumerate(), JoinSet::new());
    let mut found = Vec::new();
    loop {
        while looking.len() < AT_ONCE
            && let Some((at, doubt)) = waiting.next()
        {
            let applying = Arc::clone(applying);
            looking.spawn(async move {
                let looked = look(&applying, &doubt).await;
                (at, doubt, looked)
            });
        }
        match looking.join_next().await {
            Some(Ok(one)) => found.push(one),
            // A panic goes on to who asked.
            Some(Err(error)) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
            None => break,
        }
    }
    found.sort_by_key(|(at, ..)| *at);
    found.into_iter().map(|(_, doubt, looked)| (doubt, looked)).collect()
}

async fn look(applying: &Applying, doubt: &Doubt) -> Result<Looked, RecoverError> {
    let step = doubt.step.as_str();
    let context = applying.context(step, Arc::new(Silent) as Arc<dyn Progress>);
    let limit = doubt.intent.timeout.unwrap_or(PATIENCE);
    let looked = timeout(limit, applying.look(step, &doubt.intent, &doubt.token, &context)).await;
    let looked = looked.unwrap_or_else(|_| {
        let help = "try again when what it asks answers; nothing was changed";
        Err(Fault::passing(format!("no answer within {limit:?}")).help(help))
    });
    looked.map_err(|fault| {
        let fault = applying.sealing.masked_fault(fault);
        RecoverError::Unknown { step: step.to_owned(), fault }
    })
}
