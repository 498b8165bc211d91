//! Who answers on a route, and the exact account of what was answered.
//!
//! A [`Term`] is one term of office: from the flip that put targets in charge to the flip that relieved
//! them. Every request holds a [`Ticket`] of exactly one term, and a ticket that is dropped without a
//! verdict counts as lost: forgetting, failing and returning early can never look like success. A term
//! is drained when nobody else holds it, which `Arc` knows exactly; no second counter can disagree.
//!
//! It must know nothing of HTTP.

mod receipt;
mod route;
mod table;
mod target;
mod term;

pub use receipt::{Counts, Receipt};
pub(crate) use route::{Absent, Route};
pub use table::Timeouts;
pub(crate) use table::{Place, Table};
pub(crate) use target::Target;
pub(crate) use term::{Term, Ticket, Verdict};
