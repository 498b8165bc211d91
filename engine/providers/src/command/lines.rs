//! Output, as lines that come while it runs: handed on, the last ones remembered, the whole kept up
//! to a limit.
//!
//! It must not wait for the end of a line for ever: what comes without one is cut.

use std::collections::VecDeque;

/// A line that is longer is handed on in pieces, but not cut where a secret may have begun.
const LONGEST: usize = 64 * 1024;
const LONGEST_SECRET: usize = 16 * 1024;
/// A person reads so many lines of a failure.
const LAST: usize = 20;

/// The last lines that were said. The two streams come by ways of their own, so that their order is
/// not certain: what went to the standard error output is not pushed out by the other.
#[derive(Default)]
pub(super) struct Last {
    said: usize,
    out: VecDeque<(usize, String)>,
    err: VecDeque<(usize, String)>,
}

impl Last {
    pub(super) fn out(&mut self, line: &str) {
        Self::push(&mut self.out, &mut self.said, line);
    }

    pub(super) fn err(&mut self, line: &str) {
        Self::push(&mut self.err, &mut self.said, line);
    }

    fn push(lines: &mut VecDeque<(usize, String)>, said: &mut usize, line: &str) {
        if lines.len() == LAST {
            lines.pop_front();
        }
        *said += 1;
        lines.push_back((*said, line.to_owned()));
    }

    pub(super) fn into_vec(self) -> Vec<String> {
        let others = self.out.len().min(LAST / 2);
        let err = self.err.len().min(LAST - others);
        let out = self.out.len().min(LAST - err);
        let (skip_out, skip_err) = (self.out.len() - out, self.err.len() - err);
        let mut lines: Vec<(usize, String)> = self
            .out
            .into_iter()
            .skip(skip_out)
            .chain(self.err.into_iter().skip(skip_err))
            .collect();
        lines.sort();
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// One stream, cut into lines.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Takes in what came, and shows every line that is complete. `cover` covers secrets in what is cut.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        cover: &dyn Fn(&str) -> String,
        see: &mut dyn FnMut(&str),
    ) {
        self.0.extend(bytes);
        let mut start = 0;
        while let Some(length) = self.0[start..].iter().position(|byte| *byte == b'\n') {
            see(text(&self.0[start..start + length]).trim_end_matches('\r'));
            start += length + 1;
        }
        self.0.drain(..start);
        if self.0.len() > LONGEST {
            let mut line = cover(&text(&self.0));
            let end = line.floor_char_boundary(line.len().saturating_sub(LONGEST_SECRET));
            self.0 = line.split_off(end).into_bytes();
            see(&line);
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
            lines.take(piece, &|text| text.replace("secret", "(covered)"), &mut |line| {
                seen.push(line.to_owned());
            });
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
        let seen = lines(&[&endless, b"y\n"]);
        assert_eq!(seen.len(), 2);
        assert_eq!(seen.concat(), "x".repeat(LONGEST + 1) + "y");
    }

    #[test]
    fn a_line_is_not_cut_within_a_secret() {
        for before in LONGEST - 8..LONGEST + 8 {
            let begins = [&vec![b'x'; before][..], b"sec"].concat();
            let seen = lines(&[&begins, b"ret", &vec![b'y'; LONGEST]]).concat();
            assert!(seen.contains("(covered)") && !seen.contains("secret"), "{before}");
        }
    }

    #[test]
    fn errors_are_not_pushed_out_by_what_else_is_said() {
        let mut last = Last::default();
        last.err("it is broken");
        (0..30).for_each(|number| last.out(&number.to_string()));
        let last = last.into_vec();
        assert_eq!((last.len(), &*last[0], &*last[1]), (20, "it is broken", "11"));
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
