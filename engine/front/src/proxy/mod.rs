//! From a client's connection to a backend's and back.
//!
//! | module | for |
//! |---|---|
//! | [`worker`] | one thread with its runtime: accepts, and keeps each connection to its end |
//! | [`crew`] | the threads, as each sees the others |
//! | [`client`], [`line`] | a client's connection as hyper reads and writes it, and what is known of it |
//! | [`http1`], [`http2`] | the two protocols of clients |
//! | [`head`] | which requests are refused, and what a backend gets to see |
//! | [`exchange`] | one request: admission, attempts, answer |
//! | [`ride`] | the ticket of a request from its admission to the last byte of its answer |
//! | [`upload`], [`answer`] | the two bodies |
//! | [`pool`], [`wire`] | connections to backends |
//! | [`tunnel`], [`closing`] | what follows an upgrade |
//!
//! A connection stays on the thread that keeps it from its first byte: no lock, no wake-up of others.

mod answer;
mod client;
mod closing;
mod crew;
mod exchange;
mod head;
mod http1;
mod http2;
mod line;
mod pool;
mod ride;
mod timer;
mod tunnel;
mod upload;
mod wire;
mod worker;

pub(crate) use crew::Crew;
pub(crate) use worker::{Listener, Shared, Stage, start};
