//! Looks for many forms at once in a stream, and knows how much of a form the last bytes may be.
//!
//! It must not keep what it has read.

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use memchr::memchr2;

use super::breaks::Breaks;
use super::filter::{Filter, HEAD};

/// What is looked for.
pub(super) struct Search {
    filter: Filter,
    automaton: NFA,
    start: StateID,
    /// By state: how many of the last bytes are the beginning of a form.
    depths: Vec<u32>,
    /// By form: whose it is.
    owners: Vec<u32>,
    /// Lines may break anywhere in these forms.
    breaks: bool,
}

/// How far a search has come.
pub(super) struct Head {
    state: StateID,
    /// Where in the stream it began.
    origin: u64,
    breaks: Breaks,
}

/// Where a form stands in the stream.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) owner: u32,
}

impl Search {
    /// Returns a search for these forms; None if there are none.
    pub(super) fn of(forms: &[(Vec<u8>, u32)], breaks: bool) -> Option<Self> {
        let automaton =
            NFA::builder().prefilter(false).build(forms.iter().map(|form| &form.0)).ok()?;
        let start = automaton.start_state(Anchored::No).ok()?;
        let mut depths = Vec::new();
        for (form, _) in forms {
            let mut state = start;
            for (at, byte) in form.iter().enumerate() {
                state = automaton.next_state(Anchored::No, state, *byte);
                if depths.len() <= state.as_usize() {
                    depths.resize(state.as_usize() + 1, 0);
                }
                depths[state.as_usize()] = at as u32 + 1;
            }
        }
        let filter = Filter::of(forms.iter().map(|(form, _)| &form[..]));
        let owners = forms.iter().map(|(_, owner)| *owner).collect();
        (!forms.is_empty()).then_some(Self { filter, automaton, start, depths, owners, breaks })
    }

    /// Returns the beginning of a search at a place of the stream.
    pub(super) fn head(&self, origin: u64) -> Head {
        Head { state: self.start, origin, breaks: Breaks::default() }
    }

    /// Reads on, and tells what was found.
    pub(super) fn read(&self, head: &mut Head, bytes: &[u8], see: &mut dyn FnMut(Found)) {
        // Where the line ends, and from where on the filter has not judged yet.
        let (mut at, mut line, mut fresh) = (0, 0, 0);
        while at < bytes.len() {
            if head.state == self.start {
                line = if line <= at { at + self.line(&bytes[at..]) } else { line };
                let next = self.filter.next(bytes, at, line);
                head.breaks.pass(next - at);
                (at, fresh) = (next, next + 1);
            }
            at += 1;
            if self.breaks && !head.breaks.reads(bytes[at - 1], self.depth(head.state)) {
                fresh = at;
                continue;
            }
            head.breaks.pass(usize::from(!self.breaks));
            head.state = self.automaton.next_state(Anchored::No, head.state, bytes[at - 1]);
            if self.automaton.is_match(head.state) {
                see(self.found(head));
            }
            let depth = self.depth(head.state) as usize;
            if depth < HEAD && fresh + depth <= at {
                // What began earlier is none. The filter is faster with what began since.
                head.state = self.start;
                head.breaks.back(depth);
                at -= depth;
            }
        }
    }

    /// Returns how far a form goes that is not broken.
    fn line(&self, bytes: &[u8]) -> usize {
        let end = if self.breaks { memchr2(b'\r', b'\n', bytes) } else { None };
        end.unwrap_or(bytes.len())
    }

    /// The longest form that ends here: all others that do lie within it.
    fn found(&self, head: &Head) -> Found {
        let all = 0..self.automaton.match_len(head.state);
        let all = all.map(|index| self.automaton.match_pattern(head.state, index));
        let longest = all.max_by_key(|form| self.automaton.pattern_len(*form)).unwrap_or_default();
        let length = self.automaton.pattern_len(longest) as u64;
        Found {
            start: head.origin + head.breaks.start_of_last(length),
            end: head.origin + head.breaks.taken(),
            owner: self.owners[longest.as_usize()],
        }
    }

    /// Returns the place in the stream before which nothing more will be found.
    pub(super) fn settled(&self, head: &Head) -> u64 {
        head.origin + head.breaks.start_of_last(self.depth(head.state))
    }

    fn depth(&self, state: StateID) -> u64 {
        self.depths.get(state.as_usize()).copied().unwrap_or_default().into()
    }
}
