//! A store that lives as long as the process: for plans that are only tried out, and for tests.
//!
//! It must behave as the one on disk does; one suite tests both.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Registry;
use model::event::Event;
use model::record::{OutputsRecord, Record, Row};
use model::registry::BoxFuture;

use super::fold::{Write, fold};
use super::{
    Acquired, Claim, Doubt, Holder, Lease, Millis, NewRun, Run, RunId, RunOutcome, Store,
    StoreError,
};

/// See the module.
pub struct MemoryStore {
    project: String,
    kinds: Registry,
    kept: Mutex<Kept>,
}

#[derive(Clone, Default)]
struct Kept {
    runs: Vec<Run>,
    plans: HashMap<String, RunId>,
    events: Vec<(RunId, Event)>,
    stacks: BTreeMap<String, Stack>,
    leases: HashMap<String, (Lease, Option<Holder>)>,
}

#[derive(Clone, Default)]
struct Stack {
    rows: BTreeMap<String, (Row, Record)>,
    doubts: Vec<Doubt>,
    outputs: Option<OutputsRecord>,
    timings: HashMap<String, u64>,
}

impl MemoryStore {
    /// Returns an empty store.
    pub fn new(project: &str, kinds: Registry) -> Self {
        Self { project: project.to_owned(), kinds, kept: Mutex::default() }
    }

    /// Returns another store that holds what this one holds now.
    pub fn copy(&self) -> Self {
        let (project, kinds) = (self.project.clone(), self.kinds.clone());
        Self { project, kinds, kept: Mutex::new(self.kept().clone()) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, run: RunId, lease: &Lease, events: Vec<Event>) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let kept = &mut *kept;
        kept.check(lease)?;
        let scope = kept.scope(run)?;
        let stack = kept.stacks.entry(scope).or_default();
        for event in &events {
            _ = fold(event, &self.kinds, |write| {
                stack.write(run, write);
                Ok::<_, StoreError>(())
            });
        }
        kept.events.extend(events.into_iter().map(|event| (run, event)));
        Ok(())
    }
}

impl Kept {
    fn check(&self, lease: &Lease) -> Result<(), StoreError> {
        match self.leases.get(&lease.subject) {
            Some((held, _)) if held.fence == lease.fence => Ok(()),
            _ => Err(StoreError::Fenced { subject: lease.subject.clone() }),
        }
    }

    fn run_for(&self, cause: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.cause.as_ref().is_some_and(|one| one.id == cause))
    }

    fn in_doubt(&self) -> BTreeSet<RunId> {
        self.stacks.values().flat_map(|stack| &stack.doubts).map(|doubt| doubt.run).collect()
    }

    fn scope(&self, run: RunId) -> Result<String, StoreError> {
        let run = self.runs.iter().find(|known| known.id == run);
        run.map(|run| run.kind.scope(&run.subject))
            .ok_or_else(|| StoreError::Corrupt("there is no such run".to_owned()))
    }
}

impl Stack {
    fn write(&mut self, run: RunId, write: Write<'_>) {
        match write {
            Write::Doubt { step, token, intent } => {
                self.doubts.retain(|doubt| doubt.step != *step);
                let (step, token, intent) = (step.clone(), token.clone(), intent.clone());
                self.doubts.push(Doubt { step, run, token, intent });
            }
            Write::Settled { step } => self.doubts.retain(|doubt| doubt.step != *step),
            Write::Put { key, row, record } => {
                self.rows.insert(key.to_owned(), (row, record.clone()));
            }
            Write::Remove { key } => _ = self.rows.remove(key),
            Write::Outputs(outputs) => self.outputs = Some(outputs.clone()),
            Write::Took { step, took } => _ = self.timings.insert(step, took),
        }
    }
}

impl Store for MemoryStore {
    fn project(&self) -> &str {
        &self.project
    }

    fn begin(&self, run: NewRun) -> BoxFuture<'_, Result<RunId, StoreError>> {
        Box::pin(async move {
            let mut kept = self.kept();
            if let Some(&used) = run.plan_id.as_ref().and_then(|plan| kept.plans.get(plan)) {
                return Err(StoreError::PlanUsed { run: used });
            }
            if let Some(cause) = &run.cause
                && let Some(used) = kept.run_for(&cause.id)
            {
                return Err(StoreError::CauseUsed { run: used.id });
            }
            let id = RunId(kept.runs.len() as u64 + 1);
            if run.expects.is_some_and(|expected| expected != id) {
                return Err(StoreError::Overtaken);
            }
            if let Some(plan) = run.plan_id {
                kept.plans.insert(plan, id);
            }
            kept.events.extend(run.events.into_iter().map(|event| (id, event)));
            kept.runs.push(Run {
                id,
                kind: run.kind,
                subject: run.subject,
                parent: run.parent,
                began: run.now,
                ended: None,
                outcome: None,
                plan: run.plan,
                nonce: run.nonce,
                again: run.again,
                cause: run.cause,
                pruned: false,
            });
            Ok(id)
        })
    }

    fn append(
        &self,
        run: RunId,
        lease: &Lease,
        events: Vec<Event>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let lease = lease.clone();
        Box::pin(async move { self.append_now(run, &lease, events) })
    }

    fn finish(
        &self,
        run: RunId,
        outcome: RunOutcome,
        now: Millis,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            for known in self.kept().runs.iter_mut().filter(|known| known.id == run) {
                (known.ended, known.outcome, known.plan) = (Some(now), Some(outcome), None);
            }
            Ok(())
        })
    }

    fn note(&self, run: RunId, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.kept().events.push((run, event));
            Ok(())
        })
    }

    fn wait(&self, run: RunId, waits: bool) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut kept = self.kept();
            let meant = |known: &&mut Run| known.id == run && known.ended.is_none();
            for known in kept.runs.iter_mut().filter(meant) {
                known.outcome = waits.then_some(RunOutcome::Waiting);
            }
            Ok(())
        })
    }

    fn prune(&self, runs: Vec<RunId>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut kept = self.kept();
            let doubts = kept.in_doubt();
            let may_go = |run: &Run| run.ended.is_some() && !doubts.contains(&run.id);
            let asked = kept.runs.iter_mut().filter(|run| runs.contains(&run.id) && may_go(run));
            let mut old = BTreeSet::new();
            for run in asked {
                run.pruned = true;
                old.insert(run.id);
            }
            kept.events.retain(|(run, _)| !old.contains(run));
            Ok(())
        })
    }

    fn acquire(
        &self,
        subject: &str,
        holder: Holder,
        now: Millis,
    ) -> BoxFuture<'_, Result<Acquired, StoreError>> {
        let subject = subject.to_owned();
        Box::pin(async move {
            let mut kept = self.kept();
            let fence = match kept.leases.get(&subject) {
                Some((_, Some(held))) if held.until > now => {
                    return Ok(Acquired::HeldBy(held.clone()));
                }
                Some((lease, _)) => lease.fence + 1,
                None => 1,
            };
            let lease = Lease { subject: subject.clone(), fence };
            kept.leases.insert(subject, (lease.clone(), Some(holder)));
            Ok(Acquired::Lease(lease))
        })
    }

    fn renew(&self, lease: &Lease, until: Millis) -> BoxFuture<'_, Result<(), StoreError>> {
        let lease = lease.clone();
        Box::pin(async move {
            let mut kept = self.kept();
            kept.check(&lease)?;
            if let Some((_, Some(holder))) = kept.leases.get_mut(&lease.subject) {
                holder.until = until;
            }
            Ok(())
        })
    }

    fn release(&self, lease: &Lease) -> BoxFuture<'_, Result<(), StoreError>> {
        let lease = lease.clone();
        Box::pin(async move {
            let mut kept = self.kept();
            if kept.check(&lease).is_ok()
                && let Some((_, holder)) = kept.leases.get_mut(&lease.subject)
            {
                *holder = None;
            }
            Ok(())
        })
    }

    fn rows(&self, stack: &str) -> Result<Vec<(String, Row)>, StoreError> {
        let kept = self.kept();
        let rows = kept.stacks.get(stack).into_iter().flat_map(|stack| &stack.rows);
        Ok(rows.map(|(key, (row, _))| (key.clone(), row.clone())).collect())
    }

    fn record(&self, stack: &str, key: &str) -> Result<Option<Record>, StoreError> {
        let kept = self.kept();
        Ok(kept.stacks.get(stack).and_then(|s| s.rows.get(key)).map(|(_, record)| record.clone()))
    }

    fn needs(&self, stack: &str) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        let kept = self.kept();
        let rows = kept.stacks.get(stack).into_iter().flat_map(|stack| &stack.rows);
        Ok(rows.map(|(key, (_, record))| (key.clone(), record.needs.clone())).collect())
    }

    fn claims(&self) -> Result<Vec<Claim>, StoreError> {
        let kept = self.kept();
        let rows = kept.stacks.iter().flat_map(|(stack, Stack { rows, .. })| {
            rows.iter().map(move |(key, (row, _))| (stack, key, row.claim.clone()))
        });
        let claim = |(stack, key, claim): (&String, &String, Option<String>)| {
            Some(Claim { claim: claim?, stack: stack.clone(), key: key.clone() })
        };
        let mut claims: Vec<Claim> = rows.filter_map(claim).collect();
        claims.sort_unstable();
        Ok(claims)
    }

    fn doubts(&self, stack: &str) -> Result<Vec<Doubt>, StoreError> {
        Ok(self.kept().stacks.get(stack).map(|stack| stack.doubts.clone()).unwrap_or_default())
    }

    fn outputs(&self, stack: &str) -> Result<Option<OutputsRecord>, StoreError> {
        Ok(self.kept().stacks.get(stack).and_then(|stack| stack.outputs.clone()))
    }

    fn stacks(&self) -> Result<Vec<String>, StoreError> {
        let kept = self.kept();
        let live = kept.stacks.iter().filter(|(_, stack)| !stack.rows.is_empty());
        Ok(live.map(|(name, _)| name.clone()).collect())
    }

    fn runs(&self, subject: Option<&str>, most: usize) -> Result<Vec<Run>, StoreError> {
        let kept = self.kept();
        let wanted = |run: &&Run| subject.is_none_or(|subject| run.subject == subject);
        Ok(kept.runs.iter().rev().filter(wanted).take(most).cloned().collect())
    }

    fn runs_in(&self, scope: &str, most: usize) -> Result<Vec<Run>, StoreError> {
        let kept = self.kept();
        let wanted = kept.runs.iter().rev().filter(|run| run.kind.scope(&run.subject) == scope);
        Ok(wanted.take(most).cloned().collect())
    }

    fn unended(&self, scope: &str) -> Result<Vec<Run>, StoreError> {
        let mut runs = self.runs_in(scope, usize::MAX)?;
        runs.retain(|run| run.ended.is_none());
        Ok(runs)
    }

    fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        Ok(self.kept().runs.iter().find(|run| run.id == id).cloned())
    }

    fn run_for(&self, cause: &str) -> Result<Option<Run>, StoreError> {
        Ok(self.kept().run_for(cause).cloned())
    }

    fn prunable(&self, scope: &str, keep: usize) -> Result<Vec<RunId>, StoreError> {
        let kept = self.kept();
        let doubts = kept.in_doubt();
        let old = kept.runs.iter().rev();
        let old = old.filter(|run| run.kind.scope(&run.subject) == scope).skip(keep);
        let old = old.filter(|run| !run.pruned && run.ended.is_some() && !doubts.contains(&run.id));
        let mut old: Vec<RunId> = old.map(|run| run.id).collect();
        old.reverse();
        old.truncate(super::PRUNED_AT_ONCE);
        Ok(old)
    }

    fn unpruned(&self) -> Result<Vec<Run>, StoreError> {
        let kept = self.kept();
        Ok(kept.runs.iter().rev().filter(|run| !run.pruned).cloned().collect())
    }

    fn in_doubt(&self) -> Result<BTreeSet<RunId>, StoreError> {
        Ok(self.kept().in_doubt())
    }

    fn parts(&self, first: RunId) -> Result<Vec<Run>, StoreError> {
        let kept = self.kept();
        let part = |run: &&Run| run.id == first || run.again == Some(first);
        Ok(kept.runs.iter().rev().filter(part).cloned().collect())
    }

    fn plan_used(&self, id: &str) -> Result<Option<RunId>, StoreError> {
        Ok(self.kept().plans.get(id).copied())
    }

    fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError> {
        let kept = self.kept();
        let own = kept.events.iter().filter(|(of, _)| *of == run);
        Ok(own.map(|(_, event)| event.clone()).collect())
    }

    fn events_since(&self, run: RunId, known: usize) -> Result<Vec<Event>, StoreError> {
        Ok(self.events(run)?.into_iter().skip(known).collect())
    }

    fn holder(&self, subject: &str) -> Result<Option<Holder>, StoreError> {
        Ok(self.kept().leases.get(subject).and_then(|(_, holder)| holder.clone()))
    }

    fn timings(&self, scope: &str) -> Result<HashMap<String, u64>, StoreError> {
        Ok(self.kept().stacks.get(scope).map(|stack| stack.timings.clone()).unwrap_or_default())
    }
}
