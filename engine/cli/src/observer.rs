//! What happens in a run, handed from the walk to whoever draws it.
//!
//! The walk must never wait for a terminal, so everything goes through a channel; nor may what waits to
//! be drawn grow without bound, so lines that are far ahead of it are left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvError, RecvTimeoutError, Sender};
use std::time::Duration;

use model::Fault;
use model::event::Ending;
use model::ledger::{StepId, Steps};
use model::plan::Step;
use runtime::store::{Run, RunId};
use runtime::walk::{Observer, Stop};

use crate::render::measure::counted;

/// Something happened.
pub(crate) enum Happening {
    /// Somebody else holds the lease, and is waited for.
    Waiting(String),
    /// An earlier run is given up, and these of its steps were ended.
    GaveUp(Run, Vec<String>),
    /// A run began.
    Began {
        /// The run.
        run: RunId,
        /// The stack or pipeline.
        subject: String,
        /// Its steps.
        steps: Arc<Steps>,
    },
    /// A step is at work.
    Running(StepId),
    /// What it waits for or does now.
    Status(StepId, String),
    /// A line of its output.
    Line(StepId, String),
    /// An attempt failed in passing; another follows after the pause.
    Retrying(StepId, Fault, Duration),
    /// It ended, after so many milliseconds. What becomes of the state is left out.
    Ended(StepId, Ending, u64),
    /// Somebody asked the run to stop.
    Stopping(Stop),
    /// Nothing more is of interest.
    Over,
}

/// So much output may wait to be drawn, in bytes.
const MOST_AHEAD: usize = 4 << 20;

/// Where happenings are told.
#[derive(Clone)]
pub(crate) struct Feed {
    tells: Sender<Happening>,
    lines: Arc<Lines>,
}

/// Lines on their way.
#[derive(Default)]
struct Lines {
    /// Bytes that wait to be drawn.
    ahead: AtomicUsize,
    /// How many were left out since the last that was not.
    left_out: AtomicUsize,
}

/// Where happenings are heard.
pub(crate) struct Heard {
    hears: Receiver<Happening>,
    lines: Arc<Lines>,
}

impl Heard {
    /// Waits for what happens next.
    pub(crate) fn recv(&self) -> Result<Happening, RecvError> {
        self.hears.recv().map(|happening| self.counted(happening))
    }

    /// Waits so long for what happens next.
    pub(crate) fn recv_timeout(&self, limit: Duration) -> Result<Happening, RecvTimeoutError> {
        self.hears.recv_timeout(limit).map(|happening| self.counted(happening))
    }

    fn counted(&self, happening: Happening) -> Happening {
        if let Happening::Line(_, text) = &happening {
            self.lines.ahead.fetch_sub(text.len(), Ordering::Relaxed);
        }
        happening
    }
}

impl Feed {
    /// Returns a feed, and where it can be heard.
    pub(crate) fn new() -> (Self, Heard) {
        let (tells, hears) = mpsc::channel();
        let lines = Arc::new(Lines::default());
        (Self { tells, lines: Arc::clone(&lines) }, Heard { hears, lines })
    }

    /// Tells that something happened. Whether anybody listens does not matter.
    pub(crate) fn tell(&self, happening: Happening) {
        _ = self.tells.send(happening);
    }

    fn tell_line(&self, id: StepId, text: String) {
        self.lines.ahead.fetch_add(text.len(), Ordering::Relaxed);
        self.tell(Happening::Line(id, text));
    }

    fn tell_left_out(&self, id: StepId) {
        let count = self.lines.left_out.swap(0, Ordering::Relaxed);
        if count > 0 {
            let lines = counted(count, "line");
            self.tell_line(id, format!("… {lines} came too fast: `windlass logs` shows all"));
        }
    }
}

impl Observer for Feed {
    fn waiting(&self, holder: &str) {
        self.tell(Happening::Waiting(holder.to_owned()));
    }

    fn gave_up(&self, run: &Run, ended: &[String]) {
        self.tell(Happening::GaveUp(run.clone(), ended.to_owned()));
    }

    fn began(&self, run: RunId, subject: &str, steps: &Arc<Steps>) {
        let (subject, steps) = (subject.to_owned(), Arc::clone(steps));
        self.tell(Happening::Began { run, subject, steps });
    }

    fn running(&self, id: StepId, _: &Step) {
        self.tell(Happening::Running(id));
    }

    fn status(&self, id: StepId, text: &str) {
        self.tell(Happening::Status(id, text.to_owned()));
    }

    fn line(&self, id: StepId, text: &str) {
        if self.lines.ahead.load(Ordering::Relaxed) > MOST_AHEAD {
            self.lines.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.tell_left_out(id);
        self.tell_line(id, text.to_owned());
    }

    fn retrying(&self, id: StepId, _: &Step, fault: &Fault, pause: Duration) {
        self.tell(Happening::Retrying(id, fault.clone(), pause));
    }

    fn ended(&self, id: StepId, _: &Step, ending: &Ending, took: u64) {
        let ending = match ending {
            Ending::Done { what, .. } => Ending::Done { what: *what, state: Vec::new() },
            other => other.clone(),
        };
        self.tell_left_out(id);
        self.tell(Happening::Ended(id, ending, took));
    }
}

#[cfg(test)]
mod tests {
    use model::event::Outcome;
    use model::plan::Work;

    use super::*;

    #[test]
    fn a_step_does_not_end_before_it_is_said_how_many_of_its_lines_were_left_out() {
        let (feed, heard) = Feed::new();
        feed.line(0, &"x".repeat(MOST_AHEAD + 1));
        feed.line(0, "too fast");
        feed.line(0, "too fast again");
        let ending = Ending::Done { what: Outcome::Succeeded, state: Vec::new() };
        feed.ended(0, &Step::new("s", Work::Join), &ending, 1);
        assert!(matches!(heard.recv(), Ok(Happening::Line(..))));
        let said = "… 2 lines came too fast: `windlass logs` shows all";
        assert!(matches!(heard.recv(), Ok(Happening::Line(0, text)) if text == said));
        assert!(matches!(heard.recv(), Ok(Happening::Ended(..))));
    }
}
