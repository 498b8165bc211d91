//! What a term did, as plain numbers.

use serde::{Deserialize, Serialize};

/// Counts of how tickets ended. Requests = served + lost + gone: what moved was counted again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// The client's socket accepted the last byte of a whole answer.
    pub served: u64,
    /// Anything less, and it was not the client's doing.
    pub lost: u64,
    /// The client left before its answer was whole, or its request never became whole.
    pub gone: u64,
    /// It reached nobody or was never answered, and was admitted again.
    pub moved: u64,
    /// How many of the served were upgraded to a tunnel (WebSocket).
    pub tunnels: u64,
    /// How many of the lost were open at the drain deadline, and cut.
    pub late: u64,
    /// How many of the served were answers with a status of 500 and more.
    pub errors: u64,
    /// The longest time from admission to the last byte of an answer; tunnels apart.
    pub slowest_ms: u64,
    /// How often a process of the front died during the term. What was open then, and what was counted
    /// since the last second, is missing here: above zero, the account is a lower bound.
    pub interrupted: u64,
}

impl Counts {
    /// Returns both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            served: self.served + other.served,
            lost: self.lost + other.lost,
            gone: self.gone + other.gone,
            moved: self.moved + other.moved,
            tunnels: self.tunnels + other.tunnels,
            late: self.late + other.late,
            errors: self.errors + other.errors,
            slowest_ms: self.slowest_ms.max(other.slowest_ms),
            interrupted: self.interrupted + other.interrupted,
        }
    }

    /// Returns how many requests there were.
    pub fn requests(&self) -> u64 {
        self.served + self.lost + self.gone
    }
}

/// What one term did; final once the term is drained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The route's name.
    pub route: String,
    /// The number of the term: they count up on each route.
    pub term: u64,
    /// Which version was in office.
    pub version: String,
    /// How its requests ended.
    pub counts: Counts,
}
