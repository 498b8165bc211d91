//! Every kind against its own example, its table of cases, and real files, processes and servers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod backup;
mod cases;
mod cert;
mod commands;
mod data;
mod dns;
mod examples;
mod file;
mod lab;
mod life;
mod lives;
mod secrets;
mod servers;
mod tools;
