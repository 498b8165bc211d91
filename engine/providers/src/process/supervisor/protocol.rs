//! What goes over the socket: a line of JSON each way, each with the protocol's number.
//!
//! Two things never change, so that any release can talk to any other: each line names its
//! `protocol`, and `"hand_over": true` asks for the supervisor's end whatever the number. The
//! services stay, and the next supervisor adopts them.

use serde::{Deserialize, Serialize};

use super::spec::ServiceSpec;
use super::status::Status;

/// Counted up with every change that an older release would misunderstand.
pub(super) const PROTOCOL: u32 = 2;
/// A longer line is refused; a service's environment ends at 2 MiB (execve(2)).
pub(super) const LONGEST: u64 = 8 << 20;

/// The part of a request that every release understands.
#[derive(Serialize, Deserialize)]
pub(super) struct Greeting {
    pub(super) protocol: u32,
    #[serde(default)]
    pub(super) hand_over: bool,
}

/// The part of an answer that every release understands.
#[derive(Serialize, Deserialize)]
pub(super) struct Signature {
    pub(super) protocol: u32,
    pub(super) release: String,
    /// The supervisor's own pid.
    pub(super) pid: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) protocol: u32,
    pub(super) ask: Ask,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Response {
    #[serde(flatten)]
    pub(super) signature: Signature,
    pub(super) answer: Answer,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ask {
    Ensure { spec: Box<ServiceSpec>, token: String },
    Status { names: Vec<String> },
    Find { token: String },
    List,
    Stop { name: String },
    Remove { name: String, logs: bool },
    Tail { name: String, lines: usize },
    Shutdown,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Statuses(Vec<Option<Status>>),
    Lines(Vec<String>),
    Done,
    Refused(String),
    /// The request was of another protocol and was not read.
    Stranger,
}

impl Signature {
    pub(super) fn ours() -> Self {
        let release = env!("CARGO_PKG_VERSION").into();
        Self { protocol: PROTOCOL, release, pid: std::process::id() }
    }
}
