//! Breaks within a form: base64 is written in lines of 76 or 64, and a key is indented by whoever puts
//! it into YAML. What is looked for and what is looked into are both read without them.
//!
//! It must not join what nobody has broken: a break is one line end and what indents the next line.

use std::collections::VecDeque;

/// More than so many bytes are no break. It bounds what is held back.
const LONGEST: u8 = 64;

/// So many bytes of a form before a break are let through, since most lines end with the beginning of
/// something. Who follows a log would wait for the next line otherwise.
const LET_THROUGH: u64 = 3;

/// Tells the bytes that belong to a break from the others.
#[derive(Clone, Default)]
struct Run {
    length: u8,
    has_end: bool,
}

impl Run {
    fn takes(&mut self, byte: u8) -> bool {
        let belongs = match byte {
            b'\r' => true,
            b'\n' => !self.has_end,
            b' ' | b'\t' => self.has_end,
            _ => false,
        };
        let takes = belongs && self.length < LONGEST;
        self.length = if takes { self.length + 1 } else { 0 };
        self.has_end = byte == b'\n' || (takes && self.has_end);
        takes
    }
}

/// Returns a text without its breaks.
pub(super) fn joined(bytes: &[u8]) -> Vec<u8> {
    let mut run = Run::default();
    bytes.iter().copied().filter(|byte| !run.takes(*byte)).collect()
}

/// Where a stream was broken, as far back as somebody may ask: it gives places in what is read without
/// breaks their places in the stream.
#[derive(Default)]
pub(super) struct Breaks {
    run: Run,
    /// Bytes that were not of a break.
    read: u64,
    /// Bytes of breaks before those that are known.
    gone: u64,
    known: VecDeque<Break>,
}

struct Break {
    /// Bytes that were read before it.
    read: u64,
    /// Bytes of breaks up to its end.
    gone: u64,
}

impl Breaks {
    /// Takes in the next byte of the stream and returns whether it is to be read. Nobody will ask about
    /// what was read more than `depth` bytes ago.
    pub(super) fn reads(&mut self, byte: u8, depth: u64) -> bool {
        let is_of_break = self.run.takes(byte);
        match is_of_break {
            true => self.note(depth),
            false => self.read += 1,
        }
        !is_of_break
    }

    fn note(&mut self, depth: u64) {
        if self.known.back().is_none_or(|last| last.read < self.read) {
            while let Some(first) = self.known.pop_front_if(|first| first.read + depth < self.read)
            {
                self.gone = first.gone;
            }
            let gone = self.known.back().map_or(self.gone, |last| last.gone);
            self.known.push_back(Break { read: self.read, gone });
        }
        if let Some(last) = self.known.back_mut() {
            last.gone += 1;
        }
    }

    /// Takes in so many bytes that are not of a break, or before which nobody asks.
    pub(super) fn pass(&mut self, count: usize) {
        if count > 0 {
            self.read += count as u64;
            self.run = Run::default();
        }
    }

    /// The last so many bytes, of which none is of a break, will come again.
    pub(super) fn back(&mut self, count: usize) {
        self.read -= count as u64;
    }

    /// Returns where in the stream that begins of which the last `length` bytes were read, counted from
    /// where this began. What is let through before a break is not part of it.
    pub(super) fn start_of_last(&self, length: u64) -> u64 {
        let start = self.read - length;
        let mut place = start + self.gone;
        for one in &self.known {
            if one.read <= start {
                place = start + one.gone;
            } else if one.read - start < LET_THROUGH {
                place = one.read + one.gone;
            } else {
                break;
            }
        }
        place
    }

    /// Returns how many bytes of the stream were taken in.
    pub(super) fn taken(&self) -> u64 {
        self.read + self.known.back().map_or(self.gone, |last| last.gone)
    }
}
