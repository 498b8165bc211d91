//! What is known about a run while it goes on.
//!
//! Everything here is a few operations per event, whatever the number of steps. It must not draw.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::address::block_of;
use model::event::{Ending, Outcome};
use model::ledger::{StepId, Steps};
use model::plan::{Step, Work};
use runtime::store::timed;

use super::Options;
use crate::render::measure::width;

/// So many last lines of a step's output are kept.
const TAIL: usize = 3;
/// Lines of output that are kept until they are written; of more only their number.
const MOST_OUTPUT: usize = 2_000;

/// What is known about a run.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) run: Option<Run>,
    /// Who is waited for, and since when.
    pub(super) held: Option<(String, Duration)>,
    pub(super) at_work: BTreeMap<StepId, AtWork>,
    /// What ended and was not drawn yet.
    pub(super) fresh: Vec<Ended>,
    /// What was said about the run as a whole and was not drawn yet.
    pub(super) said: Vec<String>,
    /// Output that was not drawn yet.
    pub(super) output: Vec<(StepId, String)>,
    /// Lines of output of which only the number is known.
    pub(super) lost_output: usize,
    /// How many steps ended, of those that count.
    pub(super) over: usize,
    /// How many of them were not done.
    pub(super) failed: usize,
}

/// A run that began.
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) subject: String,
    pub(super) began: Duration,
    pub(super) steps: Arc<Steps>,
    /// How many steps a person would count.
    pub(super) counted: usize,
    /// The widest kind and the widest name.
    pub(super) widths: (usize, usize),
    /// By step: whether it ended.
    ended: Vec<bool>,
    /// Every step before this one has ended or is no step that counts.
    first_open: StepId,
}

/// A step at work.
pub(super) struct AtWork {
    pub(super) since: Duration,
    /// What it waits for or does now.
    pub(super) status: String,
    /// How long it took last time, in milliseconds.
    pub(super) usual: Option<u64>,
    /// When the next attempt begins.
    pub(super) again_at: Option<Duration>,
    /// The last lines that it wrote.
    pub(super) tail: VecDeque<String>,
    /// That it takes long was told.
    pub(super) told: bool,
}

/// A step that ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) id: StepId,
    pub(super) how: How,
    pub(super) took: u64,
}

/// How a step ended, for who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    Done(Outcome),
    Failed(String),
    Blocked(String),
    Skipped,
}

impl Facts {
    pub(super) fn waiting(&mut self, now: Duration, holder: &str) {
        let since = self.held.as_ref().map_or(now, |(_, since)| *since);
        self.held = Some((holder.to_owned(), since));
    }

    pub(super) fn began(
        &mut self,
        now: Duration,
        id: u64,
        subject: &str,
        steps: Arc<Steps>,
        options: &Options,
    ) {
        self.held = None;
        let mut run = Run {
            id,
            subject: subject.to_owned(),
            began: now,
            counted: 0,
            widths: (0, 0),
            ended: vec![false; steps.all().len()],
            first_open: 0,
            steps: Arc::clone(&steps),
        };
        for step in steps.all().iter().filter(|step| counts(step)) {
            run.counted += 1;
            run.widths.0 = run.widths.0.max(width(kind(step, &options.kinds)));
            run.widths.1 = run.widths.1.max(width(&super::entry::name(step)));
        }
        self.run = Some(run);
    }

    pub(super) fn running(&mut self, now: Duration, id: StepId, timings: &HashMap<String, u64>) {
        let Some(step) = self.step(id).filter(|step| counts(step)) else { return };
        let of = match &step.work {
            Work::Put(put) => put.want.kind.as_str(),
            Work::Delete { .. } => "delete",
            _ => "",
        };
        let usual = timings.get(&timed(step.name.as_str(), of)).copied();
        let at_work = self.at_work.entry(id).or_insert_with(|| AtWork {
            since: now,
            status: String::new(),
            usual,
            again_at: None,
            tail: VecDeque::new(),
            told: false,
        });
        // A further attempt: why the one before failed is past.
        if at_work.again_at.take().is_some() {
            at_work.status.clear();
        }
    }

    pub(super) fn status(&mut self, id: StepId, text: &str) {
        if let Some(at_work) = self.at_work.get_mut(&id) {
            text.clone_into(&mut at_work.status);
        }
    }

    pub(super) fn line(&mut self, id: StepId, text: &str, kept: bool) {
        if let Some(at_work) = self.at_work.get_mut(&id) {
            if at_work.tail.len() == TAIL {
                at_work.tail.pop_front();
            }
            at_work.tail.push_back(text.to_owned());
        }
        match kept {
            true if self.output.len() < MOST_OUTPUT => self.output.push((id, text.to_owned())),
            true => self.lost_output += 1,
            false => {}
        }
    }

    pub(super) fn retrying(&mut self, now: Duration, id: StepId, why: &str, pause: Duration) {
        if let Some(at_work) = self.at_work.get_mut(&id) {
            at_work.again_at = Some(now + pause);
            why.clone_into(&mut at_work.status);
        }
    }

    pub(super) fn ended(&mut self, id: StepId, ending: &Ending, took: u64) {
        self.at_work.remove(&id);
        let Some(run) = &mut self.run else { return };
        if let Some(ended) = run.ended.get_mut(id) {
            *ended = true;
        }
        let Some(step) = run.steps.all().get(id).filter(|step| counts(step)) else { return };
        let how = match ending {
            Ending::Done { what, .. } => How::Done(*what),
            Ending::Failed { fault } | Ending::Errored { fault } => {
                How::Failed(fault.message.clone())
            }
            Ending::Blocked { by } => How::Blocked(by.to_string()),
            Ending::Lost => How::Failed(format!("{} had not happened", step.name)),
            Ending::Skipped => How::Skipped,
        };
        self.over += 1;
        self.failed += usize::from(matches!(how, How::Failed(_)));
        self.fresh.push(Ended { id, how, took });
    }

    pub(super) fn say(&mut self, text: &str) {
        self.said.push(text.to_owned());
    }

    /// Returns a step of the run.
    pub(super) fn step(&self, id: StepId) -> Option<&Step> {
        self.run.as_ref()?.steps.all().get(id)
    }

    /// Returns how many steps count.
    pub(super) fn counted(&self) -> usize {
        self.run.as_ref().map_or(0, |run| run.counted)
    }

    /// Returns how many steps were not begun.
    pub(super) fn waiting_count(&self) -> usize {
        self.counted().saturating_sub(self.over + self.at_work.len())
    }

    /// Returns how long the run goes on, in milliseconds.
    pub(super) fn elapsed(&self, now: Duration) -> u64 {
        let began = self.run.as_ref().map_or(now, |run| run.began);
        crate::render::when::millis(now.saturating_sub(began))
    }

    /// Returns steps that were not begun, in their order, at most so many.
    pub(super) fn waiting_steps(&mut self, most: usize) -> Vec<StepId> {
        let Some(run) = &mut self.run else { return Vec::new() };
        let steps = run.steps.all();
        while run.first_open < steps.len()
            && (run.ended[run.first_open] || !counts(&steps[run.first_open]))
        {
            run.first_open += 1;
        }
        let open = (run.first_open..steps.len())
            .filter(|&id| !run.ended[id] && !self.at_work.contains_key(&id) && counts(&steps[id]));
        open.take(most).collect()
    }

    /// Returns a step that another waits for, one at work if there is one, and how many there are.
    pub(super) fn waits_for(&self, id: StepId) -> Option<(StepId, usize)> {
        let run = self.run.as_ref()?;
        let mut found: Option<StepId> = None;
        let mut count = 0;
        let mut open: Vec<StepId> = run.steps.needs(id).to_vec();
        while let Some(need) = open.pop() {
            if run.ended[need] {
                continue;
            }
            // A join stands for what it needs; nobody is told of its end.
            if matches!(run.steps.all()[need].work, Work::Join) {
                open.extend(run.steps.needs(need));
                continue;
            }
            count += 1;
            let better = found.is_none_or(|found| {
                (self.at_work.contains_key(&need), found)
                    > (self.at_work.contains_key(&found), need)
            });
            if better {
                found = Some(need);
            }
        }
        found.map(|found| (found, count))
    }
}

impl AtWork {
    /// Returns how long it is at work, in milliseconds.
    pub(super) fn elapsed(&self, now: Duration) -> u64 {
        crate::render::when::millis(now.saturating_sub(self.since))
    }
}

/// Whether a person would count a step: what only serves the engine is not told.
pub(super) fn counts(step: &Step) -> bool {
    !matches!(step.work, Work::Join | Work::Outputs(_))
}

/// Returns the kind of a step's resource, or what a step of a pipeline does.
pub(super) fn kind<'s>(step: &'s Step, kinds: &'s HashMap<String, String>) -> &'s str {
    match &step.work {
        Work::Put(put) => &put.want.kind,
        Work::Task(task) => task.does.word(),
        _ => {
            let name = step.name.as_str();
            let without_generation = name.split('@').next().unwrap_or(name);
            let named = |name: &str| kinds.get(name).map(String::as_str);
            named(name)
                .or_else(|| named(without_generation))
                .or_else(|| named(block_of(name)))
                .unwrap_or_default()
        }
    }
}
