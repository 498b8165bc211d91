//! The front as a process of its own, and what its parent does.
//!
//! | module | for |
//! |---|---|
//! | [`command`] | what a front can be told, and what it answers |
//! | [`desk`] | obeys: routes, flips, pauses, drains |
//! | [`office`] | one route with its terms, as it stands and as it is kept |
//! | [`kept`] | what survives: on disk before it is answered |
//! | [`certificates`] | TLS, swapped while connections stand |
//! | [`health`] | which targets get requests |
//! | [`sockets`] | listening sockets that outlive the process |
//! | [`control`], [`remote`] | the two ends of the control socket |
//! | [`run`] | the process |
//! | [`keeper`] | its parent: holds the sockets, starts it, restarts it, replaces it |

mod certificates;
mod command;
mod control;
mod desk;
mod health;
mod keeper;
mod kept;
mod office;
mod remote;
mod run;
mod sockets;

pub use command::{Check, Command, Look, Looked, Reply, RouteSpec, Seen};
pub use keeper::{Keeper, Plan};
pub use remote::Remote;
pub use run::{Start, run};
pub use sockets::Bind;
