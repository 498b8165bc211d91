//! How long to wait before the next look at a remote.
//!
//! Pure: randomness is handed in.

use std::time::Duration;

/// Nobody waits longer than this after errors, unless looks are rarer anyway.
const MOST: Duration = Duration::from_mins(15);

/// Returns how long to wait after a look, of which so many in a row have failed. Each failure doubles the
/// interval; a tenth more or less keeps many servers from asking in step.
pub(super) fn wait(interval: Duration, failures: u32, random: u64) -> Duration {
    let factor = 1 << failures.min(16);
    let backed_off = interval.saturating_mul(factor).min(MOST.max(interval));
    let share = 900 + u32::try_from(random % 201).unwrap_or(100);
    backed_off.saturating_mul(share) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_make_it_slower_and_chance_keeps_it_out_of_step() {
        let seconds = |failures, random| wait(Duration::from_mins(1), failures, random).as_secs();
        assert_eq!([0, 1, 2, 3].map(|failures| seconds(failures, 100)), [60, 120, 240, 480]);
        assert_eq!([4, 5, 99].map(|failures| seconds(failures, 100)), [900, 900, 900]);
        assert_eq!((seconds(0, 0), seconds(0, 200), seconds(0, 201)), (54, 66, 54));
        let rare = Duration::from_hours(1);
        assert_eq!(wait(rare, 7, 100), rare, "never more often because of errors");
    }
}
