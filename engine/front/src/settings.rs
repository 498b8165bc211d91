//! What a front is told when it starts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Time-outs and limits of a front, for all of its routes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Threads that serve; nothing: one for each core.
    pub threads: Option<usize>,
    /// From the first byte of a request's head to its last, and for a TLS handshake.
    pub header_ms: u64,
    /// How long a connection may stand without a request.
    pub idle_ms: u64,
    /// How long a client may send nothing of a body, or take nothing of an answer; how long a backend may
    /// pause within an answer.
    pub stall_ms: u64,
    /// How long a backend may take to begin its answer.
    pub answer_ms: u64,
    /// How long a tunnel or a stream of events may be silent.
    pub silence_ms: u64,
    /// How long a request waits while its route is paused.
    pub patience_ms: u64,
    /// How long the connect to a backend may take.
    pub connect_ms: u64,
    /// How long a front that is told to end goes on with what it has begun.
    pub leave_ms: u64,
    /// The longest head of a request, in bytes.
    pub head_bytes: usize,
    /// The most header fields of a request.
    pub head_fields: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: None,
            header_ms: 15_000,
            idle_ms: 75_000,
            stall_ms: 60_000,
            answer_ms: 60_000,
            silence_ms: 3_600_000,
            patience_ms: 30_000,
            connect_ms: 5_000,
            leave_ms: 30_000,
            head_bytes: 32 << 10,
            head_fields: 100,
        }
    }
}

macro_rules! durations {
    ($($name:ident: $field:ident),*) => {
        impl Settings {
            $(pub(crate) fn $name(&self) -> Duration { Duration::from_millis(self.$field) })*
        }
    };
}
durations!(header: header_ms, idle: idle_ms, stall: stall_ms, answer: answer_ms, silence: silence_ms,
    patience: patience_ms, connect: connect_ms);
