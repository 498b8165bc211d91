//! Connections to backends, one pool per thread: the warmest first, and which of them may carry what.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::client::conn::http1::{self, Parts, SendRequest};
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout};

use super::upload::Upload;
use super::wire::Wire;

/// Backends close idle connections after a while; whoever forgets them sooner seldom meets that race.
const OLD: Duration = Duration::from_secs(4);
/// Young enough for what must not be repeated: no server in use closes an idle connection this soon unless
/// it is rude.
const YOUNG: Duration = Duration::from_millis(500);
/// How far to stay from the end that a backend has announced.
const MARGIN: Duration = Duration::from_secs(1);
/// How long a rude backend is remembered.
const GRUDGE: Duration = Duration::from_mins(10);
/// Idle connections kept for one backend.
const KEEP: usize = 512;

/// Which connection will do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Any,
    /// For what must not be repeated: a new one, or one that its backend will surely keep for now.
    Safe,
    New,
}

/// A connection to a backend.
pub(crate) struct Backend {
    pub(crate) sender: SendRequest<Upload>,
    pub(crate) wire: Wire,
    pub(crate) address: SocketAddr,
    /// It has carried an exchange before, so it may have been closed since.
    pub(crate) used: bool,
    /// Hands the stream back after an upgrade.
    pub(crate) back: oneshot::Receiver<Parts<TokioIo<Wire>>>,
    /// How long the backend keeps it when idle, from `Keep-Alive: timeout=`.
    promise: Option<Duration>,
}

#[derive(Default)]
pub(crate) struct Pool {
    idle: RefCell<HashMap<SocketAddr, Vec<(Backend, Instant)>>>,
    rude: RefCell<HashMap<SocketAddr, Instant>>,
}

impl Pool {
    pub(crate) async fn take(
        &self,
        address: SocketAddr,
        choice: Choice,
        patience: Duration,
    ) -> io::Result<Backend> {
        let reuse = choice == Choice::Any || choice == Choice::Safe && self.trusts(address);
        if reuse && let Some(backend) = self.idle(address, choice) {
            return Ok(backend);
        }
        let stream = timeout(patience, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let wire = Wire::of(stream);
        let (sender, mut connection) =
            http1::handshake(TokioIo::new(wire.clone())).await.map_err(io::Error::other)?;
        let (hand_back, back) = oneshot::channel();
        spawn_local(async move {
            if poll_fn(|cx| Pin::new(&mut connection).poll(cx)).await.is_ok() {
                let _ = hand_back.send(connection.into_parts());
            }
        });
        Ok(Backend { sender, wire, address, used: false, back, promise: None })
    }

    fn idle(&self, address: SocketAddr, choice: Choice) -> Option<Backend> {
        let mut idle = self.idle.borrow_mut();
        let parked = idle.get_mut(&address)?;
        while let Some((backend, since)) = parked.pop() {
            if since.elapsed() > backend.limit(Choice::Any) {
                parked.clear(); // Those below are older still.
            } else if since.elapsed() > backend.limit(choice) {
                parked.push((backend, since));
                return None;
            } else if backend.is_open(choice) {
                return Some(backend);
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    fn park(&self, mut backend: Backend) {
        backend.used = true;
        let mut idle = self.idle.borrow_mut();
        let parked = idle.entry(backend.address).or_default();
        if parked.len() < KEEP {
            parked.push((backend, Instant::now()));
        }
    }

    /// Takes a connection back after a whole answer, as soon as hyper has done with it; not at all if it
    /// is closed by then.
    pub(crate) fn give(self: &Rc<Self>, mut backend: Backend) {
        if backend.sender.is_closed() {
        } else if backend.sender.is_ready() {
            self.park(backend);
        } else {
            let pool = self.clone();
            spawn_local(async move {
                if backend.sender.ready().await.is_ok() {
                    pool.park(backend);
                }
            });
        }
    }

    /// Closes what has been idle for too long.
    pub(crate) fn tidy(&self) {
        self.idle.borrow_mut().retain(|_, parked| {
            parked.retain(|(backend, since)| {
                !backend.sender.is_closed() && since.elapsed() < backend.limit(Choice::Any)
            });
            !parked.is_empty()
        });
        self.rude.borrow_mut().retain(|_, since| since.elapsed() < GRUDGE);
    }

    /// Remembers that a backend closed a connection without a word as a request was written: from now on
    /// it gets what must not be repeated on new connections only.
    pub(crate) fn distrust(&self, address: SocketAddr) {
        self.rude.borrow_mut().insert(address, Instant::now());
    }

    fn trusts(&self, address: SocketAddr) -> bool {
        !self.rude.borrow().contains_key(&address)
    }
}

impl Backend {
    /// Notes how long the backend says that it keeps an idle connection.
    pub(crate) fn hear(&mut self, headers: &HeaderMap) {
        if let Some(told) = headers.get("keep-alive").and_then(|value| value.to_str().ok()) {
            let seconds = told.split(',').find_map(|part| part.trim().strip_prefix("timeout="));
            self.promise = seconds.and_then(|s| s.parse().ok()).map(Duration::from_secs);
        }
    }

    fn limit(&self, choice: Choice) -> Duration {
        match (self.promise, choice) {
            (Some(promise), _) => promise.saturating_sub(MARGIN).min(OLD),
            (None, Choice::Any) => OLD,
            (None, _) => YOUNG,
        }
    }

    /// The first look costs no system call, because the reactor would have told; before what must not be
    /// repeated the kernel itself is asked.
    fn is_open(&self, choice: Choice) -> bool {
        self.sender.is_ready() && (choice == Choice::Any || self.wire.is_quiet())
    }
}
