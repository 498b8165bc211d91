//! A client's connection as hyper reads and writes it: watched for the last byte of each answer, and for
//! clients that keep it without using it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use super::line::{Half, Line};
use super::timer::Timer;
use crate::settings::Settings;

/// How HTTP/2 opens.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long a client that still sends is listened to after its connection's last answer. Closing at once
/// would reset the connection, and take back what the client has not read yet.
const LINGER: Duration = Duration::from_secs(2);

pub(crate) struct Client<S> {
    stream: S,
    /// What was read to learn the protocol.
    first: Bytes,
    line: Rc<Line>,
    limits: Limits,
    reading: Timer,
    writing: Timer,
    /// Since when the client has taken nothing.
    stuck: Option<Instant>,
    /// The client was told that nothing more comes.
    shut: bool,
}

/// How long a client may keep a connection waiting.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) header: Duration,
    idle: Duration,
    stall: Duration,
}

impl Limits {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self { header: settings.header(), idle: settings.idle(), stall: settings.stall() }
    }
}

/// Reads until it is clear whether a connection without TLS opens with HTTP/2; returns what was read.
pub(crate) async fn sniff(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(bool, Bytes)> {
    let mut first = Vec::with_capacity(4096);
    while stream.read_buf(&mut first).await? > 0 {
        let compared = first.len().min(PREFACE.len());
        if first[..compared] != PREFACE[..compared] {
            return Ok((false, first.into()));
        } else if compared == PREFACE.len() {
            return Ok((true, first.into()));
        }
    }
    Ok((false, first.into()))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S, first: Bytes, line: Rc<Line>, limits: Limits) -> Self {
        let (reading, writing) = (Timer::default(), Timer::default());
        Self { stream, first, line, limits, reading, writing, stuck: None, shut: false }
    }

    /// Says that nothing more comes, and listens for a while to what is still being sent.
    pub(crate) async fn close(mut self) {
        if self.line.silent.get() && self.has_nothing_unread().await {
            return;
        }
        if self.line.is_severed() || !self.shut && self.stream.shutdown().await.is_err() {
            return;
        }
        // Most clients send nothing more: no more room than that is worth.
        let mut waste = [0; 512];
        let rest = async { while matches!(self.stream.read(&mut waste).await, Ok(1..)) {} };
        let _ = timeout(LINGER, rest).await;
    }

    /// Whether nothing is there to be read, not even an end: closing then takes back nothing.
    async fn has_nothing_unread(&mut self) -> bool {
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        let looked = poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut self.stream).poll_read(cx, &mut byte).is_pending())
        });
        looked.await
    }

    /// When a client that sends nothing has had its time; never while a request is being answered.
    fn deadline(&self) -> Option<Instant> {
        let limit = if self.line.arriving.get() { self.limits.header } else { self.limits.idle };
        self.line.is_idle().then(|| self.line.since.get() + limit)
    }

    /// What a write that waits comes to: nothing yet, or an error once the client has taken nothing for
    /// too long.
    fn stall(&mut self, cx: &mut Context) -> Poll<io::Error> {
        self.line.waits(Half::Writer, cx);
        let since = *self.stuck.get_or_insert_with(Instant::now);
        ready!(self.writing.poll(cx, since + self.limits.stall));
        self.line.sever();
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    fn forward<T>(
        &mut self,
        cx: &mut Context,
        write: impl FnOnce(Pin<&mut S>, &mut Context) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.line.is_severed() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let Poll::Ready(outcome) = write(Pin::new(&mut self.stream), cx) else {
            return self.stall(cx).map(Err);
        };
        self.stuck = None;
        Poll::Ready(outcome)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Client<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.line.is_severed() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        if this.first.is_empty() {
            if Pin::new(&mut this.stream).poll_read(cx, buffer)?.is_pending() {
                this.line.waits(Half::Reader, cx);
                // The end of its patience looks like the end of the client: hyper closes in good order.
                return match this.deadline() {
                    Some(deadline) => this.reading.poll(cx, deadline).map(Ok),
                    None => Poll::Pending,
                };
            }
        } else {
            let count = this.first.len().min(buffer.remaining());
            buffer.put_slice(&this.first[..count]);
            this.first.advance(count);
        }
        let came = buffer.filled().len() > before;
        // On a shared line frames come that are no requests: they do not prolong anything.
        if came && this.line.is_idle() && !this.line.shared && !this.line.arriving.replace(true) {
            this.line.since.set(Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Client<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.forward(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        slices: &[io::IoSlice],
    ) -> Poll<io::Result<usize>> {
        self.forward(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper asks for this when it has handed over everything: what was answered by then has arrived in
    /// the client's socket.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        let flushed = ready!(self.forward(cx, AsyncWrite::poll_flush));
        if flushed.is_ok() {
            self.line.flushed();
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        // Closing says the same, at once.
        if self.line.silent.get() && !self.line.tls {
            return Poll::Ready(Ok(()));
        }
        let told = ready!(self.forward(cx, AsyncWrite::poll_shutdown));
        self.shut = told.is_ok();
        Poll::Ready(told)
    }
}
