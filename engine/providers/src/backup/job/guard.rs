//! Which snapshots are kept: what the windows keep, and what a wrong clock would cost them.
//!
//! A clock that is wrong for a while must not cost a window its members, neither at once nor when it is
//! right again. So windows go by a second time as well, the reckoned one (see `reckoning.rs`), which
//! passes over the jumps of the clock:
//!
//! * Of what one clock that went on steadily has taken (a line), the newest one of a day, week, month or
//!   year is kept, until as many later ones as the window counts have begun by the reckoning. As long as
//!   there is more than one line, one more: they may begin at other times.
//! * When the windows need one line alone, it is believed: its clock is the reckoning from then on.
//! * The windows as restic means them keep what they keep besides, of what the clock has not yet to come:
//!   a clock that is right and a machine that was off for long cost nothing either.
//! * The newest proven one is kept, and the newest of all.
//! * Snapshots that nobody here took are not looked at at all (whoever calls sees to that): a flood of
//!   them pushes nothing out, whatever their times are. This is the trap of repositories that others
//!   can add to.
//!
//! What this does not see: a clock that is ahead by less than two usual steps. And where a clock is wrong
//! for longer than a window reaches, that window's days, weeks and months are those of the wrong clock.
//!
//! It only ever keeps more than the windows do. It must not remove anything.

use std::collections::HashSet;

use jiff::Timestamp;

use super::keep::{Keep, Stamp, before, bucket, windows};
use super::reckoning::Point;

const IN_DOUBT: &str = "the clock may have been wrong";

/// A snapshot as it is judged, in the order of taking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) taken: Stamp,
    /// In milliseconds since 1970.
    pub(super) reckoned: i64,
    pub(super) proven: bool,
}

impl Judged {
    fn line(&self) -> i64 {
        Point { clock: self.taken.at.as_millisecond(), reckoned: self.reckoned }.line()
    }

    fn reckoned_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.reckoned).unwrap_or(self.taken.at)
    }
}

/// Returns for each snapshot why it is kept, in words; nothing: it may be removed. A line that is
/// believed is reckoned anew.
pub(super) fn kept(
    snapshots: &mut [Judged],
    keep: &Keep,
    now: Timestamp,
    oldest: bool,
) -> Vec<Vec<&'static str>> {
    let mut in_doubt = needed(snapshots, keep, 1);
    if let Some(line) = only_line(snapshots, &in_doubt) {
        believe(snapshots, line);
        in_doubt = needed(snapshots, keep, 0);
    }
    let mut kept = vec![Vec::new(); snapshots.len()];
    let come: Vec<usize> = (0..kept.len()).filter(|&at| snapshots[at].taken.at <= now).collect();
    let taken: Vec<Stamp> = come.iter().map(|&at| snapshots[at].taken).collect();
    for (at, words) in come.into_iter().zip(windows(&taken, keep, now, oldest)) {
        kept[at] = words;
    }
    for (words, in_doubt) in kept.iter_mut().zip(in_doubt) {
        if in_doubt && words.is_empty() {
            words.push(IN_DOUBT);
        }
    }
    if let Some(at) = snapshots.iter().rposition(|snapshot| snapshot.proven)
        && kept[at].is_empty()
    {
        kept[at].push("last proven");
    }
    if let Some(newest) = kept.last_mut().filter(|newest| newest.is_empty()) {
        newest.push("newest");
    }
    kept
}

/// Returns for each snapshot whether a window needs it by the reckoning. `more`: so many places more in
/// windows that go by the calendar.
fn needed(snapshots: &[Judged], keep: &Keep, more: u32) -> Vec<bool> {
    let mut needed = vec![false; snapshots.len()];
    if let (Some(within), Some(newest)) = (keep.within, snapshots.last()) {
        let since = before(Stamp { at: newest.reckoned_at(), ..newest.taken }, within);
        for (needed, snapshot) in needed.iter_mut().zip(snapshots) {
            *needed |= snapshot.reckoned_at() > since;
        }
    }
    for (window, (count, _)) in keep.counts().into_iter().enumerate() {
        if window == 0 {
            needed.iter_mut().rev().take(count as usize).for_each(|needed| *needed = true);
        } else if count > 0 {
            fill(&mut needed, snapshots, window, count.saturating_add(more));
        }
    }
    needed
}

/// Fills the places of one window, from the newest on.
fn fill(needed: &mut [bool], snapshots: &[Judged], window: usize, places: u32) {
    let (mut left, mut last) = (places, None);
    let mut seen = HashSet::new();
    for (needed, snapshot) in needed.iter_mut().zip(snapshots).rev() {
        let calendar = |at| bucket(window, 0, snapshot.taken.calendar_at(at));
        let reckoned = calendar(snapshot.reckoned_at());
        if last != Some(reckoned) {
            if left == 0 {
                return;
            }
            (left, last) = (left - 1, Some(reckoned));
        }
        *needed |= seen.insert((snapshot.line(), calendar(snapshot.taken.at)));
    }
}

/// Returns the line of all that is needed, if there is one.
fn only_line(snapshots: &[Judged], needed: &[bool]) -> Option<i64> {
    let mut lines = snapshots.iter().zip(needed).filter(|(_, needed)| **needed);
    let line = lines.next()?.0.line();
    lines.all(|(snapshot, _)| snapshot.line() == line).then_some(line)
}

/// Takes the clock of a line for right. What else is there is older.
fn believe(snapshots: &mut [Judged], line: i64) {
    let mut next = i64::MAX;
    for snapshot in snapshots.iter_mut().rev() {
        snapshot.reckoned = match snapshot.line() == line {
            true => snapshot.taken.at.as_millisecond(),
            false => snapshot.reckoned.min(next),
        };
        next = snapshot.reckoned;
    }
}

#[cfg(test)]
mod tests;
