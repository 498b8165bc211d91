//! What is kept although no window asks for it: windows see times, and times may be wrong.
//!
//! A clock that was set wrong for an hour must not cost a window its members, neither at once nor when
//! it is right again. What is known without any clock is the order in which snapshots were taken. So:
//!
//! * Snapshots that nobody here took are not looked at at all (whoever calls sees to that): a flood of
//!   them pushes nothing out, whatever their times are. This is the trap of repositories that others
//!   can add to.
//! * Of those taken here, the most that are in order by both time and taking are *believed*. Each row of
//!   others has windows of its own beside them, and goes when all that the windows keep was surely taken
//!   later.
//! * A gap that is much longer than usual may be a clock that was set ahead. Until as much time has
//!   passed after it as it claims, the windows are also those from before it. A machine that was off
//!   for a month keeps for another month what it would keep anyway, and some more.
//! * The newest proven one is kept, and the newest of all.
//!
//! What this does not see: a clock that was set back by a few days makes what is taken meanwhile older by
//! as much, and it goes as much earlier once nothing from before is left to tell.
//!
//! It only ever keeps more than the windows do. It must not remove anything.

use jiff::Timestamp;

use super::keep::{Keep, Stamp, windows};

/// A step is usual up to twice the middle one and this much, in milliseconds: half a day.
const SLACK: i64 = 43_200_000;
/// Of two snapshots that are out of order, the second is judged with the first up to this, in
/// milliseconds: a day and a half.
const USUAL: i64 = 129_600_000;

/// A snapshot as it is judged, in the order of taking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) taken: Stamp,
    pub(super) proven: bool,
}

/// Returns for each snapshot why it is kept, in words; nothing: it may be removed.
pub(super) fn kept(
    snapshots: &[Judged],
    keep: &Keep,
    now: Timestamp,
    oldest: bool,
) -> Vec<Vec<&'static str>> {
    let mut kept = vec![Vec::new(); snapshots.len()];
    let all: Vec<usize> = (0..snapshots.len()).collect();
    let believed = in_order(snapshots);
    let others: Vec<usize> =
        all.iter().copied().filter(|at| believed.binary_search(at).is_err()).collect();
    let asked = |among: &[usize]| {
        let taken: Vec<Stamp> = among.iter().map(|&at| snapshots[at].taken).collect();
        among.iter().copied().zip(windows(&taken, keep, now, oldest)).collect::<Vec<_>>()
    };
    for (at, words) in asked(&believed) {
        kept[at] = words;
    }
    let beside = |kept: &mut Vec<Vec<&'static str>>, among: &[usize], word| {
        for (at, words) in asked(among) {
            if !words.is_empty() && kept[at].is_empty() {
                kept[at].push(word);
            }
        }
    };
    for gap in doubtful_gaps(snapshots, &believed) {
        beside(&mut kept, &believed[..gap], "the clock may have been ahead");
    }
    let first_kept = kept.iter().position(|words| !words.is_empty());
    // Nobody knows when they were taken, but not later than the next one that is believed.
    let no_later = |at: usize| believed.get(believed.partition_point(|one| *one < at)).copied();
    let may_be_asked =
        |at: &usize| no_later(*at).is_none_or(|next| first_kept.is_none_or(|first| first <= next));
    let others: Vec<usize> = others.into_iter().filter(may_be_asked).collect();
    let time = |at: usize| snapshots[at].taken.at.as_millisecond();
    let goes_on =
        |a: &usize, b: &usize| a + 1 == *b && (0..=USUAL).contains(&(time(*b) - time(*a)));
    for row in others.chunk_by(goes_on) {
        beside(&mut kept, row, "out of order: the clock was wrong");
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

/// The snapshots that are in order by both time and taking, whatever else is believed: they are in every
/// longest row in which times do not go back.
fn in_order(snapshots: &[Judged]) -> Vec<usize> {
    let times: Vec<i64> =
        snapshots.iter().map(|snapshot| snapshot.taken.at.as_millisecond()).collect();
    let before = longest_rows(times.iter().copied());
    let mut after = longest_rows(times.iter().rev().map(|time| -time));
    after.reverse();
    let longest = before.iter().copied().max().unwrap_or(0);
    let on_longest = |at: &usize| before[*at] + after[*at] == longest + 1;
    let mut at_place = vec![0_usize; longest + 1];
    (0..times.len()).filter(on_longest).for_each(|at| at_place[before[at]] += 1);
    (0..times.len()).filter(on_longest).filter(|&at| at_place[before[at]] == 1).collect()
}

/// Returns for each time how long the longest row is that does not go back and ends with it.
fn longest_rows(times: impl Iterator<Item = i64>) -> Vec<usize> {
    // For each length, with what the row of that length ends that ends earliest.
    let mut ends: Vec<i64> = Vec::new();
    let length = |time| {
        let shorter = ends.partition_point(|end| *end <= time);
        match ends.get_mut(shorter) {
            Some(end) => *end = time,
            None => ends.push(time),
        }
        shorter + 1
    };
    times.map(length).collect()
}

/// The places in the row before which the clock may have been set ahead, and time has not shown yet that
/// it was not.
fn doubtful_gaps(snapshots: &[Judged], row: &[usize]) -> Vec<usize> {
    let time = |place: usize| snapshots[row[place]].taken.at.as_millisecond();
    let steps: Vec<i64> = (1..row.len()).map(|place| time(place) - time(place - 1)).collect();
    let mut sorted = steps.clone();
    sorted.sort_unstable();
    let usual = if steps.len() < 2 { 0 } else { sorted[(sorted.len() - 1) / 2] };
    let longest = usual.saturating_mul(2).saturating_add(SLACK);
    let mut passed = 0_i64;
    let mut doubtful = Vec::new();
    for (place, step) in (1..row.len()).zip(&steps).rev() {
        if *step > longest {
            if *step > passed {
                doubtful.push(place);
            }
        } else {
            passed += step;
        }
    }
    doubtful
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;
    use jiff::{Span, ToSpan};

    use super::*;

    fn day(day: i64) -> Timestamp {
        let start: Timestamp = "2026-01-01T03:00:00Z".parse().unwrap_or_default();
        start.checked_add(Span::new().hours(24 * day)).unwrap_or_default()
    }

    fn taken(days: &[i64]) -> Vec<Judged> {
        let judged =
            |&at: &i64| Judged { taken: Stamp { at: day(at), offset: Offset::UTC }, proven: false };
        days.iter().map(judged).collect()
    }

    fn keep(within: &str, daily: u32) -> Keep {
        let within = <super::super::keep::Within as language::Leaf>::parse(within).ok();
        Keep { within, daily: (daily > 0).then_some(daily), ..Keep::default() }
    }

    /// Takes one a day, with the clock off by so many days from one day on for some days, and removes
    /// after each what may be removed; returns the true days of what is left.
    fn lived(days: i64, off: i64, from: i64, length: i64, keep: &Keep) -> Vec<i64> {
        let mut there: Vec<(i64, Judged)> = Vec::new();
        for today in 0..days {
            let wrong = (from..from + length).contains(&today);
            let clock = if wrong { today + off } else { today };
            there.push((today, taken(&[clock])[0]));
            let judged: Vec<Judged> = there.iter().map(|(_, judged)| *judged).collect();
            let now = day(clock).checked_add(1.minutes()).unwrap_or_default();
            let words = kept(&judged, keep, now, false);
            let mut words = words.iter();
            there.retain(|_| words.next().is_some_and(|words| !words.is_empty()));
        }
        there.into_iter().map(|(day, _)| day).collect()
    }

    #[test]
    fn a_clock_that_was_wrong_for_a_while_costs_no_window_a_member() {
        for keep in [keep("10d", 0), keep("", 10), keep("3d", 10)] {
            for off in [-400, -40, 40, 400] {
                for length in [1, 2, 5, 9] {
                    // As long as the window is: what was true before must still be there.
                    for days in 21..32 {
                        let left = lived(days, off, 20, length, &keep);
                        let wanted = (days - 9).max(0)..days;
                        let missing: Vec<i64> = wanted.filter(|day| !left.contains(day)).collect();
                        assert_eq!(
                            missing,
                            Vec::<i64>::new(),
                            "{keep:?}: {off} for {length}, on day {days}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_clock_that_is_right_gives_the_windows_and_nothing_else() {
        assert_eq!(lived(40, 0, 0, 0, &keep("", 5)), [35, 36, 37, 38, 39]);
        assert_eq!(lived(40, 0, 0, 0, &keep("4d", 0)), [36, 37, 38, 39]);
    }

    #[test]
    fn what_a_wrong_clock_left_goes_when_the_windows_are_full_again() {
        for off in [-40, 40] {
            assert_eq!(lived(80, off, 20, 1, &keep("", 5)).len(), 5, "{off}");
        }
        // Off for a month: kept for another month, and no longer.
        let days: Vec<i64> = (0..10).chain(40..75).collect();
        let words = |until: usize| kept(&taken(&days[..until]), &keep("", 5), day(200), false);
        assert!(!words(20)[5].is_empty());
        assert!(words(45)[5].is_empty());
    }

    #[test]
    fn the_last_proven_one_stays() {
        let mut snapshots = taken(&[0, 1, 2, 3, 4, 5]);
        (snapshots[0].proven, snapshots[1].proven) = (true, true);
        let words = kept(&snapshots, &keep("", 2), day(6), false);
        assert_eq!(
            words,
            [vec![], vec!["last proven"], vec![], vec![], vec!["daily"], vec!["daily"]]
        );
    }
}
