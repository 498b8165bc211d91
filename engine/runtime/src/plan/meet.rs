//! One resource after the other: cleared by its digest, or resolved, judged and noted.
//!
//! It must not put steps in order.

use std::cell::OnceCell;

use language::{Code, Diagnostic, Node};
use model::address::left_over_from;
use model::file::stack::Header;
use model::judge::{Differing, Judgement, judge};
use model::plan::{Action, Item, Place, Reason, Refusal, Seen, Verdict, Want};
use model::record::Record;
use model::{Erased, Object, Order, Tree, Value};

use super::draft::{Bounds, Draft};
use super::matching::covers;
use super::{Outcome, Planner};
use crate::stack::{Block, Resource, place};

impl<'a> Planner<'a> {
    /// Refuses names on the command line that mean nothing.
    pub(super) fn check_names(&mut self) {
        let stack = self.question.stack;
        let known = |name: &str| {
            stack.resources.iter().any(|resource| resource.address == name)
                || stack.blocks.iter().any(|block| block.name == name)
                || self.question.state.rows.contains_key(name)
        };
        let mut unknown = self.question.targets.unknown(known);
        unknown
            .extend(self.question.replace.iter().map(String::as_str).filter(|name| !known(name)));
        let root = stack.document.root();
        let span = root.get("stack").map_or(root.span(), Node::span);
        for name in unknown {
            let names = stack.blocks.iter().map(|block| block.name);
            let error = Diagnostic::new(
                Code::UnknownName,
                span,
                format!("nothing in the stack `{}` is called `{name}`", stack.name),
            );
            self.diagnostics.push(match language::suggest::nearest(name, names) {
                Some(near) => error.label(format!("did you mean `{near}`?")),
                None => error,
            });
        }
    }

    pub(super) fn settle(&mut self, at: usize) -> Outcome<'a> {
        let resource = &self.question.stack.resources[at];
        let block = self.question.stack.blocks[resource.block].name;
        let named = |name: &String| *name == resource.address || name == block;
        let forced = self.question.replace.iter().any(named);
        if !self.question.targets.are_all() && !self.chosen(at) {
            return match self.rows[at] {
                Some((key, row)) => Outcome::Same { key, row, record: OnceCell::new() },
                None => Outcome::Absent,
            };
        }
        if let Some((key, row)) = self.rows[at]
            && self.question.digests
            && !forced
            && key == resource.address
            && !self.question.drift.contains_key(key)
            && self.digest(at) == Some(row.digest)
        {
            return Outcome::Same { key, row, record: OnceCell::new() };
        }
        let (drafts, met) = (self.drafts.len(), self.meet(at, forced));
        let claimed = self.claimed.take();
        if let Some(draft) = self.drafts.get_mut(drafts) {
            draft.takes = claimed;
        }
        met.unwrap_or(Outcome::Met { spec: Tree::new(), known: Tree::new() })
    }

    fn chosen(&mut self, at: usize) -> bool {
        if self.chosen.is_empty() {
            self.chosen = self.question.targets.chosen(self.question.stack);
        }
        self.chosen[at]
    }

    /// The full way: resolve, judge, and note what is to be done.
    fn meet(&mut self, at: usize, forced: bool) -> Option<Outcome<'a>> {
        let resource = &self.question.stack.resources[at];
        let block = self.question.stack.block(resource);
        let noted = self.diagnostics.len();
        self.question.stack.check(block, &mut self.diagnostics);
        let want = self.want(at, forced)?;
        let kind = &*block.kind;
        if self.diagnostics.len() == noted {
            self.fits(block, &want);
        }
        self.claim(at, kind, &want);
        let before =
            self.rows[at].and_then(|(key, row)| Some((key, row, self.question.state.record(key)?)));
        let Some((key, row, record)) = before else {
            return Some(self.create(resource, want, None, None));
        };
        if record.kind != kind.name {
            return Some(self.exchange(resource, key, &record, want));
        }
        let found = self.question.drift.get(key).cloned().unwrap_or(Some(record.object.clone()));
        let Some(object) = found else {
            let seen = Seen { generation: record.generation, object: None };
            return Some(self.create(resource, want, Some((key, seen)), Some("it is gone")));
        };
        let mut judgement = judge(kind, &want.spec, &record, &object, self.question.secrets);
        if forced {
            (judgement.verdict, judgement.sure) = (Verdict::Replace, Verdict::Replace);
        }
        let known = known(kind, &judgement, &object, &record.object);
        let spec = want.spec.clone();
        if judgement.verdict > Verdict::Nothing {
            self.change(resource, key, &record, &object, judgement, want);
        } else if key != resource.address
            || object != record.object
            || self.digest(at) != Some(row.digest)
        {
            self.remember(resource, key, &record, &object, want);
        }
        Some(Outcome::Met { spec, known })
    }

    /// Notes what only shows once references are put in: a value of the wrong type, a secret where
    /// none may be.
    fn fits(&mut self, block: &Block<'_>, want: &Want) {
        if want.spec.values().all(Value::is_complete)
            && let Err(why) = (block.kind.fits)(&want.spec)
        {
            let message =
                format!("`{}` cannot be made of what its references stand for", block.name);
            let error = Diagnostic::new(Code::BadValue, block.key.span(), message);
            self.diagnostics.push(error.label(why));
        }
    }

    fn create(
        &mut self,
        resource: &Resource,
        want: Want,
        seen: Option<(&str, Seen)>,
        note: Option<&str>,
    ) -> Outcome<'a> {
        let spec = want.spec.clone();
        let item = Item {
            note: note.map(str::to_owned),
            drifted: note.is_some(),
            ..item(resource, &want.kind, Action::Create)
        };
        let (key, seen) = seen
            .map_or((resource.address.clone(), None), |(key, seen)| (key.to_owned(), Some(seen)));
        let bounds = Bounds::at_most(Verdict::Update);
        let place = self.place_of(resource);
        self.drafts.push(Draft::put(item, place, key, seen, want, &bounds));
        Outcome::Met { spec, known: Tree::new() }
    }

    /// Another kind under the same name: nothing of the old one can be kept.
    fn exchange(
        &mut self,
        resource: &Resource,
        key: &str,
        record: &Record,
        mut want: Want,
    ) -> Outcome<'a> {
        want.forced = true;
        let spec = want.spec.clone();
        let action = Action::Replace { order: Order::DestroyFirst, sure: true };
        let note = Some(match key == resource.address {
            true => format!("it was {}", record.kind),
            false => format!("it was {key}, {}", record.kind),
        });
        let item = Item { note, ..item(resource, &want.kind, action) };
        self.protect(record.protect, &item.address, "replaced");
        let found = self.question.drift.get(key).map_or(Some(&record.object), Option::as_ref);
        let (seen, bounds) = (self.seen(record, found), Bounds::at_most(Verdict::Replace));
        let place = self.place_of(resource);
        let draft = Draft::put(item, place, key.to_owned(), Some(seen), want, &bounds);
        self.drafts.push(Draft { leaves: self.claim_of(record), ..draft });
        Outcome::Met { spec, known: Tree::new() }
    }

    fn change(
        &mut self,
        resource: &Resource,
        key: &str,
        record: &Record,
        object: &Object,
        judgement: Judgement,
        want: Want,
    ) {
        let block = self.question.stack.block(resource);
        let (most, order) = (judgement.verdict, block.kind.order);
        let sure = judgement.sure == judgement.verdict;
        let action = match most {
            Verdict::Replace => Action::Replace { order, sure },
            _ => Action::Update,
        };
        let drifted = is_touched(&block.kind, object, &record.object);
        let renamed = (key != resource.address).then(|| format!("was {key}"));
        let drift = drifted.then_some("not as it was applied");
        let why = if want.forced { Some("as asked") } else { drift };
        let notes: Vec<String> = renamed.into_iter().chain(why.map(str::to_owned)).collect();
        let item = Item {
            reasons: self.reasons(block, judgement),
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            drifted,
            ..item(resource, &want.kind, action)
        };
        if most == Verdict::Replace {
            self.protect(want.protect || record.protect, &item.address, "replaced");
        }
        let (seen, bounds) = (Some(self.seen(record, Some(object))), Bounds { most, order });
        let place = self.place_of(resource);
        let leaves = (most == Verdict::Replace).then(|| self.claim_of(record)).flatten();
        let draft = Draft::put(item, place, key.to_owned(), seen, want, &bounds);
        self.drafts.push(Draft { leaves, ..draft });
    }

    /// What the plan saw, for the step to compare with what it finds.
    fn seen(&self, record: &Record, object: Option<&Object>) -> Seen {
        Seen::of(record, object, self.question.kinds.get(&record.kind).map(|kind| &**kind))
    }

    fn remember(
        &mut self,
        resource: &Resource,
        key: &str,
        record: &Record,
        object: &Object,
        want: Want,
    ) {
        let renamed = (key != resource.address).then(|| format!("renamed, was {key}"));
        let protected = match (record.protect, want.protect) {
            (true, false) => Some("no longer protected".to_owned()),
            (false, true) => Some("protected from now on".to_owned()),
            _ => None,
        };
        let notes: Vec<String> = renamed.into_iter().chain(protected).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let drifted = is_touched(&self.question.stack.block(resource).kind, object, &record.object);
        let item = Item { note, drifted, ..item(resource, &want.kind, Action::Remember) };
        let seen = Some(self.seen(record, Some(object)));
        let bounds = Bounds::at_most(Verdict::Nothing);
        let place = self.place_of(resource);
        self.drafts.push(Draft::put(item, place, key.to_owned(), seen, want, &bounds));
    }

    /// What the state knows and the file does not.
    pub(super) fn gone(&mut self) {
        for (key, _) in std::mem::take(&mut self.orphans).into_iter().flatten() {
            if !self.question.targets.means_orphan(key) {
                continue;
            }
            let Some(record) = self.question.state.record(key) else { continue };
            let forget = self.is_forgotten(key);
            let found = self.question.drift.get(key).map_or(Some(&record.object), Option::as_ref);
            let note = match left_over_from(key) {
                Some(address) => Some(format!("left over from {address}")),
                None if found.is_none() => Some("it is gone already".to_owned()),
                None => self.unmoved(key),
            };
            let item = Item {
                address: key.to_owned(),
                kind: record.kind.clone(),
                action: if forget { Action::Forget } else { Action::Delete },
                reasons: Vec::new(),
                note,
                drifted: found.is_none(),
            };
            self.protect(record.protect && !forget && found.is_some(), key, "deleted");
            let leaves = self.claim_of(&record).filter(|_| !forget);
            self.drafts.push(Draft { leaves, ..Draft::gone(item, self.seen(&record, found)) });
        }
    }

    /// Who names the address itself says more than who names its block.
    fn is_forgotten(&self, key: &str) -> bool {
        let removed = &self.question.stack.removed;
        let own = removed.iter().find(|removed| removed.address == key);
        let by_block = || removed.iter().find(|removed| covers(&removed.address, key));
        own.or_else(by_block).is_some_and(|removed| !removed.destroy)
    }

    /// What has instances does not become one that has none by its block's name, nor the other way
    /// round: nobody can say which one is meant.
    fn unmoved(&self, key: &str) -> Option<String> {
        let stack = self.question.stack;
        let moved = stack.moved.iter().find(|moved| covers(&moved.from, key))?;
        let block = stack.blocks.iter().find(|block| block.name == moved.to)?;
        let many = block.header.count.is_some() || block.header.each.is_some();
        match (key.len() > moved.from.len(), many) {
            (true, false) => Some(format!("not moved to {}, which is one now", moved.to)),
            (false, true) => Some(format!("not moved to {}, which is many now", moved.to)),
            _ => None,
        }
    }

    fn protect(&mut self, protected: bool, address: &str, what: &str) {
        if protected {
            let (address, what) = (address.to_owned(), what.to_owned());
            self.refused.push(Refusal::Protected { address, what });
        }
    }

    fn place_of(&self, resource: &Resource) -> (usize, &'a Header) {
        (resource.block, &self.question.stack.blocks[resource.block].header)
    }

    fn reasons(&self, block: &Block<'_>, judgement: Judgement) -> Vec<Reason> {
        let reason = |one: Differing| {
            let at = block.node.get(&one.key).map(|node| self.place(node, &one.to));
            Reason { key: one.key, from: one.from, to: one.to, forces: one.forces, at }
        };
        judgement.differences.into_iter().map(reason).collect()
    }

    /// Where the file says so: at the reference that is awaited, or else at the value.
    fn place(&self, node: Node<'_>, value: &Value) -> Place {
        let mut holes = Vec::new();
        value.holes(&mut holes);
        let span = holes.first().and_then(|hole| place(node, hole)).unwrap_or(node.span());
        let source = self.question.sources.get(span.source);
        Place { file: source.name.clone(), line: source.line_of(span.start) + 1 }
    }
}

fn item(resource: &Resource, kind: &str, action: Action) -> Item {
    Item {
        address: resource.address.clone(),
        kind: kind.to_owned(),
        action,
        reasons: Vec::new(),
        note: None,
        drifted: false,
    }
}

/// Whether something else is otherwise than remembered than what time alone brings about.
fn is_touched(kind: &Erased, found: &Object, remembered: &Object) -> bool {
    found != remembered && kind.lasting(found) != kind.lasting(remembered)
}

/// The attributes that this change cannot reach. One that drifted may be put right by any update.
fn known(kind: &Erased, judgement: &Judgement, object: &Object, before: &Object) -> Tree {
    let differs = |key: &str| judgement.differences.iter().any(|one| one.key == key);
    let reached = |name: &str| match judgement.verdict {
        Verdict::Nothing => false,
        Verdict::Replace => true,
        Verdict::Update => match kind.attribute(name).and_then(|field| field.follows) {
            Some(keys) => {
                keys.iter().any(|key| differs(key)) || object.get(name) != before.get(name)
            }
            None => true,
        },
    };
    let kept = object.attributes.iter().filter(|(name, _)| !reached(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
