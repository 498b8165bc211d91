//! Which times of a schedule have come, and which of them count.
//!
//! Pure: the time now, and until when everything was seen to, are handed in.

use jiff::{SignedDuration, Timestamp};
use model::file::pipeline::{CatchUp, Schedule};

/// Under `catch_up: all`, the most runs that are made up for.
pub(super) const MOST: usize = 24;

/// A time that came longer ago than this was missed.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// How far to look back at first. Far enough for most, and a schedule of every minute that was missed for
/// years costs no more than one of every day.
const LOOKS: [SignedDuration; 4] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(31 * 24),
    SignedDuration::from_hours(5 * 366 * 24),
];

/// Returns the times that count, oldest first: those later than `seen` and not later than `now`, as far as
/// the schedule wants those that were missed.
pub(super) fn due(schedule: &Schedule, seen: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let most = match schedule.catch_up {
        CatchUp::All => MOST,
        CatchUp::Latest | CatchUp::None => 1,
    };
    let mut times = newest(schedule, seen, now, most);
    if schedule.catch_up == CatchUp::None {
        times.retain(|time| now.duration_since(*time) <= LATE);
    }
    times
}

/// The last so many times, oldest first.
fn newest(schedule: &Schedule, seen: Timestamp, now: Timestamp, most: usize) -> Vec<Timestamp> {
    let mut times = Vec::new();
    for look in LOOKS {
        let from = now.checked_sub(look).unwrap_or(Timestamp::MIN).max(seen);
        times = between(schedule, from, now);
        if times.len() >= most || from == seen {
            break;
        }
    }
    times.split_off(times.len().saturating_sub(most))
}

fn between(schedule: &Schedule, from: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let next = |then: &Timestamp| schedule.cron.after(*then, schedule.zone.zone());
    std::iter::successors(next(&from), next).take_while(|time| *time <= now).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

    use language::Leaf;
    use model::cron::{Cron, Zone};

    use super::*;

    fn times(cron: &str, catch_up: CatchUp, seen: &str, now: &str) -> Vec<String> {
        let zone = Zone::parse("Europe/Berlin").unwrap();
        let schedule = Schedule { catch_up, zone, ..Schedule::plain(Cron::parse(cron).unwrap()) };
        let due = due(&schedule, seen.parse().unwrap(), now.parse().unwrap());
        due.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_time_is_due_once_it_has_come_and_once_alone() {
        let nightly = |seen, now| times("0 3 * * *", CatchUp::Latest, seen, now);
        assert!(nightly("2026-11-20T12:00:00Z", "2026-11-21T01:59:59Z").is_empty());
        let three = ["2026-11-21T02:00:00Z"];
        assert_eq!(nightly("2026-11-20T12:00:00Z", "2026-11-21T02:00:00Z"), three);
        assert!(nightly("2026-11-21T02:00:00Z", "2026-11-21T02:00:00Z").is_empty());
        assert!(nightly("2026-11-21T02:00:30Z", "2026-11-21T09:00:00Z").is_empty());
    }

    #[test]
    fn what_was_missed_counts_by_the_rule() {
        let missed =
            |rule| times("0 3 * * *", rule, "2026-11-01T12:00:00Z", "2026-11-04T12:00:00Z");
        assert_eq!(missed(CatchUp::Latest), ["2026-11-04T02:00:00Z"]);
        let all = ["2026-11-02T02:00:00Z", "2026-11-03T02:00:00Z", "2026-11-04T02:00:00Z"];
        assert_eq!(missed(CatchUp::All), all);
        assert!(missed(CatchUp::None).is_empty());
    }

    #[test]
    fn what_is_on_time_is_not_missed() {
        let on_time = |now| times("0 3 * * *", CatchUp::None, "2026-11-01T12:00:00Z", now);
        assert_eq!(on_time("2026-11-04T02:00:59Z"), ["2026-11-04T02:00:00Z"]);
        assert!(on_time("2026-11-04T02:01:01Z").is_empty());
    }

    #[test]
    fn years_of_every_minute_are_bounded() {
        let began = std::time::Instant::now();
        let all = times("* * * * *", CatchUp::All, "2020-01-01T00:00:00Z", "2026-11-04T12:00:30Z");
        assert_eq!((all.len(), &*all[0]), (MOST, "2026-11-04T11:37:00Z"));
        let yearly =
            times("0 0 1 1 *", CatchUp::All, "2020-01-01T00:00:00Z", "2026-11-04T12:00:00Z");
        assert_eq!(yearly.len(), 5, "no further than five years back");
        assert!(began.elapsed().as_secs() < 5);
    }

    /// A clock that was set back has nothing due, and goes on where it was.
    #[test]
    fn a_clock_that_was_set_back_repeats_nothing() {
        assert!(
            times("* * * * *", CatchUp::All, "2026-11-04T12:00:00Z", "2026-10-01T00:00:00Z")
                .is_empty()
        );
    }
}
