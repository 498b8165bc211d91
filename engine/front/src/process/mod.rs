//! The front as a process of its own, and what its parent does.
//!
//! | module | for |
//! |---|---|
//! | [`command`] | what a front can be told, and what it answers |
//! | [`desk`] | obeys: routes, flips, pauses, drains |
//! | [`cutover`] | a change of office that is watched |
//! | [`office`] | one route with its terms, as it stands and as it is kept |
//! | [`kept`] | what survives: on disk before it is answered |
//! | [`certificates`] | TLS, swapped while connections stand |
//! | [`health`] | which targets get requests |
//! | [`sockets`], [`listening`] | listening sockets that outlive the process |
//! | [`control`], [`remote`] | the two ends of the control socket |
//! | [`run`] | the process |
//! | [`keeper`], [`keeping`] | its parent: holds the sockets, starts it, restarts it, replaces it; one at a time |

mod certificates;
mod command;
mod control;
mod cutover;
mod desk;
mod health;
mod keeper;
mod keeping;
mod kept;
mod listening;
mod office;
mod program;
mod remote;
mod run;
mod sockets;

pub use command::{Check, Command, CutOver, Look, Looked, Reply, RouteSpec, Seen};
pub use cutover::{Barred, Cutover, CutoverStage, Quarantined, Watch};
pub use keeper::{Keeper, Plan};
pub use keeping::Parent;
pub use remote::Remote;
pub use run::{Start, run};
pub use sockets::Bind;
