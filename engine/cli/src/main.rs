//! The binary `windlass`: arguments in, drawing and an exit code out. The only place where providers
//! and engine meet.
//!
//! | module | for |
//! |---|---|
//! | [`args`] | what can be typed |
//! | [`call`] | one call of the program: its folder, its project, its engine |
//! | [`commands`] | one file for each verb |
//! | [`observer`], [`watching`] | what happens in a run, as it happens |
//! | [`render`] | from data to text |
//! | [`screen`] | the only place that prints |
//! | [`problem`] | why something was not done, in words and as an exit code |
//!
//! It must not decide anything about resources: the engine does.

mod applying;
mod args;
mod call;
mod commands;
mod given;
mod json;
mod observer;
mod outside;
mod planning;
mod problem;
mod render;
mod saved;
mod screen;
mod stacks;
mod stop;
mod watching;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outside = outside::Surroundings::of_this_process();
    ExitCode::from(call::run(outside))
}
