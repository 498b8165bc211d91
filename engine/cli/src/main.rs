//! The binary `windlass`: arguments in, drawing and an exit code out. The only place where providers
//! and engine meet.
//!
//! | module | for |
//! |---|---|
//! | [`args`] | what can be typed |
//! | [`call`] | one call of the program: its project, its engine, its runtime |
//! | [`commands`] | one file for each verb |
//! | [`stacks`], [`given`], [`planning`], [`applying`] | what several verbs share: which stacks, which parameters, planning, applying |
//! | [`saved`] | plans in files |
//! | [`remarks`], [`typed`] | what is to be said of a project as a whole, commands as they are typed |
//! | [`observer`], [`watching`], [`stop`] | what happens in a run, who watches it, Ctrl-C |
//! | [`render`], [`json`] | from data to text, or to events |
//! | [`screen`] | the only place that prints |
//! | [`problem`] | why something was not done, and the exit code |
//! | [`outside`] | arguments, environment, clock, randomness, terminal |
//!
//! It must not decide anything about resources: the engine does.

mod applying;
mod args;
mod call;
mod commands;
mod given;
mod json;
mod looking;
mod observer;
mod outside;
mod planning;
mod problem;
mod remarks;
mod render;
mod saved;
mod screen;
mod stacks;
mod stop;
mod typed;
mod watching;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outside = outside::Surroundings::of_this_process();
    ExitCode::from(call::run(outside))
}
