//! Passes over what cannot be the beginning of a form, most of it unread: see S. Wu and U. Manber, "A
//! fast algorithm for multi-pattern searching", 1994.
//!
//! It must not decide what is found: it only says where to begin to look.

use super::SHORTEST;

/// Two bytes, as a number.
const PAIRS: usize = 1 << 16;

/// Longer windows pass over more, and leave more to be looked at before each line end. In bytes.
const LONGEST: usize = 8;

/// Of a form that begins, so many bytes are known at once.
pub(super) const HEAD: usize = 4;

/// What is known of forms by the pairs of bytes in them.
pub(super) struct Filter {
    /// As long as the shortest form, and no longer than is of use.
    window: usize,
    /// How far one may go on, by the last pair of a window.
    steps: Box<[u8]>,
    /// Whether a form begins so, by its first pair.
    begins: Box<[bool]>,
    /// Whether a form may begin so, by a hash of its first bytes: bits.
    heads: Box<[u64]>,
}

impl Filter {
    /// Returns what passes over everything but these forms.
    pub(super) fn of<'f>(forms: impl Iterator<Item = &'f [u8]> + Clone) -> Self {
        let shortest = forms.clone().map(<[u8]>::len).min().unwrap_or_default();
        let window = shortest.clamp(SHORTEST, LONGEST);
        let words = (forms.clone().count() / 4).next_power_of_two().clamp(64, 1 << 14);
        let mut filter = Self {
            window,
            steps: vec![window as u8 - 1; PAIRS].into(),
            begins: vec![false; PAIRS].into(),
            heads: vec![0; words].into(),
        };
        for form in forms {
            filter.begins[pair(form)] = true;
            let (word, bit) = filter.head(form);
            filter.heads[word] |= bit;
            for (at, two) in form[..window].windows(2).enumerate() {
                let step = &mut filter.steps[pair(two)];
                *step = (*step).min((window - 2 - at) as u8);
            }
        }
        filter
    }

    /// Returns the first place from `at` on where a form may begin, or the last one before `end`, of which
    /// nothing can be said.
    pub(super) fn next(&self, bytes: &[u8], mut at: usize, end: usize) -> usize {
        while at + self.window <= end {
            let step = self.steps[pair(&bytes[at + self.window - 2..])];
            if step == 0 {
                let (word, bit) = self.head(&bytes[at..]);
                if self.heads[word] & bit != 0 {
                    return at;
                }
                at += 1;
            }
            at += usize::from(step);
        }
        while at + 1 < end && !self.begins[pair(&bytes[at..])] {
            at += 1;
        }
        at
    }

    fn head(&self, bytes: &[u8]) -> (usize, u64) {
        let head = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        // The golden ratio spreads what differs in a few bits: Knuth, volume 3, section 6.4.
        let hash = head.wrapping_mul(0x9e37_79b1) >> 8;
        ((hash >> 6) as usize & (self.heads.len() - 1), 1 << (hash & 63))
    }
}

fn pair(two: &[u8]) -> usize {
    usize::from(two[0]) << 8 | usize::from(two[1])
}
