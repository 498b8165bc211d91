//! What a command writes, cut into lines as it comes.
//!
//! It must not let the half of a secret through.

use std::collections::VecDeque;

use model::context::Progress;

use crate::log::StepLog;

/// How many of a failed command's last lines are shown with the error.
const LAST_WORDS: usize = 20;

/// Output cut into lines.
pub(super) struct Lines<'l> {
    log: &'l StepLog,
    partial: Vec<u8>,
    last: VecDeque<String>,
}

/// A line that never ends is cut, but not where a secret may have begun.
const LONGEST_LINE: usize = 64 * 1024;
const LONGEST_SECRET: usize = 16 * 1024;

impl<'l> Lines<'l> {
    pub(super) fn new(log: &'l StepLog) -> Self {
        Self { log, partial: Vec::new(), last: VecDeque::new() }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.partial.extend(&rest[..at]);
            self.line();
            rest = &rest[at + 1..];
        }
        self.partial.extend(rest);
        if self.partial.len() > LONGEST_LINE {
            self.piece();
        }
    }

    /// Shows what there is of a long line, with its secrets covered, but for the end: the other half of
    /// a secret may be on its way.
    fn piece(&mut self) {
        let mut text = self.log.masked(&String::from_utf8_lossy(&self.partial));
        let end = text.floor_char_boundary(text.len().saturating_sub(LONGEST_SECRET));
        let rest = text.split_off(end);
        self.partial = text.into_bytes();
        self.line();
        self.partial = rest.into_bytes();
    }

    fn line(&mut self) {
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&bytes);
        // What a terminal would show: the text after the last return to the line's start.
        let text = text.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        self.log.line(text);
        if self.last.len() == LAST_WORDS {
            self.last.pop_front();
        }
        self.last.push_back(text.to_owned());
    }

    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.partial.is_empty() {
            self.line();
        }
        self.last.into()
    }
}
