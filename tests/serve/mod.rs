//! `windlass serve`, from outside: real pushes by `git`, real runs, deaths in the middle.

#![expect(clippy::print_stdout, reason = "what is measured is printed")]

mod api;
mod deaths;
mod doors;
mod followed;
mod http;
mod logs;
mod pushes;
mod secrets;
mod server;
mod services;
mod turns;
