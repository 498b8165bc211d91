//! What a program writes: without secrets, and in lines, as it comes.
//!
//! Secrets are covered before lines are cut: what stands on both sides of a cut would not be found any
//! more. It must not wait for the end of a line for ever: what comes without one is cut.

use std::borrow::Cow;
use std::io::BufRead;
use std::sync::Arc;

use super::{Masker, Stream};

/// A line that is longer is handed on in pieces, in bytes.
const LONGEST: usize = 64 * 1024;

/// One stream of output.
pub struct Lines {
    stream: Stream,
    cut: Cut,
}

impl Lines {
    /// Begins an output in which these secrets are covered.
    pub fn new(masker: Arc<Masker>) -> Self {
        Self { stream: Stream::new(masker), cut: Cut::default() }
    }

    /// From here on these secrets are covered.
    pub fn know(&mut self, masker: &Arc<Masker>) {
        self.stream.know(masker);
    }

    /// Takes in what came, and shows every line that is complete.
    pub fn take(&mut self, bytes: &[u8], see: &mut dyn FnMut(&str)) {
        let mut masked = Vec::with_capacity(bytes.len());
        self.stream.push(bytes, &mut masked);
        self.cut.take(&masked, see);
    }

    /// Shows what is left: here the output ends, and another may begin.
    pub fn end(&mut self, see: &mut dyn FnMut(&str)) {
        let mut masked = Vec::new();
        self.stream.finish(&mut masked);
        self.cut.take(&masked, see);
        self.cut.end(see);
    }
}

/// What came of a line so far.
#[derive(Default)]
struct Cut(Vec<u8>);

impl Cut {
    fn take(&mut self, mut bytes: &[u8], see: &mut dyn FnMut(&str)) {
        while !bytes.is_empty() {
            let room = (LONGEST + 1).saturating_sub(self.0.len()).min(bytes.len());
            let (mut near, far) = bytes.split_at(room);
            // Reading from memory does not fail.
            _ = near.read_until(b'\n', &mut self.0);
            bytes = &bytes[bytes.len() - far.len() - near.len()..];
            if self.0.last() == Some(&b'\n') {
                self.0.pop();
                see(&shown(&self.0));
                self.0.clear();
            } else if self.0.len() > LONGEST {
                let end = whole(&self.0, LONGEST);
                see(&shown(&self.0[..end]));
                self.0.drain(..end);
            }
        }
    }

    fn end(&mut self, see: &mut dyn FnMut(&str)) {
        if !self.0.is_empty() {
            see(&shown(&self.0));
            self.0.clear();
        }
    }
}

/// What a terminal would show: the text after the last return to the line's start.
fn shown(bytes: &[u8]) -> Cow<'_, str> {
    let line = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let begin = line.iter().rposition(|byte| *byte == b'\r').map_or(0, |at| at + 1);
    String::from_utf8_lossy(&line[begin..])
}

/// Returns where to cut, at this place or so little before it that no character is in two parts.
fn whole(bytes: &[u8], end: usize) -> usize {
    let begins = |at: &usize| bytes[*at] & 0b1100_0000 != 0b1000_0000;
    (end.saturating_sub(3)..=end).rev().find(begins).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut seen) = (Lines::new(Arc::default()), Vec::new());
        for piece in pieces {
            lines.take(piece, &mut |line| seen.push(line.to_owned()));
        }
        lines.end(&mut |line| seen.push(line.to_owned()));
        seen
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        assert_eq!(lines(&[b"o", b"ne\r\ntwo\n\nth", b"ree"]), ["one", "two", "", "three"]);
    }

    #[test]
    fn of_a_progress_bar_the_last_word_is_shown() {
        assert_eq!(lines(&[b"10 %\r50 ", b"%\r100 %\r\ndone\r"]), ["100 %", "done"]);
    }

    #[test]
    fn a_line_without_an_end_is_cut_between_characters() {
        for before in 0..4 {
            let endless = "x".repeat(before) + &"ü€😀".repeat(40_000);
            let seen = lines(&[endless.as_bytes(), b"\n"]);
            assert_eq!(seen.concat(), endless);
            assert!(seen.iter().all(|line| line.len() <= LONGEST));
            let seen = lines(&endless.as_bytes().chunks(1).collect::<Vec<_>>());
            assert_eq!(seen.concat(), endless);
        }
        assert_eq!(lines(&[&vec![0xbf; LONGEST * 3]]).len(), 3);
    }
}
