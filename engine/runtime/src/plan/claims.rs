//! What resources are in the world: no two are the same thing, whichever stacks they belong to, and what
//! one destroys holds nothing of another.
//!
//! It must not decode what its digest clears: a row says what it is.

use std::collections::HashMap;

use language::{Code, Diagnostic};
use model::plan::{Action, Refusal, Want};
use model::record::{Record, Row};
use model::{Erased, Tree};

use super::draft::Draft;
use super::twins::{self, parts};
use super::{Outcome, Planner};
use crate::store::Claim;

impl Planner<'_> {
    /// Notes what a resource is. One that is the same as something that the file no longer names has
    /// been renamed.
    pub(super) fn claim(&mut self, at: usize, kind: &Erased, want: &Want) {
        let Some(claim) = self.claim_by(kind, &want.spec) else { return };
        if let Some(&other) = self.claims.get(&claim) {
            return self.same_thing(other, at, &claim);
        }
        if self.rows[at].is_none() && !self.orphans.is_empty() {
            self.adopt(at, &claim);
        }
        self.claimed = Some(claim.clone());
        self.claims.insert(claim, at);
    }

    /// Compares what was met with what was not: unchanged resources, and those of other stacks.
    pub(super) fn compare_claims(&mut self) {
        if self.claims.is_empty() {
            return;
        }
        let same = self.outcomes.iter().enumerate().filter_map(|(other, outcome)| {
            let Outcome::Same { row, .. } = outcome else { return None };
            let claim = row.claim.as_ref()?;
            Some((other, *self.claims.get(claim)?, claim.clone()))
        });
        let same: Vec<_> = same.collect();
        for (other, at, claim) in same {
            self.same_thing(other, at, &claim);
        }
        let new = |(at, draft): (usize, &Draft)| {
            Some((at, draft.takes.clone().filter(|claim| self.held(&draft.key) != Some(claim))?))
        };
        let new: Vec<(usize, String)> = self.drafts.iter().enumerate().filter_map(new).collect();
        for (at, claim) in new {
            if let Some(other) = self.question.state.claimed_elsewhere(&claim).next() {
                self.of_another_stack(at, other);
            }
        }
    }

    /// Refuses to make what would go by the name of another one, which was moved and has kept its name.
    pub(super) fn refuse_names_in_use(&mut self) {
        let state = self.question.state;
        let is_named =
            |kind: &str| self.question.kinds.get(kind).is_some_and(|kind| kind.named_by_address);
        let own = |id: &str| id.strip_prefix(state.stack())?.strip_prefix('/').map(str::to_owned);
        let goes_by_another = |(key, row): (&'_ String, &'_ Row)| {
            let name = own(&row.id).filter(|name| name != key && is_named(&row.kind))?;
            Some(((row.kind.clone(), name), key.clone()))
        };
        let moved: HashMap<(String, String), String> =
            state.rows.iter().filter_map(goes_by_another).collect();
        let makes = |action| matches!(action, Action::Create | Action::Replace { .. });
        for Draft { item, block, .. } in self.drafts.iter().filter(|draft| makes(draft.item.action))
        {
            let held = moved.get(&(item.kind.clone(), item.address.clone()));
            let (Some(holder), Some(block)) = (held, block) else { continue };
            let (stack, address) = (state.stack(), &item.address);
            let place = self.question.stack.blocks[*block].key.span();
            let message = format!(
                "`{address}` would be the same as `{holder}`, which goes by the name \
                 `{stack}/{address}` since it was moved"
            );
            let error = Diagnostic::new(Code::Conflict, place, message);
            self.diagnostics.push(error.help(format!(
                "call this one something else; or give `{holder}` a name of its own first: \
                 `windlass apply {stack} --target {holder} --replace {holder}` ends it and makes it anew"
            )));
        }
    }

    /// What the state says that a row is in the world.
    fn held(&self, key: &str) -> Option<&String> {
        self.question.state.rows.get(key)?.claim.as_ref()
    }

    fn same_thing(&mut self, other: usize, own: usize, claim: &str) {
        self.diagnostics.push(twins::same(self.question.stack, other, own, claim));
    }

    fn of_another_stack(&mut self, draft: usize, other: &Claim) {
        let Draft { item, block: Some(block), .. } = &self.drafts[draft] else { return };
        let Claim { claim, stack, key } = other;
        let (space, identity) = parts(claim);
        let message = format!(
            "`{}` and `{key}` of the stack `{stack}` are both {space} `{identity}`",
            item.address
        );
        let place = self.question.stack.blocks[*block].key.span();
        let error = Diagnostic::new(Code::Conflict, place, message);
        self.diagnostics.push(error.help(format!(
            "let one of them be another thing; or let `{stack}` forget it first (`removed:` with \
             `destroy: false`)"
        )));
    }

    /// What is destroyed takes along whatever lies in it: that must go too, and before it.
    pub(super) fn refuse_to_take_along(&mut self) {
        let leaves = |draft: &Draft| Some((draft.key.clone(), draft.leaves.clone()?));
        let leaving: HashMap<String, String> = self.drafts.iter().filter_map(leaves).collect();
        let state = self.question.state;
        for draft in &self.drafts {
            let Some(claim) = &draft.leaves else { continue };
            let stays =
                |one: &&Claim| one.stack != state.stack() || !leaving.contains_key(&one.key);
            let mut staying = state.claimed_within(claim).filter(stays);
            let Some(Claim { claim: inner, stack, key }) = staying.next() else { continue };
            let whose = match stack == state.stack() {
                true => key.clone(),
                false => format!("{key} of the stack {stack}"),
            };
            let more = match staying.count() {
                0 => String::new(),
                count => format!(", and {count} more"),
            };
            let ((_, own), (_, inner)) = (parts(claim), parts(inner));
            self.refused.push(Refusal::Contradiction(format!(
                "{} cannot be destroyed: in {own} lies {inner}, which {whose} has made and keeps{more}",
                draft.item.address
            )));
        }
    }

    /// What a remembered resource is in the world, if its spec says it.
    pub(super) fn claim_of(&self, record: &Record) -> Option<String> {
        // An older version did not remember it.
        let by_kind = || self.claim_by(self.question.kinds.get(&record.kind)?, &record.spec);
        record.claim.clone().or_else(by_kind)
    }

    fn claim_by(&self, kind: &Erased, spec: &Tree) -> Option<String> {
        twins::claim(kind, spec, self.question.project)
    }

    fn adopt(&mut self, at: usize, claim: &str) {
        let position = {
            let claims = self.orphan_claims.get_or_init(|| self.claims_of_orphans());
            claims.get(claim).copied()
        };
        if let Some(orphan) = position.and_then(|position| self.orphans.get_mut(position)) {
            self.rows[at] = orphan.take();
        }
    }

    fn claims_of_orphans(&self) -> HashMap<String, usize> {
        let claim = |(position, orphan): (usize, &Option<(&str, &Row)>)| {
            let (key, row) = (*orphan)?;
            let by_record = || self.claim_of(&self.question.state.record(key)?);
            Some((row.claim.clone().or_else(by_record)?, position))
        };
        self.orphans.iter().enumerate().filter_map(claim).collect()
    }
}
