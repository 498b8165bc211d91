//! A pipeline file as steps, and their effects.
//!
//! It must not walk: the one walker does.

mod child_run;
mod load;
mod task;

pub use load::{check, load};
pub use task::Tasks;
