//! An answer's body on its way to the client.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Buf, Bytes, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::line::{Busy, Line};
use super::pool::{Backend, Pool};
use super::ride::Fare;
use super::timer::Timer;
use crate::account::Verdict;

pub(crate) enum Answer {
    /// What the front itself says.
    Own { text: Bytes, _busy: Busy, _fare: Option<Fare> },
    /// What a backend says.
    Passed(Passed),
}

/// A backend's answer: holds the fare, and the connection that it comes from.
pub(crate) struct Passed {
    body: Incoming,
    fare: Fare,
    /// Goes back to the pool at the end.
    backend: Option<Backend>,
    pool: Rc<Pool>,
    stall: Duration,
    timer: Timer,
    since: Option<Instant>,
    _busy: Busy,
}

/// Why an answer was broken off: the client sees that it is not whole.
#[derive(Debug)]
pub(crate) enum BrokenOff {
    Backend,
    Stalled,
    Cut,
}

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backend => "the backend broke off its answer",
            Self::Stalled => "the backend paused for too long",
            Self::Cut => "the drain deadline has passed",
        })
    }
}

impl std::error::Error for BrokenOff {}

impl Answer {
    /// Returns what the front itself says.
    pub(crate) fn own(text: &'static str, line: &Rc<Line>) -> Self {
        Self::Own { text: Bytes::from_static(text.as_bytes()), _busy: Busy::on(line), _fare: None }
    }

    /// Returns an answer of the front that serves a request: its head says it all.
    pub(crate) fn served(fare: Fare, line: &Rc<Line>) -> Self {
        fare.ends();
        Self::Own { text: Bytes::new(), _busy: Busy::on(line), _fare: Some(fare) }
    }
}

impl Passed {
    pub(crate) fn new(
        body: Incoming,
        fare: Fare,
        backend: Backend,
        pool: Rc<Pool>,
        stall: Duration,
        busy: Busy,
    ) -> Self {
        let backend = Some(backend);
        Self { body, fare, backend, pool, stall, timer: Timer::default(), since: None, _busy: busy }
    }

    /// The answer is whole: what remains is the client's to take, and the connection is free.
    fn end(&mut self) {
        if let Some(backend) = self.backend.take() {
            self.fare.ends();
            self.pool.give(backend);
        }
    }

    fn poll(&mut self, cx: &mut Context) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.fare.was_cut() {
            return Poll::Ready(Some(Err(BrokenOff::Cut)));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            if self.fare.poll_cut(cx).is_ready() {
                return Poll::Ready(Some(Err(BrokenOff::Cut)));
            }
            let since = *self.since.get_or_insert_with(Instant::now);
            ready!(self.timer.poll(cx, since + self.stall));
            self.fare.close(Verdict::Lost);
            return Poll::Ready(Some(Err(BrokenOff::Stalled)));
        };
        self.since = None;
        match frame {
            Some(Err(_)) => {
                self.fare.close(Verdict::Lost);
                Poll::Ready(Some(Err(BrokenOff::Backend)))
            }
            Some(Ok(frame)) => {
                if self.body.is_end_stream() || frame.is_trailers() {
                    self.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            None => {
                self.end();
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        // hyper does not poll a body that says that it is at its end; any other is dropped because the
        // client left.
        if self.body.is_end_stream() {
            self.end();
        }
    }
}

impl Body for Answer {
    type Data = Piece;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
    ) -> Poll<Option<Result<Frame<Piece>, BrokenOff>>> {
        match &mut *self {
            Self::Own { text, .. } if text.is_empty() => Poll::Ready(None),
            Self::Own { text, .. } => {
                let bytes = std::mem::take(text);
                Poll::Ready(Some(Ok(Frame::data(Piece { bytes, fare: None }))))
            }
            Self::Passed(passed) => {
                let frame = ready!(passed.poll(cx));
                let fare = &passed.fare;
                let piece = |bytes| Piece { bytes, fare: Some(fare.clone()) };
                Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own { text, .. } => text.is_empty(),
            Self::Passed(passed) => passed.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own { text, .. } => SizeHint::with_exact(text.len() as u64),
            Self::Passed(passed) => passed.body.size_hint(),
        }
    }
}

/// Some bytes of an answer; an answer that loses one of them is not whole.
pub(crate) struct Piece {
    bytes: Bytes,
    fare: Option<Fare>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if let Some(fare) = &self.fare
            && !self.bytes.is_empty()
        {
            fare.tear();
        }
    }
}
