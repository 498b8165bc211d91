//! What is remembered of output: the last lines, and the whole up to a limit.
//!
//! It must not grow with what is said.

use std::collections::VecDeque;

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

#[cfg(test)]
mod tests {
    use super::*;

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
