//! The engine as a whole, over toy kinds in a world that forgives nothing.
//!
//! | module | shows |
//! |---|---|
//! | `semantics` | what plans say, case by case: `cases/*.yml` |
//! | `property` | a plan that is applied leaves nothing to plan, whatever happened on the way |
//! | `applying` | what an apply does when the world does not answer as it should |
//! | `crash` | a crash at any instant changes nothing |
//! | `walk` | the same for the walker alone, as pipelines use it |
//! | `power` | no effect without its intent, also when the power goes |
//! | `lease` | who may change a stack, and who no longer may |
//! | `secrets` | where secrets come from, that nothing shows them, that a lost key is noticed |
//! | `child` | the other processes of these tests |
//!
//! More of it: `STORIES=5000`, `CRASHES=100000`, `CUTS=200` before `cargo test -p windlass-runtime --test
//! main`. Whether these tests can fail is tested too: `engine/testkit/mutants/run.sh` breaks the engine
//! in one way after the other.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests say how much they tried")]

mod applying;
mod child;
mod crash;
mod lease;
mod power;
mod property;
mod secrets;
mod semantics;
mod walk;
