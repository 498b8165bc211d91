//! Keeps the long-running services of one project running.
//!
//! One process per folder, behind a lock and a socket. It outlives the command that started it, and
//! services outlive it: its successor adopts them, and ends what it was ending. It ends by itself
//! when nothing is left to keep running.
//!
//! It must not know what a stack or a resource is, and nothing secret leaves its memory in plain
//! text, except into the environment of the service that it is meant for.

mod adopt;
mod asks;
mod client;
mod converse;
mod course;
mod detach;
mod diary;
mod end;
mod exit;
mod family;
mod health;
mod http;
mod identity;
mod launch;
mod lock;
mod logs;
mod look;
mod program;
mod protocol;
mod record;
mod run;
mod seal;
mod service;
mod socket;
mod spec;
mod status;
mod supervise;
mod tls;
mod trouble;

pub use client::Client;
pub(crate) use detach::detach;
pub use exit::Exit;
pub(super) use family::mark_of;
pub(super) use identity::Stat;
pub use launch::{Launch, prepare};
pub use look::look;
pub use run::run;
pub use seal::{AgeBox, SecretBox};
pub use spec::{
    HealthCheck, Log, Probe, Program, Restart, RestartWhen, Rules, ServiceSpec, Stop, StopSignal,
    Tls,
};
pub use status::{Health, State, Status, Verdict};
pub use trouble::SupervisorError;
