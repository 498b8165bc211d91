//! A change of office that is watched: what it is held to, how far it has come, what it came to.
//!
//! It must not know who asked for it, nor change anybody's office.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::account::{Counts, Receipt};

/// A rate of errors says nothing before so many answers, unless the time is over.
const ENOUGH: u64 = 20;

/// What a version is held to after it came into office.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// For how long.
    pub for_ms: u64,
    /// More lost requests than this are too many.
    pub max_lost: u64,
    /// More requests of a million that are lost or answered with 500 and more are too many.
    pub max_errors_ppm: u64,
}

/// A change of office that has a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cutover {
    /// Under which it was asked for.
    pub token: String,
    /// Who came into office.
    pub version: String,
    /// Its term.
    pub term: u64,
    /// Who was relieved; nobody: it was the first, or the route was paused.
    pub from: Option<String>,
    /// The relieved term.
    pub from_term: Option<u64>,
    /// Where it goes back to.
    pub from_targets: Vec<SocketAddr>,
    /// Somebody else is there by now: there is no way back.
    pub gone: bool,
    /// When it was flipped: milliseconds since 1970.
    pub at_ms: u64,
    /// Since when it is watched: milliseconds since 1970. Later than the flip where the front died meanwhile.
    pub since_ms: u64,
    /// What it is held to.
    pub watch: Watch,
    /// How far it has come.
    pub stage: CutoverStage,
    /// What the new version had done when the watch ended.
    pub seen: Counts,
    /// What the relieved term did in all, once it is drained.
    pub receipt: Option<Receipt>,
}

/// How far a change of office has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutoverStage {
    /// The new version is watched.
    #[default]
    Watched,
    /// It stays.
    Held,
    /// It was too bad, and who was in office before is again.
    Reverted {
        /// With numbers.
        why: String,
    },
    /// Somebody else changed the office meanwhile.
    Overtaken,
}

/// A version that does not come into office on a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    pub version: String,
    /// Where it was: another route does not go there either, as long as it is called the same.
    #[serde(default)]
    pub targets: Vec<SocketAddr>,
    /// Since when: milliseconds since 1970.
    pub since_ms: u64,
    pub why: String,
}

/// An address that no route changes over to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barred {
    pub address: SocketAddr,
    /// Since when: milliseconds since 1970.
    pub since_ms: u64,
    pub why: String,
}

impl Watch {
    /// Returns why a term is too bad, with numbers. What is at fault while nobody asks is not seen here.
    pub(crate) fn exceeded(&self, counts: &Counts, over: bool) -> Option<String> {
        let Counts { served, lost, errors, .. } = *counts;
        if lost > self.max_lost {
            return Some(format!("{lost} of {} requests were lost", served + lost));
        }
        let (bad, answers) = (errors + lost, served + lost);
        let enough = answers >= ENOUGH || over;
        let too_many =
            u128::from(bad) * 1_000_000 > u128::from(answers) * u128::from(self.max_errors_ppm);
        (enough && too_many).then(|| {
            format!(
                "{errors} of {answers} requests were answered with 500 or more, {lost} were lost"
            )
        })
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_millis(self.for_ms)
    }
}

impl Cutover {
    /// Returns whether the time of the watch is over.
    pub(crate) fn is_over(&self) -> bool {
        let begun = UNIX_EPOCH + Duration::from_millis(self.since_ms);
        // A clock that was set back ends it: nobody is watched for days.
        SystemTime::now().duration_since(begun).map_or(true, |since| since >= self.watch.time())
    }

    /// Has the watch begin again: nobody counted while no front served, and what the one before counted
    /// last is lost with it.
    pub(crate) fn watch_again(&mut self) {
        self.since_ms = now_ms();
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.stage == CutoverStage::Watched
    }
}

/// Returns the time: milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATCH: Watch = Watch { for_ms: 1_000, max_lost: 1, max_errors_ppm: 10_000 };

    fn after(served: u64, lost: u64, errors: u64) -> Counts {
        Counts { served, lost, errors, ..Counts::default() }
    }

    #[test]
    fn limits_may_be_reached_and_not_passed() {
        assert_eq!(WATCH.exceeded(&after(199, 1, 1), false), None);
        assert_eq!(WATCH.exceeded(&after(0, 0, 0), true), None);
        let why = WATCH.exceeded(&after(100, 0, 2), false).expect("too many");
        assert_eq!(why, "2 of 100 requests were answered with 500 or more, 0 were lost");
        let why = WATCH.exceeded(&after(1_000, 2, 0), false).expect("too many");
        assert_eq!(why, "2 of 1002 requests were lost");
    }

    #[test]
    fn a_few_answers_say_nothing_before_the_end() {
        assert_eq!(WATCH.exceeded(&after(3, 0, 3), false), None);
        assert!(WATCH.exceeded(&after(3, 0, 3), true).is_some());
    }
}
