//! Requests and answers, whatever they are about: who may come in, bodies that are streamed, events.
//!
//! It must not know what is served.

mod access;
mod answer;
mod body;
mod counters;
mod events;
mod listen;
mod route;

pub(crate) use access::Who;
pub(crate) use answer::{Refusal, html, json, text};
pub(crate) use body::{Answer, Sender, Stream};
pub(crate) use counters::Counters;
pub(crate) use events::{ALIVE, Event, Outlet, events, from, parameter};
pub(crate) use listen::listen;

/// A request, before its body is read.
pub(crate) type Request = hyper::Request<hyper::body::Incoming>;
