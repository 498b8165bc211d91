//! Output, as lines that come while it runs: handed on, the last ones remembered, the whole kept up to
//! a limit.
//!
//! It must not wait for the end of a line for ever: what comes without one is cut.

use std::collections::VecDeque;

/// A line that is longer is handed on in pieces.
const LONGEST: usize = 16 * 1024;
/// A person reads so many lines of a failure.
const LAST: usize = 20;

/// The last lines that were said, whichever way they came.
#[derive(Default)]
pub(super) struct Last(VecDeque<String>);

impl Last {
    pub(super) fn push(&mut self, line: &str) {
        if self.0.len() == LAST {
            self.0.pop_front();
        }
        self.0.push_back(line.to_owned());
    }

    pub(super) fn into_vec(self) -> Vec<String> {
        self.0.into()
    }
}

/// One stream, cut into lines.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Takes in what came, and shows every line that is complete.
    pub(super) fn take(&mut self, bytes: &[u8], see: &mut dyn FnMut(&str)) {
        self.0.extend(bytes);
        let mut start = 0;
        while let Some(length) = self.0[start..].iter().position(|byte| *byte == b'\n') {
            see(text(&self.0[start..start + length]).trim_end_matches('\r'));
            start += length + 1;
        }
        self.0.drain(..start);
        if self.0.len() > LONGEST {
            self.end(see);
        }
    }

    /// Shows what is left.
    pub(super) fn end(&mut self, see: &mut dyn FnMut(&str)) {
        if !self.0.is_empty() {
            see(&text(&self.0));
            self.0.clear();
        }
    }
}

/// Output as it is kept, up to a limit.
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    pub(super) most: usize,
    pub(super) cut: bool,
}

impl Kept {
    pub(super) fn at_most(most: usize) -> Self {
        Self { bytes: Vec::new(), most, cut: false }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        let room = self.most - self.bytes.len();
        self.cut |= bytes.len() > room;
        self.bytes.extend(&bytes[..bytes.len().min(room)]);
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
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
    fn a_line_without_an_end_is_cut() {
        let endless = vec![b'x'; LONGEST + 1];
        assert_eq!(lines(&[&endless, b"y\n"]), [format!("{}", "x".repeat(LONGEST + 1)), "y".into()]);
    }

    #[test]
    fn what_is_kept_stops_at_the_limit() {
        let mut kept = Kept::at_most(5);
        kept.take(b"abc");
        assert!(!kept.cut);
        kept.take(b"defg");
        assert_eq!((kept.bytes, kept.cut), (b"abcde".to_vec(), true));
    }
}
