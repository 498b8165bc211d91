//! What is not yet as it is wanted, and how much that asks for. The same while planning, when some values
//! are holes, and while applying, when none are.
//!
//! A kind's `diff` is the one authority for what differs. It never sees a hole: a key that has one is set
//! back to what was applied last, and counts as different on its own. The marks in the declaration are
//! the one authority for what follows. It must not look at files or at other resources.

use crate::kind::{Difference, Object};
use crate::plan::Verdict;
use crate::record::Record;
use crate::registry::Erased;
use crate::secret::Secrets;
use crate::value::{Tree, Value};

/// What differs, and how much that asks for.
pub struct Judgement {
    /// Sorted by key.
    pub differences: Vec<Differing>,
    /// How much it asks for, at the most.
    pub verdict: Verdict,
    /// Without what is only feared because it is known later.
    pub sure: Verdict,
}

/// A key that differs, and what follows.
pub struct Differing {
    /// The key.
    pub key: String,
    /// What there is.
    pub from: Value,
    /// What is wanted, perhaps with holes.
    pub to: Value,
    /// It cannot be changed in place.
    pub forces: bool,
    /// Not only because of something that is known later.
    pub sure: bool,
}

/// Returns what differs between what is wanted and what there is.
pub fn judge(
    kind: &Erased,
    wanted: &Tree,
    record: &Record,
    object: &Object,
    secrets: &dyn Secrets,
) -> Judgement {
    let held = |key: &str| wanted.get(key).is_some_and(|value| !value.is_complete());
    let known = (kind.diff)(&set_back(wanted, &record.spec), object, secrets);
    // A mixture of new and old keys may be refused; then the trees themselves are compared.
    let known = known.unwrap_or_else(|_| by_tree(kind, wanted, &record.spec));
    // Of what changed outside, the keys do not say what there is.
    let known = match *object == record.object {
        true => told(kind, known, || by_tree(kind, &set_back(wanted, &record.spec), &record.spec)),
        false => known,
    };
    let known = known.into_iter().filter(|difference| !held(difference.key));
    let mut differences: Vec<Differing> = known.map(|difference| sure(kind, difference)).collect();
    for (key, to) in wanted {
        let from = record.spec.get(key);
        let rotated = to.secrets() != from.map(Value::secrets).unwrap_or_default();
        if !held(key) && (!rotated || differences.iter().any(|one| one.key == *key)) {
            continue;
        }
        let from = match from {
            Some(before) if rotated => before.clone(),
            _ => object.attributes.get(key).or(from).cloned().unwrap_or(Value::Null),
        };
        let forces = kind.key(key).is_some_and(|field| field.replaces);
        differences.push(Differing {
            key: key.clone(),
            from,
            to: to.clone(),
            forces,
            sure: !held(key),
        });
    }
    differences.sort_by(|a, b| a.key.cmp(&b.key));
    let verdict = |sure: bool| {
        let counted = differences.iter().filter(|one| one.sure || !sure);
        let asks = |one: &Differing| if one.forces { Verdict::Replace } else { Verdict::Update };
        counted.map(asks).max().unwrap_or(Verdict::Nothing)
    };
    Judgement { verdict: verdict(false), sure: verdict(true), differences }
}

/// A spec without holes: what is not known is as it was, or left out.
fn set_back(wanted: &Tree, before: &Tree) -> Tree {
    let known = |(key, value): (&String, &Value)| match value.is_complete() {
        true => Some((key.clone(), value.clone())),
        false => before.get(key).map(|value| (key.clone(), value.clone())),
    };
    wanted.iter().filter_map(known).collect()
}

/// What is sealed as a whole does not say what changes in it. The keys do, in which the secrets alone are
/// covered: the key itself, or else those that it is made of.
fn told(
    kind: &Erased,
    mut known: Vec<Difference>,
    keys: impl FnOnce() -> Vec<Difference>,
) -> Vec<Difference> {
    if !known.iter().any(|one| one.to.is_sealed()) {
        return known;
    }
    let mut made_of = false;
    let mut keys = keys();
    for one in known.iter_mut().filter(|one| one.to.is_sealed()) {
        match keys.iter().position(|key| key.key == one.key) {
            Some(at) => {
                let key = keys.swap_remove(at);
                (one.from, one.to) = (key.from, key.to);
            }
            None => made_of = true,
        }
    }
    // What would force a replacement has its own difference, or none.
    let explains = |key: &Difference| {
        let forces = kind.key(key.key).is_some_and(|field| field.replaces);
        made_of && !forces && known.iter().all(|one| one.key != key.key)
    };
    keys.retain(explains);
    known.extend(keys);
    known
}

fn by_tree(kind: &Erased, wanted: &Tree, before: &Tree) -> Vec<Difference> {
    let value = |tree: &Tree, key: &'static str| {
        tree.get(key).cloned().unwrap_or_else(|| kind.default(key))
    };
    let keys = (kind.spec)().keys().filter(|key| !value(wanted, key).means(&value(before, key)));
    keys.map(|key| Difference::new(key, value(before, key), value(wanted, key))).collect()
}

fn sure(kind: &Erased, difference: Difference) -> Differing {
    let Difference { key, from, to, forces } = difference;
    let marked = kind.key(key).is_some_and(|field| field.replaces);
    Differing { key: key.to_owned(), from, to, forces: forces.unwrap_or(marked), sure: true }
}
