//! The front, with real processes and sockets. This executable is also what it tests with: started with a
//! role as its first argument, it becomes a front, or the parent of one.

mod account;
mod backend;
mod client;
mod cutover;
mod health;
mod http2;
mod limits;
mod load;
mod process;
mod races;
mod redirect;
mod smuggling;
mod sockets;
mod streams;
mod suite;
mod tunnels;
mod watched;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [world::PARENT, folder] => world::be_parent(folder),
        [world::FRONT, folder] => world::be_front(folder, false),
        [world::FRONT, folder, "--successor"] => world::be_front(folder, true),
        _ => suite::run(&words),
    }
}
