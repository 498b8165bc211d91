//! Passes over what cannot be the beginning of a form, most of it unread: see S. Wu and U. Manber, "A
//! fast algorithm for multi-pattern searching", 1994.
//!
//! It must not decide what is found: it only says where to begin to look.

/// Two bytes, as a number.
const PAIRS: usize = 1 << 16;

/// How far one may go on, by the last two bytes of a window.
pub(super) struct Filter {
    /// As long as the shortest form, and no longer than is of use.
    window: usize,
    steps: Box<[u8]>,
}

impl Filter {
    /// Returns what passes over everything but these forms.
    pub(super) fn of<'f>(forms: impl Iterator<Item = &'f [u8]> + Clone) -> Self {
        let window = forms.clone().map(<[u8]>::len).min().unwrap_or_default().clamp(2, 16);
        let mut steps = vec![window as u8 - 1; PAIRS].into_boxed_slice();
        for form in forms {
            for (at, two) in form[..window.min(form.len())].windows(2).enumerate() {
                let step = &mut steps[pair(two)];
                *step = (*step).min((window - 2 - at) as u8);
            }
        }
        Self { window, steps }
    }

    /// Returns the first place from `at` on, before `end`, where a form may begin, or where it is too
    /// near to the end to tell.
    pub(super) fn next(&self, bytes: &[u8], mut at: usize, end: usize) -> usize {
        while at + self.window <= end {
            let step = self.steps[pair(&bytes[at + self.window - 2..])];
            if step == 0 {
                break;
            }
            at += usize::from(step);
        }
        at
    }
}

fn pair(two: &[u8]) -> usize {
    usize::from(two[0]) << 8 | usize::from(two[1])
}
