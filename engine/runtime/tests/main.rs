//! The engine as a whole, over toy kinds in a world that forgives nothing.
//!
//! | module | shows |
//! |---|---|
//! | `semantics` | what plans say, case by case: `cases/*.yml` |
//! | `property` | a plan that is applied leaves nothing to plan, whatever happened on the way |
//! | `crash` | a crash at any instant changes nothing |
//! | `walk` | the same for the walker alone, as pipelines use it |
#![allow(clippy::unwrap_used, reason = "tests")]

mod crash;
mod property;
mod semantics;
mod walk;
