//! The embedded web front: routes, terms of office, an exact account of every request.
//!
//! | module | for |
//! |---|---|
//! | [`account`] | who answers on a route, and the exact account of what was answered |
//! | [`proxy`] | from a client's connection to a backend's and back |
//! | [`process`] | the front as a process, its control socket, its parent |
//! | [`settings`] | time-outs and limits |
//!
//! It must know nothing of stacks.

mod account;
mod process;
mod proxy;
mod settings;

pub use account::{Counts, Receipt, Timeouts};
pub use process::{
    Barred, Bind, Check, Command, CutOver, Cutover, CutoverStage, Keeper, Look, Looked, Parent,
    Plan, Quarantined, Remote, Reply, RouteSpec, Seen, Start, Watch, run,
};
pub use settings::Settings;
