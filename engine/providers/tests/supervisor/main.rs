//! The supervisor, with real processes. This executable is also what it tests with: started with a
//! role as its first argument, it becomes the supervisor, or a service.

mod care;
mod ends;
mod health;
#[path = "../lab.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "other tests share it")]
mod lab;
#[path = "../life.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "other tests share it")]
mod life;
mod logs;
mod place;
mod race;
mod releases;
mod roles;
mod route;
mod secrets;
mod service;
mod sources;
mod starts;
mod suite;

use std::path::Path;
use std::process::ExitCode;

use providers::process::{SUPERVISE, supervise};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [roles::SUPERVISE, home, key] => roles::supervise(home, key),
        [SUPERVISE, home] => {
            supervise(Path::new(home)).expect("a supervisor");
            ExitCode::SUCCESS
        }
        ["front", "--keep", folder] => {
            providers::front::keep(Path::new(folder)).expect("a front");
            ExitCode::SUCCESS
        }
        ["front", folder] => roles::front(folder),
        [roles::SERVE, folder] => roles::serve(folder),
        [roles::FLEE, folder] => roles::flee(folder),
        _ => suite::run(&words),
    }
}
