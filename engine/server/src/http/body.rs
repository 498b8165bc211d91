//! Bodies of answers: whole ones, and those that are written while they are sent. What is not taken yet
//! waits in the writer, never in memory.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::{Body as HttpBody, Bytes, Frame};
use tokio::sync::mpsc;

/// The body of any answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer.
pub(crate) type Answer = Response<Body>;

/// Where a streamed body is written to. Its end is the body's end.
pub(crate) type Sender = mpsc::Sender<io::Result<Bytes>>;

/// So many pieces may wait to be sent.
const PIECES: usize = 2;

/// Returns a body that is there already.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body that is written while it is sent.
pub(crate) struct Stream(mpsc::Receiver<io::Result<Bytes>>);

impl Stream {
    /// Returns the body and where it is written to.
    pub(crate) fn open() -> (Sender, Body) {
        let (sender, receiver) = mpsc::channel(PIECES);
        (sender, Self(receiver).boxed_unsync())
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
