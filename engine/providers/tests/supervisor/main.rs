//! The supervisor, with real processes. This executable is also what it tests with: started with a
//! role as its first argument, it becomes the supervisor, or a service.

mod care;
mod ends;
mod health;
mod logs;
mod place;
mod race;
mod releases;
mod roles;
mod secrets;
mod starts;
mod suite;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [roles::SUPERVISE, home, key] => roles::supervise(home, key),
        [roles::SERVE, folder] => roles::serve(folder),
        [roles::FLEE, folder] => roles::flee(folder),
        _ => suite::run(&words),
    }
}
