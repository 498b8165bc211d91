//! Times and how long things took, as people say them. The time and its zone are handed in.
//!
//! It must not look at a clock.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time now, and where the reader is.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// Milliseconds since 1970, UTC.
    pub(crate) now: u64,
    /// The reader's zone.
    pub(crate) zone: TimeZone,
}

/// Returns how long something took: `0.06 s`, `1.2 s`, `42 s`, `3 min 05 s`, `2 h 10 min`.
pub(crate) fn took(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{}.{:02} s", 0, milliseconds / 10),
        1_000..10_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => whole(milliseconds),
    }
}

/// Returns how long something takes so far, in whole seconds: `4 s`, `3 min 05 s`, `2 h 10 min`.
pub(crate) fn whole(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// Returns a duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Moment {
    /// Returns how long ago something was: `just now`, `3 min ago`, `2 days ago`.
    pub(crate) fn ago(&self, then: u64) -> String {
        let seconds = self.now.saturating_sub(then) / 1_000;
        let (count, unit) = match seconds {
            0..5 => return "just now".to_owned(),
            5..60 => (seconds, "s"),
            60..3_600 => (seconds / 60, "min"),
            3_600..86_400 => (seconds / 3_600, "h"),
            86_400..172_800 => (1, "day"),
            _ => (seconds / 86_400, "days"),
        };
        format!("{count} {unit} ago")
    }

    /// Returns a time of day if it is today, and the day as well if it is not: `10:14`,
    /// `2026-11-20 10:14`.
    pub(crate) fn clock(&self, then: u64) -> String {
        let (now, then) = (self.zoned(self.now), self.zoned(then));
        let form = if now.date() == then.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        then.strftime(form).to_string()
    }

    /// Returns a day and time to the second: `2026-11-20 10:14:03`.
    pub(crate) fn exact(&self, then: u64) -> String {
        self.zoned(then).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Returns the time now, for reckoning.
    pub(crate) fn timestamp(&self) -> Timestamp {
        timestamp(self.now)
    }

    fn zoned(&self, then: u64) -> jiff::Zoned {
        timestamp(then).to_zoned(self.zone.clone())
    }
}

fn timestamp(milliseconds: u64) -> Timestamp {
    let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_quick_is_told_more_exactly() {
        let told: Vec<String> =
            [60, 999, 1_234, 42_900, 185_000, 7_800_000].map(took).into_iter().collect();
        assert_eq!(told, ["0.06 s", "0.99 s", "1.2 s", "42 s", "3 min 05 s", "2 h 10 min"]);
        assert_eq!(whole(4_900), "4 s");
    }

    #[test]
    fn times_are_told_relative_to_now() {
        // 2026-11-20 10:14:03 UTC.
        let now = 1_795_169_643_000;
        let moment = Moment { now, zone: TimeZone::UTC };
        assert_eq!(moment.clock(now - 60_000), "10:13");
        assert_eq!(moment.clock(now - 86_400_000), "2026-11-19 10:14");
        assert_eq!(moment.exact(now), "2026-11-20 10:14:03");
        let ago = [1_000, 42_000, 180_000, 7_200_000, 90_000_000, 200_000_000];
        let ago: Vec<String> = ago.iter().map(|ago| moment.ago(now - ago)).collect();
        assert_eq!(
            ago,
            ["just now", "42 s ago", "3 min ago", "2 h ago", "1 day ago", "2 days ago"]
        );
    }
}
