//! What brings a stack back to what it was before its last change, of what can be turned back at once: its
//! kinds say so, by their objects. The files are not asked.
//!
//! It must not go back further, nor make up anything that no kind says.

use model::judge::judge;
use model::plan::{Action, Item, Plan, Put, Reason, Seen, Step, Verdict, Want, Work};
use model::{Digest, Order, Registry, Secrets};

use super::{Drift, State};

/// Everything that the way back depends on.
pub struct WayBack<'a> {
    /// The stack.
    pub stack: &'a str,
    /// What is remembered.
    pub state: &'a State,
    /// What is otherwise than remembered.
    pub drift: &'a Drift,
    /// THE list.
    pub kinds: &'a Registry,
    /// Secrets, to be compared by their hashes.
    pub secrets: &'a dyn Secrets,
    /// Only these addresses; empty: all that can.
    pub only: &'a [String],
}

impl WayBack<'_> {
    /// Returns the plan; it is empty where nothing can be turned back.
    pub fn plan(&self) -> Plan {
        let means = |key: &&String| self.only.is_empty() || self.only.contains(key);
        let keys = self.state.rows.keys().filter(means);
        let mut turned: Vec<(Item, Step)> = keys.filter_map(|key| self.turned(key)).collect();
        turned.sort_by(|(a, _), (b, _)| a.address.cmp(&b.address));
        let known = self.state.rows.len();
        let unchanged = known - turned.len();
        let (items, steps) = turned.into_iter().unzip();
        Plan {
            stack: self.stack.to_owned(),
            unchanged,
            known,
            items,
            steps,
            lists: std::collections::BTreeMap::default(),
            outputs: vec![],
            refused: vec![],
        }
    }

    fn turned(&self, key: &str) -> Option<(Item, Step)> {
        let record = self.state.record(key)?;
        let kind = self.kinds.get(&record.kind)?;
        let object = self.drift.get(key).map_or(Some(&record.object), Option::as_ref)?;
        let back = (kind.back)(object)?;
        let mut spec = record.spec.clone();
        spec.extend(back);
        let judged = judge(kind, &spec, &record, object, self.secrets);
        if judged.verdict != Verdict::Update {
            return None;
        }
        let reason = |one: model::judge::Differing| Reason {
            key: one.key,
            from: one.from,
            to: one.to,
            forces: one.forces,
            at: None,
        };
        let item = Item {
            address: key.to_owned(),
            kind: record.kind.clone(),
            action: Action::Update,
            reasons: judged.differences.into_iter().map(reason).collect(),
            note: Some("back to what was before".to_owned()),
            drifted: false,
        };
        let want = Want {
            kind: record.kind.clone(),
            spec,
            // No file says this: the next plan looks at it anew.
            shape: Digest::of(b"back"),
            reads: vec![],
            needs: record.needs.clone(),
            protect: record.protect,
            forced: false,
        };
        let seen = Seen::of(&record, Some(object), Some(kind));
        let put = Put {
            want,
            seen: Some(seen),
            key: key.to_owned(),
            most: Verdict::Update,
            order: Order::DestroyFirst,
        };
        Some((item, Step::new(key, Work::Put(Box::new(put)))))
    }
}
