//! Masking of what comes in pieces: bytes in, bytes without secrets out.
//!
//! Only what may be the beginning of a secret is held back, however long the text, a line or a secret
//! printed again and again is. Where the pieces end makes no difference.

use std::cmp::Reverse;
use std::sync::Arc;

use super::Masker;
use super::search::{Found, Head};

/// A text on its way.
pub struct Stream {
    masker: Arc<Masker>,
    /// One for each search of the masker.
    heads: Vec<Head>,
    /// What was found, and is not covered yet.
    pub(super) found: Vec<(Found, usize)>,
    /// What was taken in and not let go.
    pub(super) held: Vec<u8>,
    /// Where in the whole text that begins.
    from: u64,
    /// Up to here, what stands in the place of a secret was said.
    covered: u64,
}

impl Stream {
    /// Begins a text.
    pub fn new(masker: Arc<Masker>) -> Self {
        let mut stream = Self {
            masker,
            heads: Vec::new(),
            found: Vec::new(),
            held: Vec::new(),
            from: 0,
            covered: 0,
        };
        stream.look_from_here();
        stream
    }

    /// From here on these secrets are covered, also in what is still held back.
    pub fn know(&mut self, masker: &Arc<Masker>) {
        if Arc::ptr_eq(&self.masker, masker) {
            return;
        }
        self.masker = Arc::clone(masker);
        self.look_from_here();
        let held = std::mem::take(&mut self.held);
        self.read(&held);
        self.held = held;
    }

    /// Takes in a piece, and adds to `out` what is certain by now.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.read(piece);
        let searches = self.masker.searches().zip(&self.heads);
        let end = self.from + (self.held.len() + piece.len()) as u64;
        let settled = searches.map(|((_, search), head)| search.settled(head)).min().unwrap_or(end);
        self.let_go(piece, settled, out);
    }

    /// Adds to `out` what was held back: here the text ends, and another may begin.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let end = self.from + self.held.len() as u64;
        self.let_go(&[], end, out);
        self.look_from_here();
    }

    fn look_from_here(&mut self) {
        self.found.clear();
        self.heads = self.masker.searches().map(|(_, search)| search.head(self.from)).collect();
    }

    fn read(&mut self, bytes: &[u8]) {
        let Self { masker, heads, found, .. } = self;
        for ((layer, search), head) in masker.searches().zip(heads) {
            search.read(head, bytes, &mut |one| found.push((one, layer)));
        }
    }

    /// Writes everything before `settled`. Nothing that is found later begins there.
    fn let_go(&mut self, piece: &[u8], settled: u64, out: &mut Vec<u8>) {
        let mut held = std::mem::take(&mut self.held);
        let whole = if held.is_empty() {
            piece
        } else {
            held.extend(piece);
            &held
        };
        let place = |at: u64| (at.max(self.from) - self.from) as usize;
        let masker = &self.masker;
        let cover = |(one, layer): &(Found, usize)| masker.owner(*layer, one.owner);
        self.found.sort_unstable_by_key(|one| {
            (one.0.start, Reverse((cover(one).name().is_some(), one.0.end)), one.0.owner)
        });
        let ripe = self.found.partition_point(|(one, _)| one.start < settled);
        let mut done = self.covered.max(self.from).min(settled);
        for one in self.found.drain(..ripe) {
            let Found { start, end, .. } = one.0;
            if start >= self.covered {
                out.extend_from_slice(&whole[place(done)..place(start)]);
                cover(&one).cover(out);
            }
            self.covered = self.covered.max(end);
            done = self.covered.min(settled);
        }
        out.extend_from_slice(&whole[place(done)..place(settled)]);
        let rest = place(settled);
        self.held = if held.is_empty() {
            piece[rest..].to_vec()
        } else {
            held.drain(..rest);
            held
        };
        self.from = settled;
    }
}
