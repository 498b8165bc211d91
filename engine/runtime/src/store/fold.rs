//! What follows from an event: the one rule that both stores apply within their appends.
//!
//! It must not know how anything is kept.

use model::event::{Ending, Event, Intent, Outcome, StateChange};
use model::record::{OutputsRecord, Record, Row};
use model::{Address, Registry, Token};

/// A change of what is kept.
pub(super) enum Write<'e> {
    /// An effect is in doubt from now on.
    Doubt { step: &'e Address, token: &'e Token, intent: &'e Intent },
    /// Its doubt is settled.
    Settled { step: &'e Address },
    /// This is what there is.
    Put { key: &'e str, row: Row, record: &'e Record },
    /// Nothing is left.
    Remove { key: &'e str },
    /// What others may read.
    Outputs(&'e OutputsRecord),
    /// How long a step took, in milliseconds.
    Took { step: String, took: u64 },
}

/// Hands on everything that follows from an event, in order.
pub(super) fn fold<'e, E>(
    event: &'e Event,
    kinds: &Registry,
    mut write: impl FnMut(Write<'e>) -> Result<(), E>,
) -> Result<(), E> {
    match event {
        Event::Started { step, token, intent: Some(intent) } => {
            write(Write::Doubt { step, token, intent })
        }
        // Of one that ended in error nobody knows how it went: it stays in doubt for the next run.
        Event::Started { .. }
        | Event::Ended { ending: Ending::Errored { .. }, .. }
        | Event::Asked { .. }
        | Event::Decided { .. } => Ok(()),
        Event::Ended { step, ending, took, .. } => {
            if let Ending::Done { what, state } = ending {
                for change in state {
                    write(changed(change, kinds))?;
                }
                if *took >= super::WORTH_TIMING {
                    let step = super::timed(step.as_str(), made(*what, state));
                    write(Write::Took { step, took: *took })?;
                }
            }
            write(Write::Settled { step })
        }
    }
}

fn made(what: Outcome, state: &[StateChange]) -> &str {
    let kind = state.iter().find_map(|change| match change {
        StateChange::Put { record, .. } => Some(record.kind.as_str()),
        _ => None,
    });
    if what == Outcome::Deleted { "delete" } else { kind.unwrap_or_default() }
}

fn changed<'e>(change: &'e StateChange, kinds: &Registry) -> Write<'e> {
    match change {
        StateChange::Put { key, record } => {
            let row = record.row(kinds.get(&record.kind).map(AsRef::as_ref));
            Write::Put { key, row, record }
        }
        StateChange::Remove { key } => Write::Remove { key },
        StateChange::Outputs(outputs) => Write::Outputs(outputs),
    }
}
