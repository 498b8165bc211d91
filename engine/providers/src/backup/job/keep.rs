//! Which snapshots rolling windows keep, with exactly the meaning that restic gives to them: see
//! `restic forget` and <https://restic.readthedocs.io/en/stable/060_forget.html>.
//!
//! Pure: it is handed times and the time. It must not know whether they are to be believed.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use language::shape::ScalarShape;
use language::{Keys, Leaf, Spec};
use serde::{Deserialize, Serialize};

/// Rolling windows. A snapshot that none of them keeps may be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Spec)]
#[spec(check = check)]
pub struct Keep {
    /// The newest ones, so many.
    pub last: Option<u32>,
    /// The newest one of each day, for so many days that have one.
    pub daily: Option<u32>,
    /// The newest one of each week (from Monday), for so many weeks that have one.
    pub weekly: Option<u32>,
    /// The newest one of each month, for so many months that have one.
    pub monthly: Option<u32>,
    /// The newest one of each year, for so many years that have one.
    pub yearly: Option<u32>,
    /// All that are not older than this when the newest one was taken: `2y5m7d3h` are 2 years, 5
    /// months, 7 days and 3 hours.
    pub within: Option<Within>,
}

/// A length of time as restic writes it: here `m` are months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    years: i16,
    months: i32,
    days: i32,
    hours: i32,
}

impl Leaf for Within {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a length of time", &["string"])
        .like(&["30d", "1y6m", "2y5m7d3h"])
        .pattern("^([0-9]+[ymdh])+$");

    fn parse(text: &str) -> Result<Self, String> {
        let mut within = Self { years: 0, months: 0, days: 0, hours: 0 };
        let mut rest = text;
        while let Some(end) = rest.find(|c: char| !c.is_ascii_digit()) {
            let number: i32 = match rest[..end].parse() {
                Ok(number) if number <= 100_000 => number,
                Ok(_) => return Err("this is too long".to_owned()),
                Err(_) => return Err(format!("a number is missing before `{}`", &rest[end..])),
            };
            match &rest[end..=end] {
                "y" if number <= 1_000 => within.years += number as i16,
                "y" => return Err("this is too long".to_owned()),
                "m" => within.months += number,
                "d" => within.days += number,
                "h" => within.hours += number,
                _ => return Err("units are `y`, `m` (months), `d` and `h`".to_owned()),
            }
            rest = &rest[end + 1..];
        }
        match (rest, within == Self { years: 0, months: 0, days: 0, hours: 0 }) {
            ("", false) => Ok(within),
            ("", true) => Err("this is no time at all".to_owned()),
            _ => Err(format!("a unit is missing: write `{rest}d`")),
        }
    }
}

impl std::fmt::Display for Within {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [(i32::from(self.years), 'y'), (self.months, 'm'), (self.days, 'd')];
        for (number, unit) in parts.into_iter().chain([(self.hours, 'h')]) {
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

fn check(keep: &Keep, keys: &mut Keys<'_, '_, '_>) {
    if keep.counts().iter().all(|(count, _)| *count == 0) && keep.within.is_none() {
        keys.refuse("last", "this keeps nothing: say `last`, `daily`, `weekly`, … or `within`");
    }
}

impl Keep {
    /// Returns how many each window keeps, and the word for it.
    pub(super) fn counts(&self) -> [(u32, &'static str); 5] {
        let Self { last, daily, weekly, monthly, yearly, .. } = *self;
        let counts = [last, daily, weekly, monthly, yearly].map(Option::unwrap_or_default);
        let words = ["last", "daily", "weekly", "monthly", "yearly"];
        std::array::from_fn(|at| (counts[at], words[at]))
    }

    /// Returns whether snapshots that somebody adds can push others out.
    pub(super) fn counts_any(&self) -> bool {
        self.counts().iter().any(|(count, _)| *count > 0)
    }
}

/// When a snapshot was taken, by the clock and the calendar of who took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(in crate::backup) struct Stamp {
    pub(in crate::backup) at: Timestamp,
    pub(super) offset: Offset,
}

impl Stamp {
    /// Returns the time as restic takes it: in the time zone of who calls.
    pub(in crate::backup) fn in_words(self) -> String {
        self.calendar().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Returns the calendar and the clock on the wall at another time, where this one was taken.
    pub(super) fn calendar_at(self, at: Timestamp) -> DateTime {
        self.offset.to_datetime(at)
    }

    fn calendar(self) -> DateTime {
        self.offset.to_datetime(self.at)
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> Self {
        stamp.at.display_with_offset(stamp.offset).to_string()
    }
}

impl TryFrom<String> for Stamp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |error: jiff::Error| format!("`{text}` is no time: {error}");
        let at: Timestamp = text.parse().map_err(wrong)?;
        let pieces = jiff::fmt::temporal::Pieces::parse(&text).map_err(wrong)?;
        Ok(Self { at, offset: pieces.to_numeric_offset().unwrap_or(Offset::UTC) })
    }
}

/// Returns for each snapshot the words of the windows that keep it; none: it may be removed. Where
/// `oldest`, a window with places left keeps the oldest one too, as restic does from 0.16 on.
pub(super) fn windows(
    taken: &[Stamp],
    keep: &Keep,
    now: Timestamp,
    oldest: bool,
) -> Vec<Vec<&'static str>> {
    let mut kept = vec![Vec::new(); taken.len()];
    let mut order: Vec<usize> = (0..taken.len()).rev().collect();
    order.sort_by_key(|&at| std::cmp::Reverse(taken[at].at));
    if let Some(within) = keep.within {
        // The newest one, but for those whose time has not come.
        let newest = order.iter().map(|&at| taken[at]).find(|stamp| stamp.at < now);
        let since = newest.map(|newest| before(newest, within));
        for &at in order.iter().filter(|&&at| since.is_none_or(|since| taken[at].at > since)) {
            kept[at].push("within");
        }
    }
    for (window, (count, word)) in keep.counts().into_iter().enumerate() {
        let (mut left, mut last) = (count, None);
        for (place, &at) in order.iter().enumerate() {
            let bucket = bucket(window, place, taken[at].calendar());
            let is_oldest = oldest && place + 1 == order.len();
            if left > 0 && (last != Some(bucket) || is_oldest) {
                kept[at].push(word);
                (left, last) = (left - 1, Some(bucket));
            }
        }
    }
    kept
}

/// What the members of one place of a window have in common.
pub(super) fn bucket(window: usize, place: usize, time: DateTime) -> (i64, i64) {
    let [year, month, day]: [i64; 3] = [time.year().into(), time.month().into(), time.day().into()];
    match window {
        0 => (place as i64, 0),
        1 => (year, month * 100 + day),
        2 => {
            let week = time.date().iso_week_date();
            (week.year().into(), week.week().into())
        }
        3 => (year, month),
        _ => (year, 0),
    }
}

/// Years and months back by the calendar: a day that a month does not have is one of the next month.
pub(super) fn before(newest: Stamp, within: Within) -> Timestamp {
    let time = newest.calendar();
    let months = i32::from(time.year()) * 12 + i32::from(time.month()) - 1;
    let months = months - i32::from(within.years) * 12 - within.months;
    let days = i32::from(time.day()) - 1 - within.days;
    let year = i16::try_from(months.div_euclid(12)).unwrap_or(Date::MIN.year());
    let month = (months.rem_euclid(12) + 1) as i8;
    let first = Date::new(year, month, 1).unwrap_or(Date::MIN);
    let moved = first
        .to_datetime(Time::midnight())
        .checked_add(Span::new().days(days))
        .map(|day| day.date().to_datetime(time.time()));
    let since = moved.and_then(|moved| newest.offset.to_timestamp(moved));
    let since = since.and_then(|since| since.checked_sub(Span::new().hours(within.hours)));
    since.unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Stamp {
        text.to_owned().try_into().unwrap_or_else(|why| panic!("{why}"))
    }

    #[test]
    fn a_month_back_from_a_day_that_it_does_not_have_is_in_the_next_one() {
        let since = |within: &str| {
            let within = Within::parse(within).unwrap_or_else(|why| panic!("{why}"));
            before(stamp("2026-03-31T12:00:00+02:00"), within).to_string()
        };
        assert_eq!(since("1m"), "2026-03-03T10:00:00Z");
        assert_eq!(since("1y1d"), "2025-03-30T10:00:00Z");
        assert_eq!(since("3m36h"), "2025-12-29T22:00:00Z");
    }

    #[test]
    fn a_day_is_one_of_the_calendar_where_the_snapshot_was_taken() {
        let taken = ["2026-03-01T23:30:00+02:00", "2026-03-02T00:30:00+02:00"].map(stamp);
        let keep = Keep { daily: Some(5), ..Keep::default() };
        assert_eq!(windows(&taken, &keep, Timestamp::MAX, false), [["daily"], ["daily"]]);
    }

    #[test]
    fn lengths_of_time_say_what_is_wrong_with_them() {
        let wrong = |text| Within::parse(text).err().unwrap_or_default();
        assert_eq!(wrong("30"), "a unit is missing: write `30d`");
        assert_eq!(wrong("d"), "a number is missing before `d`");
        assert_eq!(wrong("3w"), "units are `y`, `m` (months), `d` and `h`");
        assert_eq!(wrong("0d"), "this is no time at all");
        assert_eq!(
            Within::parse("2y5m7d3h").map(|within| within.to_string()),
            Ok("2y5m7d3h".into())
        );
    }
}
