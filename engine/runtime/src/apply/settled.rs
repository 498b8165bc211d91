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

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Digest, Tree};

    /// Settles what became of a replacement that was to stand beside `site@1`, whose object is `old`.
    fn replaced(now: &str) -> (Outcome, Vec<String>) {
        let record = Record {
            kind: "toy.site".to_owned(),
            generation: 1,
            digest: Digest::of(b"before"),
            spec: Tree::new(),
            object: Object::new("old", []),
            needs: Vec::new(),
            protect: false,
            claim: None,
        };
        let intent = Intent {
            verb: Verb::Create,
            kind: record.kind.clone(),
            key: "site".to_owned(),
            spec: Tree::new(),
            digest: Digest::of(b"after"),
            generation: 2,
            needs: Vec::new(),
            protect: false,
            claim: None,
            beside: Some("site@1".to_owned()),
            timeout: None,
        };
        let (what, state) = settled("site", &intent, Some(Object::new(now, [])), Some(&record));
        let put = |change: StateChange| match change {
            StateChange::Put { key, record } => format!("{key} is {}", record.object.id),
            other => format!("{other:?}"),
        };
        (what, state.into_iter().map(put).collect())
    }

    #[test]
    fn what_a_new_one_stands_beside_is_remembered_too() {
        let both = ["site is new", "site@1 is old"].map(str::to_owned).to_vec();
        assert_eq!(replaced("new"), (Outcome::Replaced, both));
    }

    #[test]
    fn a_feared_replacement_that_was_a_change_in_place_leaves_one() {
        assert_eq!(replaced("old"), (Outcome::Updated, vec!["site is old".to_owned()]));
    }
}
