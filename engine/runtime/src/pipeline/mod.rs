//! A pipeline file as steps, and their effects.
//!
//! It must not walk: the one walker does.

mod act;
mod again;
mod artifacts;
mod behind;
mod bundle;
mod caches;
mod check;
mod child_run;
mod commit;
mod cutover;
mod gate;
pub(crate) mod given;
mod held;
mod lines;
mod load;
mod matrix;
mod notify;
mod probe;
mod results;
mod run;
mod schedules;
mod shared;
mod sweep;
mod task;
mod trace;

pub use again::{Again, NotAgain};
pub use check::{Stacks, check, names_given};
pub use gate::{Held, about, conversation, difference};
pub use held::{Resources, resources};
pub use load::{Told, load};
pub use results::kept;
pub use schedules::schedules;
pub use shared::Shared;
pub use sweep::{Sweep, sweep};
pub use task::{GRACE, Tasks, token};
pub use trace::{Trace, cut_off};
