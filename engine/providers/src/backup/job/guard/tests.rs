use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::tz::Offset;
use language::Leaf as _;

use super::super::keep::Within;
use super::super::reckoning::reckon;
use super::*;

const DAY: i64 = 86_400_000;

fn stamp(day: i64) -> Stamp {
    let start: Timestamp = "2026-01-01T03:00:00Z".parse().unwrap_or_default();
    let at = Timestamp::from_millisecond(start.as_millisecond() + day * DAY).unwrap_or_default();
    Stamp { at, offset: Offset::UTC }
}

/// `within`, and the counts in the order of `Keep`.
fn keep(within: &str, [last, daily, weekly, monthly, yearly]: [u32; 5]) -> Keep {
    let count = |count: u32| (count > 0).then_some(count);
    Keep {
        last: count(last),
        daily: count(daily),
        weekly: count(weekly),
        monthly: count(monthly),
        yearly: count(yearly),
        within: Within::parse(within).ok(),
    }
}

fn daily(count: u32) -> Keep {
    keep("", [0, count, 0, 0, 0])
}

/// A clock that is off by so many days from one day on, for some days.
#[derive(Clone, Copy, Debug)]
struct Wrong {
    off: i64,
    from: i64,
    length: i64,
}

/// A job that takes a snapshot now and then, and removes after each what may be removed.
#[derive(Default)]
struct Life {
    /// Each with its true day.
    there: Vec<(i64, Judged)>,
    usual: i64,
}

impl Life {
    fn day(&mut self, today: i64, wrong: &[Wrong], keep: &Keep) {
        let is_wrong = |wrong: &&Wrong| (wrong.from..wrong.from + wrong.length).contains(&today);
        let taken = stamp(today + wrong.iter().find(is_wrong).map_or(0, |wrong| wrong.off));
        let point = |judged: &Judged| Point {
            clock: judged.taken.at.as_millisecond(),
            reckoned: judged.reckoned,
        };
        let mut points: Vec<Point> = self.there.iter().map(|(_, judged)| point(judged)).collect();
        let reckoned = reckon(&mut points, &mut self.usual, taken.at.as_millisecond());
        for ((_, judged), point) in self.there.iter_mut().zip(points) {
            judged.reckoned = point.reckoned;
        }
        self.there.push((today, Judged { taken, reckoned, proven: false }));
        let mut judged: Vec<Judged> = self.there.iter().map(|(_, judged)| *judged).collect();
        let now = taken.at.checked_add(1.minutes()).unwrap_or_default();
        let words = kept(&mut judged, keep, now, false);
        let days = self.there.iter().map(|(day, _)| *day);
        let there = days.zip(judged).zip(words).filter(|(_, words)| !words.is_empty());
        self.there = there.map(|(one, _)| one).collect();
    }

    fn days(&self) -> Vec<i64> {
        self.there.iter().map(|(day, _)| *day).collect()
    }
}

fn lived(days: impl IntoIterator<Item = i64>, wrong: &[Wrong], keep: &Keep) -> Vec<i64> {
    let mut life = Life::default();
    days.into_iter().for_each(|day| life.day(day, wrong, keep));
    life.days()
}

/// What windows have of these days, by the true calendar.
fn places(days: &[i64], keep: &Keep) -> BTreeSet<(usize, (i64, i64))> {
    let counts = keep.counts();
    let counted = (1..5).filter(|&window| counts[window].0 > 0);
    let of = |window| {
        move |day: &i64| {
            let stamp = stamp(*day);
            (window, bucket(window, 0, stamp.calendar_at(stamp.at)))
        }
    };
    counted.flat_map(|window| days.iter().map(of(window))).collect()
}

/// What a right clock keeps, after each day.
fn rightly(days: i64, keep: &Keep) -> Vec<Vec<i64>> {
    let mut there: Vec<i64> = Vec::new();
    let mut all = Vec::new();
    for today in 0..days {
        there.push(today);
        let taken: Vec<Stamp> = there.iter().map(|day| stamp(*day)).collect();
        let now = stamp(today).at.checked_add(1.minutes()).unwrap_or_default();
        let mut words = windows(&taken, keep, now, false).into_iter();
        there.retain(|_| words.next().is_some_and(|words| !words.is_empty()));
        all.push(there.clone());
    }
    all
}

/// What the windows of a right clock hold on this day, and these have not.
fn missing(there: &[i64], right: &[i64], keep: &Keep, within: i64) -> Vec<String> {
    let today = right.last().copied().unwrap_or_default();
    let have = places(there, keep);
    // What is kept for another window is not wanted for this one.
    let mut wanted = BTreeSet::new();
    for (window, (count, _)) in keep.counts().into_iter().enumerate().skip(1) {
        let of: BTreeSet<_> =
            places(right, keep).into_iter().filter(|one| one.0 == window).collect();
        wanted.extend(of.into_iter().rev().take(count as usize));
    }
    let lost = wanted.difference(&have).map(|place| format!("{place:?}"));
    let last = keep.last.unwrap_or_default() as usize;
    let young = right.iter().enumerate().filter(|(at, day)| {
        right.len() - at <= last || keep.within.is_some() && today - **day < within
    });
    let young = young.filter(|(_, day)| !there.contains(day)).map(|(_, day)| format!("day {day}"));
    lost.chain(young).collect()
}

/// Goes through the life of a job; returns the first day on which something is missing.
fn first_loss(keep: &Keep, within: i64, wrong: Wrong, right: &[Vec<i64>]) -> Option<String> {
    let mut life = Life::default();
    (0..).zip(right).find_map(|(today, right)| {
        life.day(today, &[wrong], keep);
        let missing = missing(&life.days(), right, keep, within);
        (!missing.is_empty()).then(|| format!("{wrong:?} on day {today}: {missing:?}"))
    })
}

/// Each with the days that its `within` is long, and those that its shortest window reaches.
fn policies() -> [(Keep, i64, i64); 10] {
    [
        (keep("", [3, 7, 5, 12, 0]), 0, 300),
        (keep("", [0, 7, 5, 12, 0]), 0, 300),
        (keep("", [0, 0, 8, 3, 0]), 0, 40),
        (keep("", [0, 0, 0, 6, 0]), 0, 150),
        (keep("", [0, 0, 0, 2, 0]), 0, 25),
        (keep("", [0, 0, 4, 0, 0]), 0, 20),
        (keep("", [0, 3, 0, 3, 2]), 0, 50),
        (keep("", [5, 0, 0, 0, 2]), 0, 300),
        (keep("30d", [0, 0, 0, 4, 0]), 30, 80),
        (keep("3d", [0, 10, 0, 0, 0]), 3, 300),
    ]
}

#[test]
fn a_clock_that_was_wrong_for_a_while_costs_no_window_a_member() {
    let spans = [(60, 1), (75, 2), (60, 2), (3, 5), (60, 20), (89, 40)];
    for (number, (keep, within, reaches)) in policies().into_iter().enumerate() {
        let right = rightly(200, &keep);
        for (turn, off) in [-40, 40, -400, 400, -9, 9].into_iter().enumerate() {
            // Each policy has each span, one with each clock.
            let (from, length) = spans[(number + turn) % spans.len()];
            let wrong = Wrong { off, from, length };
            if length <= reaches {
                assert_eq!(first_loss(&keep, within, wrong, &right), None, "{keep:?}");
            }
        }
    }
}

#[test]
fn a_clock_that_is_wrong_again_and_again_costs_nothing_either() {
    let keep = keep("", [3, 7, 5, 12, 0]);
    let wrong = [(40, 60, 2), (-90, 70, 5), (800, 90, 1), (-40, 91, 9)];
    let wrong = wrong.map(|(off, from, length)| Wrong { off, from, length });
    let mut life = Life::default();
    for (today, right) in (0..).zip(rightly(200, &keep)) {
        life.day(today, &wrong, &keep);
        assert_eq!(missing(&life.days(), &right, &keep, 0), Vec::<String>::new(), "day {today}");
        assert!(life.there.len() < right.len() + 15, "day {today}: {:?}", life.days());
    }
}

#[test]
fn a_clock_that_is_right_gives_the_windows_and_nothing_else() {
    for (keep, ..) in policies() {
        let right = rightly(230, &keep);
        let mut life = Life::default();
        for (today, right) in (0..).zip(right) {
            life.day(today, &[], &keep);
            assert_eq!(life.days(), right, "{keep:?} on day {today}");
        }
    }
}

#[test]
fn what_a_wrong_clock_left_goes_when_the_windows_are_full_again() {
    for off in [-400, -40, 40, 400] {
        let wrong = Wrong { off, from: 20, length: 3 };
        for keep in [daily(5), keep("", [0, 2, 3, 2, 0])] {
            let right = rightly(140, &keep).pop().unwrap_or_default();
            assert_eq!(lived(0..140, &[wrong], &keep), right, "{keep:?}, {off}");
        }
    }
}

#[test]
fn a_clock_that_stays_wrong_is_believed_in_the_end() {
    for off in [-40, 40] {
        let wrong = Wrong { off, from: 20, length: 1_000 };
        assert_eq!(lived(0..60, &[wrong], &daily(5)), [55, 56, 57, 58, 59], "{off}");
    }
}

#[test]
fn a_machine_that_was_off_keeps_what_it_had_until_the_windows_are_full_again() {
    let days = (0..10).chain(40..75);
    let left = |until: usize| lived(days.clone().take(until), &[], &daily(5));
    assert_eq!(left(12), [5, 6, 7, 8, 9, 40, 41]);
    assert_eq!(left(20), [45, 46, 47, 48, 49]);
}

#[test]
fn the_last_proven_one_stays() {
    let mut snapshots: Vec<Judged> = (0..6)
        .map(|day| Judged {
            taken: stamp(day),
            reckoned: stamp(day).at.as_millisecond(),
            proven: day < 2,
        })
        .collect();
    let words = kept(&mut snapshots, &daily(2), stamp(6).at, false);
    assert_eq!(words, [vec![], vec!["last proven"], vec![], vec![], vec!["daily"], vec!["daily"]]);
}
