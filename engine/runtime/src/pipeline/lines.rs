//! What a command writes: without secrets, in lines, into the log as it comes.
//!
//! It must not let the half of a secret through, nor keep more than the last lines.

use std::collections::VecDeque;

use model::mask::Stream;

use crate::log::StepLog;

/// How many of a failed command's last lines are shown with the error.
const LAST_WORDS: usize = 20;

/// Output on its way into the log.
pub(super) struct Lines<'l> {
    log: &'l StepLog,
    stream: Stream,
    lines: child::Lines,
    last: VecDeque<String>,
}

impl<'l> Lines<'l> {
    pub(super) fn new(log: &'l StepLog) -> Self {
        let (stream, lines) = (Stream::new(log.masker()), child::Lines::default());
        Self { log, stream, lines, last: VecDeque::new() }
    }

    /// Takes in what came. Secrets that have come up since are covered too.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.stream.know(&self.log.masker());
        let mut masked = Vec::with_capacity(chunk.len());
        self.stream.push(chunk, &mut masked);
        let mut whole = Vec::new();
        self.lines.take(&masked, &mut |line| whole.push(line.to_owned()));
        self.show(whole);
    }

    /// Returns the last lines.
    pub(super) fn finish(mut self) -> Vec<String> {
        let (mut masked, mut whole) = (Vec::new(), Vec::new());
        self.stream.finish(&mut masked);
        self.lines.take(&masked, &mut |line| whole.push(line.to_owned()));
        self.lines.end(&mut |line| whole.push(line.to_owned()));
        self.show(whole);
        self.last.into()
    }

    fn show(&mut self, whole: Vec<String>) {
        self.log.masked_lines(&whole);
        self.last.extend(whole);
        self.last.drain(..self.last.len().saturating_sub(LAST_WORDS));
    }
}
