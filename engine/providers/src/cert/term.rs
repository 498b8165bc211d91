//! How long a certificate is valid, and when it is time for a new one.
//!
//! It must not read a clock: it is handed the time.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::Context;

const DAY: i64 = 86_400;
/// Clocks of others may be behind ours.
const BEFORE: i64 = 3_600;

/// From when until when, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) from: i64,
    pub(super) until: i64,
}

/// Returns the time, in seconds since 1970.
pub(super) fn now(context: &Context) -> i64 {
    let since = context.site.clock.now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

impl Term {
    /// Returns a term of so many days from now on.
    pub(super) fn of_days(days: u32, now: i64) -> Self {
        Self { from: now - BEFORE, until: now + i64::from(days) * DAY }
    }

    /// Cuts it where another one ends, and returns whether that was needed.
    pub(super) fn cut(&mut self, other: Self) -> bool {
        let longer = self.until > other.until;
        self.until = self.until.min(other.until);
        longer
    }

    /// Returns its whole days.
    pub(super) fn days(self) -> u32 {
        u32::try_from((self.until - self.from) / DAY).unwrap_or_default()
    }

    /// Says whether it is time for a new one: so long before its end, or a third of its length,
    /// and as long as it has not begun.
    pub(super) fn renewal(self, before: Option<Duration>, now: i64) -> String {
        let length = self.until - self.from;
        let before = before.and_then(|before| i64::try_from(before.as_secs()).ok());
        // One that was cut may be shorter than that: it must not be due when it is made.
        let before = before.filter(|before| *before < length).unwrap_or(length / 3);
        match () {
            // It was made while this clock was ahead: others refuse it until then.
            () if now < self.from => format!("due: valid only from {} on", moment(self.from)),
            () if now >= self.until => format!("due: ended on {}", date(self.until)),
            () if now >= self.until - before => format!("due: valid until {}", date(self.until)),
            () => "not due".to_owned(),
        }
    }
}

/// Returns a day: `2027-02-18`.
pub(super) fn date(second: i64) -> String {
    let time = Timestamp::from_second(second).unwrap_or_default();
    time.to_zoned(TimeZone::UTC).date().to_string()
}

/// Returns a moment: `2027-02-18T10:00:00Z`.
pub(super) fn moment(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().to_string()
}
