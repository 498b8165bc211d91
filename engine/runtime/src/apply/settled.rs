//! What becomes of the state when an effect has happened: the same whether it has just been brought
//! about or was found after a crash.
//!
//! It must not look at the world.

use model::Object;
use model::event::{Intent, Outcome, StateChange, Verb};
use model::record::Record;

/// Returns what was done, and the changes of the state that follow, given what there is now and the
/// record that stood under the intent's key before.
pub(super) fn settled(
    step: &str,
    intent: &Intent,
    object: Option<Object>,
    before: Option<&Record>,
) -> (Outcome, Vec<StateChange>) {
    let remove = || StateChange::Remove { key: intent.key.clone() };
    let Some(object) = object else { return (Outcome::Deleted, vec![remove()]) };
    let mut state = Vec::with_capacity(2);
    if intent.key != step && intent.verb != Verb::Delete {
        state.push(remove());
    }
    // A replacement that was only feared may have been a change in place: then there is one object,
    // and no other beside it.
    let other = before.filter(|old| old.object.id != object.id);
    let record = Record {
        kind: intent.kind.clone(),
        generation: intent.generation,
        digest: intent.digest,
        spec: intent.spec.clone(),
        object,
        needs: intent.needs.clone(),
        protect: intent.protect,
        claim: intent.claim.clone(),
    };
    state.push(StateChange::Put { key: step.to_owned(), record: Box::new(record) });
    let what = match (&intent.beside, other, intent.verb) {
        (Some(beside), Some(old), _) => {
            let record = Box::new(old.clone());
            state.push(StateChange::Put { key: beside.clone(), record });
            Outcome::Replaced
        }
        (Some(_), None, _) if before.is_some() => Outcome::Updated,
        (_, _, Verb::Create) => Outcome::Created,
        _ => Outcome::Updated,
    };
    (what, state)
}
