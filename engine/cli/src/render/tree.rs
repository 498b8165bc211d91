//! A run while it goes on: fed with what happens, and painted as time passes.
//!
//! On a terminal it is repainted in place, at most ten times a second, and what ended stays as lines.
//! Elsewhere it is plain lines, with a word at least every two seconds while something is at work.
//! Feeding it costs next to nothing, however many steps there are; painting costs what fits on the
//! screen. The time is handed in, as what has passed since any fixed moment. It must not decide
//! anything, nor hold up the walk.

mod entry;
mod facts;
mod lines;
mod painted;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use model::event::Ending;
use model::ledger::{StepId, Steps};
use model::plan::Plan;

use super::style::Style;
use facts::Facts;
use lines::Lines;
use painted::Painted;

/// How a run is shown.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Colours and width.
    pub(crate) style: Style,
    /// Rows of the terminal that is painted on; None: plain lines.
    pub(crate) rows: Option<usize>,
    /// What the run does, in a word: `apply`, `destroy`, `run`.
    pub(crate) verb: String,
    /// How long steps took last time, in milliseconds, by name.
    pub(crate) timings: HashMap<String, u64>,
    /// The kinds of resources whose steps do not say it, by address: see [`kinds`].
    pub(crate) kinds: HashMap<String, String>,
    /// Whether plain lines hold the output of steps, too: for pipelines.
    pub(crate) output: bool,
}

/// A run that is watched.
pub(crate) struct Tree {
    options: Options,
    facts: Facts,
    form: Form,
}

enum Form {
    Painted(Painted),
    Lines(Lines),
}

/// Returns the kinds of what a plan is about, by address: steps that destroy do not say them.
pub(crate) fn kinds(plan: &Plan) -> HashMap<String, String> {
    plan.items.iter().map(|item| (item.address.clone(), item.kind.clone())).collect()
}

impl Tree {
    /// Returns a run of which nothing is known yet.
    pub(crate) fn new(options: Options) -> Self {
        let form = match options.rows {
            Some(rows) => Form::Painted(Painted::new(rows)),
            None => Form::Lines(Lines::default()),
        };
        Self { facts: Facts::default(), form, options }
    }

    /// Somebody else is at work, and is waited for.
    pub(crate) fn waiting(&mut self, now: Duration, holder: &str) {
        self.facts.waiting(now, holder);
    }

    /// The run began.
    pub(crate) fn began(&mut self, now: Duration, run: u64, subject: &str, steps: &Arc<Steps>) {
        self.facts.began(now, run, subject, Arc::clone(steps), &self.options);
    }

    /// A step is at work.
    pub(crate) fn running(&mut self, now: Duration, id: StepId) {
        self.facts.running(now, id, &self.options.timings);
    }

    /// What a step waits for or does now.
    pub(crate) fn status(&mut self, id: StepId, text: &str) {
        self.facts.status(id, text);
    }

    /// A line of a step's output.
    pub(crate) fn line(&mut self, id: StepId, text: &str) {
        self.facts.line(id, text, self.options.output && self.options.rows.is_none());
    }

    /// An attempt failed in passing; another follows after the pause.
    pub(crate) fn retrying(&mut self, now: Duration, id: StepId, why: &str, pause: Duration) {
        self.facts.retrying(now, id, why, pause);
    }

    /// A step ended, after so many milliseconds.
    pub(crate) fn ended(&mut self, id: StepId, ending: &Ending, took: u64) {
        self.facts.ended(id, ending, took);
    }

    /// Something about the run as a whole: that it was told to stop.
    pub(crate) fn say(&mut self, text: &str) {
        self.facts.say(text);
    }

    /// The terminal has this size now; that it has the same as before is no harm.
    pub(crate) fn resize(&mut self, columns: usize, rows: usize) {
        let narrower = columns < self.options.style.width;
        self.options.style.width = columns;
        if let Form::Painted(painted) = &mut self.form {
            painted.resize(columns, rows, narrower);
        }
    }

    /// Time has passed: paints what is due. To be called about ten times a second; oftener is no harm.
    pub(crate) fn tick(&mut self, now: Duration, out: &mut dyn Write) -> io::Result<()> {
        match &mut self.form {
            Form::Painted(painted) => painted.tick(&mut self.facts, &self.options, now, out),
            Form::Lines(lines) => lines.tick(&mut self.facts, &self.options, now, out),
        }
    }

    /// The run is over: what ended stays, everything else goes.
    pub(crate) fn finish(&mut self, now: Duration, out: &mut dyn Write) -> io::Result<()> {
        match &mut self.form {
            Form::Painted(painted) => painted.finish(&mut self.facts, &self.options, now, out),
            Form::Lines(lines) => lines.finish(&mut self.facts, &self.options, now, out),
        }
    }
}
