//! A time for each snapshot that no clock can be wrong about by much.
//!
//! It goes on as the clock does, as long as that goes on as usual. Where the clock goes back, or ahead by
//! more than usual, the reckoning stands still, and goes on from there. When the clock is back where it
//! would be had it never jumped, so is the reckoning. It is behind the truth rather than ahead of it.
//!
//! Pure. It must not know what is kept, or why.

/// A step up to this is always usual, in milliseconds: two days.
const FLOOR: i64 = 2 * 86_400_000;
/// The longest usual step is forgotten over so many times its length.
const MEMORY: i64 = 16;

/// When a snapshot was taken, in milliseconds since 1970: by the clock, and as it is reckoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) clock: i64,
    pub(super) reckoned: i64,
}

impl Point {
    /// Snapshots with the same line were taken by a clock that went on steadily from one to the other.
    pub(super) fn line(self) -> i64 {
        self.clock.saturating_sub(self.reckoned)
    }
}

/// Returns the reckoned time of a snapshot that is taken after these. `usual` is the longest usual step.
///
/// Where the clock is back from a jump, what was taken meanwhile moves to the latest time at which it can
/// have been taken: it must not go too early.
pub(super) fn reckon(before: &mut [Point], usual: &mut i64, clock: i64) -> i64 {
    let Some(last) = before.last().copied() else { return clock };
    let most = FLOOR.max(usual.saturating_mul(2));
    let step = |point: &Point| {
        let passed = clock.saturating_sub(point.clock);
        let step = point.reckoned.saturating_add(passed).saturating_sub(last.reckoned);
        (passed >= 0 && (0..=most).contains(&step)).then_some(step)
    };
    let known = (0..before.len()).rev().find_map(|at| Some((at, step(&before[at])?)));
    if let Some((at, step)) = known {
        before[at + 1..].iter_mut().for_each(|point| point.reckoned += step);
        *usual = step.max(*usual - step / MEMORY);
        return last.reckoned.saturating_add(step);
    }
    // Perhaps it is taken more seldom from now on: what is usual grows, but not at once.
    let ahead = clock.saturating_sub(last.clock);
    *usual = (*usual).max(ahead.min(usual.saturating_mul(2).max(FLOOR)));
    last.reckoned
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    /// Returns the reckoned days of snapshots that were taken at these days by the clock.
    fn reckoned(days: &[i64]) -> Vec<i64> {
        let (mut points, mut usual) = (Vec::new(), 0);
        for day in days {
            let reckoned = reckon(&mut points, &mut usual, day * DAY);
            points.push(Point { clock: day * DAY, reckoned });
        }
        points.iter().map(|point| point.reckoned / DAY).collect()
    }

    #[test]
    fn it_goes_on_as_the_clock_does() {
        assert_eq!(reckoned(&[0, 1, 2, 4, 5, 7]), [0, 1, 2, 4, 5, 7]);
    }

    #[test]
    fn it_stands_still_where_the_clock_jumps_and_is_right_again_with_it() {
        assert_eq!(reckoned(&[0, 1, 42, 43]), [0, 1, 1, 2]);
        assert_eq!(reckoned(&[0, 1, 42, 43, 4]), [0, 1, 3, 4, 4]);
        assert_eq!(reckoned(&[50, 51, 12, 13, 54, 55]), [50, 51, 53, 54, 54, 55]);
    }

    #[test]
    fn what_is_taken_more_seldom_is_soon_as_usual() {
        assert_eq!(reckoned(&[0, 1, 8, 15, 22, 29]), [0, 1, 1, 1, 8, 15]);
    }
}
