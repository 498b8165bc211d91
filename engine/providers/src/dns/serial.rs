//! The serial number of a zone, by which secondaries see that it changed.
//!
//! It must not decide whether something changed.

use jiff::civil::Date;
use language::Spec;

/// How a zone is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Serials {
    /// Year, month, day and two digits that count: 2026112001 (RFC 1912 §2.2).
    Date,
    /// One more with each change.
    Counter,
}

impl Serials {
    /// Returns the number of a new zone.
    pub fn first(self, today: Date) -> u32 {
        self.next(0, today)
    }

    /// Returns the number after this one. It never goes back in the order of RFC 1982 §3.2, whatever
    /// stood there and whatever the clock says; after the largest number comes 1, as some secondaries
    /// take 0 for none.
    pub fn next(self, current: u32, today: Date) -> u32 {
        let following = current.checked_add(1).unwrap_or(1);
        match self {
            Self::Counter => following,
            Self::Date => {
                dated(today).filter(|dated| is_after(*dated, current)).unwrap_or(following)
            }
        }
    }

    /// Returns the word that stands for it in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Counter => "counter",
        }
    }

    /// Returns what a word stands for.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Date, Self::Counter].into_iter().find(|serials| serials.word() == word)
    }

    /// Returns how a zone seems to be numbered that does not say it.
    pub fn guess(serial: u32) -> Self {
        if (1_970_010_100..2_100_000_000).contains(&serial) { Self::Date } else { Self::Counter }
    }
}

/// The first number of a day; None in years in which it would not fit.
fn dated(today: Date) -> Option<u32> {
    let year = u32::try_from(today.year()).ok().filter(|year| *year < 4_200)?;
    let (month, day) = (today.month().unsigned_abs(), today.day().unsigned_abs());
    Some(((year * 100 + u32::from(month)) * 100 + u32::from(day)) * 100)
}

/// Returns the later of two numbers.
pub fn later(one: u32, other: u32) -> u32 {
    if is_after(other, one) { other } else { one }
}

/// RFC 1982 §3.2: whether a number comes after another on a circle.
fn is_after(number: u32, other: u32) -> bool {
    let distance = number.wrapping_sub(other);
    distance != 0 && distance < 1 << 31
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::Serials::{Counter, Date};

    #[test]
    fn a_day_starts_at_00_and_counts_up() {
        let today = date(2026, 11, 20);
        assert_eq!(Date.first(today), 2_026_112_000);
        assert_eq!(Date.next(2_026_112_000, today), 2_026_112_001);
        assert_eq!(Date.next(2_026_111_907, today), 2_026_112_000);
    }

    #[test]
    fn it_never_goes_back_when_the_clock_does_or_a_day_is_full() {
        assert_eq!(Date.next(2_026_112_005, date(2026, 11, 19)), 2_026_112_006);
        assert_eq!(Date.next(2_026_112_099, date(2026, 11, 20)), 2_026_112_100);
        assert_eq!(Date.next(2_026_112_100, date(2026, 11, 21)), 2_026_112_101);
    }

    #[test]
    fn a_counter_wraps_as_rfc_1982_says() {
        assert_eq!(Counter.first(date(2026, 11, 20)), 1);
        assert_eq!(Counter.next(7, date(2026, 11, 20)), 8);
        assert_eq!(Counter.next(u32::MAX, date(2026, 11, 20)), 1);
    }

    #[test]
    fn every_next_number_is_after_the_one_before() {
        for current in [0, 7, 1 << 31, 2_026_112_000, 2_147_483_647, 4_000_000_000, u32::MAX] {
            for serials in [Date, Counter] {
                let next = serials.next(current, date(2026, 11, 20));
                assert!(super::is_after(next, current), "{current} to {next} by {serials:?}");
            }
        }
    }
}
