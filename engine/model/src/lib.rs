//! The vocabulary of Windlass and its pure logic: no I/O, no clock, no async work, no printing.
//!
//! | module | for |
//! |---|---|
//! | [`action`] | what a resource can do beside being there |
//! | [`address`] | the one name of a thing in the command line, graph, state, journal and console |
//! | [`value`] | resolved trees with holes and handles of secrets; digests |
//! | [`secret`] | secret text, which cannot be shown, and where it comes from |
//! | [`mask`] | covers secrets in text, as a stream |
//! | [`fault`] | why an effect did not come about |
//! | [`kind`] | what a provider writes: a kind, typed by its spec |
//! | [`context`] | what a kind is handed: project, secrets, clock, randomness |
//! | [`registry`] | kinds without their types, by name |
//! | [`cron`] | when a schedule is due, in a time zone |
//! | [`file`] | what stands in stack, pipeline and inventory files |
//! | [`graph`] | dependency order, and the shortest circle where there is none |
//! | [`record`] | what is remembered of a resource |
//! | [`judge`] | what differs and how much that asks for, with holes or without |
//! | [`plan`] | what would change, why, and the steps that do it |
//! | [`event`] | what is durable about a run |
//! | [`ledger`] | the status of every step, as a fold of events |

pub mod action;
pub mod address;
pub mod context;
pub mod cron;
pub mod event;
pub mod fault;
pub mod file;
pub mod graph;
pub mod judge;
pub mod kind;
pub mod ledger;
pub mod mask;
pub mod plan;
pub mod record;
pub mod registry;
pub mod secret;
pub mod value;

pub use action::{Action, Conduct, ErasedAction, On};
pub use address::{Address, Token};
pub use context::Context;
pub use fault::Fault;
pub use kind::{Change, Difference, Found, Kind, Known, Looked, Object, Order, Reads};
pub use registry::{Erased, Registry};
pub use secret::{SecretText, Secrets};
pub use value::{Digest, Tree, Value};
