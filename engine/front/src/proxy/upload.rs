//! A request's body on its way to a backend.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::timer::Timer;

/// How long a backend is asked whether it wants the body before it gets it anyway (RFC 9110, 10.1.1).
const UNDECIDED: Duration = Duration::from_secs(1);

/// Why a body did not arrive whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It is longer than the route allows.
    TooLong,
    /// The client paused for too long.
    Stalled,
    /// The client left, or sent what is no body.
    Left,
}

/// How far a body has come, for whoever waits for the answer.
#[derive(Clone)]
pub(crate) struct Progress(Rc<(Cell<Option<Broken>>, Cell<Instant>)>);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(Rc::new((Cell::new(None), Cell::new(Instant::now()))))
    }

    /// Returns why it will not be whole.
    pub(crate) fn broken(&self) -> Option<Broken> {
        self.0.0.get()
    }

    /// Returns when the last part of it came.
    pub(crate) fn at(&self) -> Instant {
        self.0.1.get()
    }
}

/// Opens when the backend says `100 Continue`.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(AtomicBool, Notify)>);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.0.store(true, Relaxed);
        self.0.1.notify_one();
    }
}

/// Nothing, or what comes from the client.
pub(crate) struct Upload {
    body: Option<Incoming>,
    left: u64,
    stall: Duration,
    timer: Timer,
    since: Option<Instant>,
    waits: Option<Pin<Box<dyn Future<Output = ()>>>>,
    progress: Progress,
}

#[derive(Debug)]
pub(crate) struct Aborted;

impl std::fmt::Display for Aborted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request did not become whole")
    }
}

impl std::error::Error for Aborted {}

impl Upload {
    pub(crate) fn of(
        body: Option<Incoming>,
        limit: Option<u64>,
        stall: Duration,
        progress: Progress,
    ) -> Self {
        let left = limit.unwrap_or(u64::MAX);
        Self { body, left, stall, timer: Timer::default(), since: None, waits: None, progress }
    }

    /// Holds the body back until the gate opens: the client sends none before it is asked.
    pub(crate) fn behind(mut self, gate: Gate) -> Self {
        self.waits = Some(Box::pin(async move {
            if !gate.0.0.load(Relaxed) {
                let _ = tokio::time::timeout(UNDECIDED, gate.0.1.notified()).await;
            }
        }));
        self
    }

    /// Takes back a body of which nothing was sent.
    pub(crate) fn into_body(self) -> Option<Incoming> {
        self.body
    }

    fn breaks(&mut self, why: Broken) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        self.progress.0.0.set(Some(why));
        Poll::Ready(Some(Err(Aborted)))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let this = &mut *self;
        if let Some(waits) = &mut this.waits {
            ready!(waits.as_mut().poll(cx));
            this.waits = None;
        }
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else {
            let since = *this.since.get_or_insert_with(Instant::now);
            ready!(this.timer.poll(cx, since + this.stall));
            return this.breaks(Broken::Stalled);
        };
        this.since = None;
        match frame {
            None => Poll::Ready(None),
            Some(Err(_)) => this.breaks(Broken::Left),
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(left) = this.left.checked_sub(length) else {
                    return this.breaks(Broken::TooLong);
                };
                this.left = left;
                this.progress.0.1.set(Instant::now());
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
