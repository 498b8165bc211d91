//! Which step waits for which.
//!
//! Making (`+`) and destroying (`-`) are separate steps. For a resource `r` that uses `q`:
//!
//! 1. `+r` after `+q`, as the file says it.
//! 2. `-q` after `-r`, as the state says it: the file may no longer know either.
//! 3. `-q` after `+r`, where `r` stays and has to let go of `q` first.
//! 4. A replacement is `+r` before `-r` (create-first) or `-r` before `+r` (destroy-first).
//! 5. What uses something that is destroyed first is itself destroyed first, and lets go of nothing
//!    before it (1 and 2 would contradict 3 and 4 otherwise). Call it bound.
//! 6. A destroy-first replacement that is only feared waits until the value is known (unless bound).
//! 7. What takes the place of another one in the world is made after that one is destroyed. Where that
//!    would make a circle, the plan is refused.
//! 8. What lies in something that is destroyed goes before that, unless it has to wait for it.
//!
//! No circle is left: only 4 leads from `+` to `-`, by way of something destroyed first; back from `-` to
//! `+` lead 3, 4 and 6, and these are never bound, so that nothing destroyed first lies behind them.
//! What N users let go of M resources of a block for is one step that stands for all of them: N + M
//! needs instead of N × M. It must not decide what is done, except for 5.

use std::collections::{BTreeSet, HashMap};

use model::address::block_of;
use model::plan::{Action, Outputs, Refusal, Step, Work};
use model::{Address, Order};

use super::State;
use super::draft::Draft;
use super::twins::parts;
use crate::stack::{Block, Stack};

/// The step that remembers the outputs of a stack.
const OUTPUTS: &str = "(outputs)";

/// A block of more resources than this is waited for through one step that stands for them all.
const FEW: usize = 8;

/// Returns the steps of a plan in dependency order.
pub(super) fn steps(
    stack: &Stack<'_>,
    state: &State,
    drafts: &mut [Draft],
    outputs: Option<Outputs>,
    refused: &mut Vec<Refusal>,
) -> Vec<Step> {
    let mut weave = Weave::default();
    let bound = weave.making(stack, drafts);
    if let Some(outputs) = outputs {
        weave.remembering_outputs(outputs);
    }
    weave.destroying(drafts, &bound);
    weave.letting_go(state, drafts, &bound);
    weave.taking_places(drafts, refused);
    weave.emptying(drafts);
    weave.sorted().unwrap_or_else(|circle| {
        let circle = circle.join(", ");
        let why = format!("these wait for each other: {circle}: apply some of them first");
        refused.push(Refusal::Contradiction(why));
        Vec::new()
    })
}

#[derive(Default)]
struct Weave {
    steps: Vec<Step>,
    needs: Vec<BTreeSet<usize>>,
    /// By draft: its making and its destroying step.
    made: Vec<Option<usize>>,
    destroyed: Vec<Option<usize>>,
}

impl Weave {
    fn add(&mut self, step: Step, needs: BTreeSet<usize>) -> usize {
        self.steps.push(step);
        self.needs.push(needs);
        self.steps.len() - 1
    }

    /// Outputs are remembered when everything that is made has been made: after the last steps.
    fn remembering_outputs(&mut self, outputs: Outputs) {
        let mut last: BTreeSet<usize> = (0..self.steps.len()).collect();
        self.needs.iter().flatten().for_each(|needed| _ = last.remove(needed));
        let work = Work::Outputs(Box::new(outputs));
        self.add(Step::new(OUTPUTS, work), last);
    }

    /// Who waits for many waits for one step that stands for them.
    fn gate(&mut self, name: impl FnOnce() -> String, steps: BTreeSet<usize>) -> BTreeSet<usize> {
        if steps.len() <= FEW {
            return steps;
        }
        let join = self.add(Step::new(name(), Work::Join), steps);
        BTreeSet::from([join])
    }

    /// Rules 1 and 5. A block in which nothing changes passes on what it waits for itself.
    fn making(&mut self, stack: &Stack<'_>, drafts: &mut [Draft]) -> Vec<bool> {
        let mut gates: Vec<BTreeSet<usize>> = Vec::with_capacity(stack.blocks.len());
        let mut bound = vec![false; drafts.len()];
        let mut binds = Vec::with_capacity(stack.blocks.len());
        let mut at = 0;
        for (block, Block { name, needs, .. }) in stack.blocks.iter().enumerate() {
            let inherited: BTreeSet<usize> =
                needs.iter().flat_map(|&need| &gates[need]).copied().collect();
            let is_bound = needs.iter().any(|&need: &usize| binds[need]);
            let (mut own, mut destroys_first) = (BTreeSet::new(), false);
            while drafts.get(at).is_some_and(|draft| draft.block == Some(block)) {
                bound[at] = is_bound;
                if is_bound && drafts[at].replaces(Order::CreateFirst) {
                    drafts[at].destroy_first();
                }
                destroys_first |= drafts[at].replaces(Order::DestroyFirst);
                let draft = &drafts[at];
                let step = draft.step(draft.item.address.clone(), draft.work.clone());
                let made = self.add(step, inherited.clone());
                self.made.push(Some(made));
                own.insert(made);
                at += 1;
            }
            gates.push(if own.is_empty() {
                inherited
            } else {
                self.gate(|| format!("({name} ready)"), own)
            });
            binds.push(is_bound || destroys_first);
        }
        self.made.resize(drafts.len(), None);
        bound
    }

    /// Rules 4 and 6.
    fn destroying(&mut self, drafts: &[Draft], bound: &[bool]) {
        for (at, draft) in drafts.iter().enumerate() {
            let destroyed = match (&draft.work, draft.item.action, self.made[at]) {
                (Work::Put(put), Action::Replace { order, sure }, Some(made)) => {
                    let Some(seen) = &put.seen else {
                        self.destroyed.push(None);
                        continue;
                    };
                    let want = &put.want;
                    let name = format!("{}@{}", draft.item.address, seen.generation);
                    let waits = order == Order::DestroyFirst && !sure && !bound[at];
                    let (key, needs) = match order {
                        Order::CreateFirst => (name.clone(), BTreeSet::from([made])),
                        Order::DestroyFirst if waits => {
                            (draft.key.clone(), self.needs[made].clone())
                        }
                        Order::DestroyFirst => (draft.key.clone(), BTreeSet::new()),
                    };
                    let want = waits.then(|| Box::new(want.clone()));
                    let work = Work::Delete { key, seen: seen.clone(), want };
                    let destroyed = self.add(draft.step(name, work), needs);
                    if order == Order::DestroyFirst {
                        self.needs[made].insert(destroyed);
                    }
                    Some(destroyed)
                }
                (work @ (Work::Delete { .. } | Work::Forget { .. }), ..) => {
                    let step = draft.step(draft.key.clone(), work.clone());
                    Some(self.add(step, BTreeSet::new()))
                }
                _ => None,
            };
            self.destroyed.push(destroyed);
        }
    }

    /// Rules 2 and 3.
    fn letting_go(&mut self, state: &State, drafts: &[Draft], bound: &[bool]) {
        let by_key: HashMap<&str, usize> =
            drafts.iter().enumerate().map(|(at, draft)| (draft.key.as_str(), at)).collect();
        let mut gates: HashMap<(&str, bool), BTreeSet<usize>> = HashMap::new();
        for (at, draft) in drafts.iter().enumerate() {
            let Some(destroyed) = self.destroyed[at] else { continue };
            let lets_go = draft.is_deleted() || draft.replaces(Order::CreateFirst);
            let block = block_of(&draft.key);
            let gate = match gates.get(&(block, lets_go)) {
                Some(gate) => gate.clone(),
                None => {
                    // A block does not use itself, whatever had its name before.
                    let others = |user: &&String| block_of(user.as_str()) != block;
                    let users = state.users(block).iter().filter(others);
                    let users = users.filter_map(|user| by_key.get(user.as_str()).copied());
                    let waits = self.waits_of(users, bound, lets_go);
                    let what = if lets_go { "let go" } else { "out of use" };
                    let gate = self.gate(|| format!("({block} {what})"), waits);
                    gates.insert((block, lets_go), gate.clone());
                    gate
                }
            };
            self.needs[destroyed].extend(gate);
        }
    }

    /// What has to end of these users before what they use is destroyed.
    fn waits_of(
        &self,
        users: impl Iterator<Item = usize>,
        bound: &[bool],
        lets_go: bool,
    ) -> BTreeSet<usize> {
        let wait = |user: usize| match (self.destroyed[user], self.made[user]) {
            (Some(theirs), _) => Some(theirs),
            (None, Some(made)) if lets_go && !bound[user] => Some(made),
            _ => None,
        };
        users.filter_map(wait).collect()
    }

    /// Rule 7.
    fn taking_places(&mut self, drafts: &[Draft], refused: &mut Vec<Refusal>) {
        let left = |(at, draft): (usize, &'_ Draft)| Some((draft.leaves.clone()?, at));
        let left: HashMap<String, usize> = drafts.iter().enumerate().filter_map(left).collect();
        for (at, draft) in drafts.iter().enumerate() {
            let Some(place) = &draft.takes else { continue };
            let Some(&other) = left.get(place).filter(|&&other| other != at) else { continue };
            let (Some(made), Some(destroyed)) = (self.made[at], self.destroyed[other]) else {
                continue;
            };
            if self.waits(destroyed, made) {
                let (space, identity) = parts(place);
                refused.push(Refusal::Contradiction(format!(
                    "{} would take the place of {} ({space} {identity}), which can only go after it: apply \
                     one of the two changes first",
                    draft.item.address, drafts[other].item.address
                )));
            } else {
                self.needs[made].insert(destroyed);
            }
        }
    }

    /// Rule 8.
    fn emptying(&mut self, drafts: &[Draft]) {
        let left =
            |(at, draft): (usize, &'_ Draft)| Some((draft.leaves.clone()?, self.destroyed[at]?));
        let mut left: Vec<(String, usize)> = drafts.iter().enumerate().filter_map(left).collect();
        left.sort_unstable();
        for (claim, destroyed) in &left {
            let below = format!("{claim}/");
            let inner = &left[left.partition_point(|(other, _)| *other < below)..];
            let inner = inner.iter().take_while(|(other, _)| other.starts_with(&below));
            let inner: Vec<usize> = inner.map(|(_, step)| *step).collect();
            if !inner.is_empty() {
                let waiting = self.waiting_for(*destroyed);
                let first = inner.into_iter().filter(|step| !waiting.contains(step));
                self.needs[*destroyed].extend(first);
            }
        }
    }

    /// Every step that waits for this one, through whatever lies between.
    fn waiting_for(&self, step: usize) -> BTreeSet<usize> {
        let mut users = vec![Vec::new(); self.steps.len()];
        for (at, needs) in self.needs.iter().enumerate() {
            needs.iter().for_each(|&need| users[need].push(at));
        }
        let (mut waiting, mut open) = (BTreeSet::new(), vec![step]);
        while let Some(at) = open.pop() {
            open.extend(users[at].iter().filter(|user| waiting.insert(**user)));
        }
        waiting
    }

    /// Whether a step waits for another one, through whatever lies between.
    fn waits(&self, step: usize, other: usize) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![step]);
        while let Some(at) = open.pop() {
            if at == other {
                return true;
            }
            open.extend(self.needs[at].iter().filter(|need| seen.insert(**need)));
        }
        false
    }

    /// Steps after what they need, otherwise in the order of their making; or those that wait for each
    /// other.
    fn sorted(self) -> Result<Vec<Step>, Vec<String>> {
        let Self { steps, needs, .. } = self;
        let mut open: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
        let mut users = vec![Vec::new(); steps.len()];
        for (at, needs) in needs.iter().enumerate() {
            needs.iter().for_each(|&need| users[need].push(at));
        }
        let mut ready: BTreeSet<usize> = (0..steps.len()).filter(|&at| open[at] == 0).collect();
        let mut order = Vec::with_capacity(steps.len());
        while let Some(at) = ready.pop_first() {
            order.push(at);
            for &user in &users[at] {
                open[user] -= 1;
                if open[user] == 0 {
                    ready.insert(user);
                }
            }
        }
        if order.len() < steps.len() {
            let left = (0..steps.len()).filter(|&at| open[at] > 0);
            return Err(left.map(|at| steps[at].name.to_string()).collect());
        }
        let names: Vec<Address> = steps.iter().map(|step| step.name.clone()).collect();
        let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
        let finished = |at: usize| {
            let needs = needs[at].iter().map(|&need| names[need].clone()).collect();
            steps[at].take().map(|step| Step { needs, ..step })
        };
        Ok(order.into_iter().filter_map(finished).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_wait_for_each_other_are_told_and_not_dropped() {
        let mut weave = Weave::default();
        for (name, need) in [("a", None), ("b", Some(2)), ("c", Some(1))] {
            weave.add(Step::new(name, Work::Join), need.into_iter().collect());
        }
        assert_eq!(weave.sorted(), Err(vec!["b".to_owned(), "c".to_owned()]));
    }
}
