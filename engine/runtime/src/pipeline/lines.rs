//! What a command writes, into the log as it comes, and its last words.
//!
//! It must not keep more than those.

use std::collections::VecDeque;

use model::mask;

use crate::annotations::{Annotation, MOST, parse};
use crate::log::StepLog;

/// How many of a failed command's last lines are shown with the error.
const LAST_WORDS: usize = 20;

/// Output on its way into the log.
pub(super) struct Lines<'l> {
    log: &'l StepLog,
    lines: mask::Lines,
    last: VecDeque<String>,
    annotations: usize,
}

impl<'l> Lines<'l> {
    pub(super) fn new(log: &'l StepLog) -> Self {
        Self { log, lines: mask::Lines::new(log.masker()), last: VecDeque::new(), annotations: 0 }
    }

    /// Takes in what came. Secrets that have come up since are covered too.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.lines.know(&self.log.masker());
        let mut whole = Vec::new();
        self.lines.take(chunk, &mut |line| whole.push(line.to_owned()));
        self.show(whole);
    }

    /// Returns the last lines.
    pub(super) fn finish(mut self) -> Vec<String> {
        let mut whole = Vec::new();
        self.lines.end(&mut |line| whole.push(line.to_owned()));
        self.show(whole);
        self.last.into()
    }

    fn show(&mut self, whole: Vec<String>) {
        self.annotate(&whole);
        self.log.masked_lines(&whole);
        self.last.extend(whole);
        self.last.drain(..self.last.len().saturating_sub(LAST_WORDS));
    }

    /// Keeps what these lines say about files.
    fn annotate(&mut self, whole: &[String]) {
        let room = MOST.saturating_sub(self.annotations);
        let found: Vec<Annotation> =
            whole.iter().filter_map(|line| parse(line)).take(room).collect();
        if !found.is_empty() {
            self.annotations += found.len();
            self.log.annotate(found);
        }
    }
}
