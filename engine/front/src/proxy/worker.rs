//! One thread, one runtime: accepts, and keeps each connection from its first byte to its last.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::select;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::{AbortHandle, spawn_local, yield_now};
use tokio::time::{interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::client::{Limits, sniff};
use super::crew::{Arrival, Open, Seat};
use super::line::Line;
use super::pool::Pool;
use super::ride::Rides;
use super::{http1, http2};
use crate::account::{Place, Table};
use crate::settings::Settings;

/// How often idle connections to backends are looked through.
const TIDY: Duration = Duration::from_secs(1);
/// How long to wait with the next connection when there are no descriptors for it.
const SHORTAGE: Duration = Duration::from_millis(10);

/// How a front leaves: it goes on serving, then asks clients to go elsewhere, then closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serving,
    /// Accepts no connection, ends each with its next answer.
    Leaving,
    /// Idle connections close, too.
    Over,
}

/// A socket that all threads accept from.
pub(crate) struct Listener {
    /// Where it listens.
    pub(crate) at: SocketAddr,
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
}

/// What all threads look at.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) table: ArcSwap<Table>,
    /// What is listened on.
    pub(crate) listeners: watch::Sender<Vec<Arc<Listener>>>,
    pub(crate) stage: watch::Sender<Stage>,
    /// Counts up when a term is to be cut.
    pub(crate) cuts: watch::Sender<u64>,
}

/// What a thread accepts from.
type Accepting = Vec<(Arc<Listener>, AbortHandle)>;

pub(crate) struct Worker {
    shared: Arc<Shared>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) rides: Rc<Rides>,
    /// As last seen by this thread: read at each answer without a lock.
    stage: Cell<Stage>,
    seat: Seat,
}

impl Worker {
    pub(crate) fn place(&self, by: SocketAddr, host: &str, path: &str) -> Option<Arc<Place>> {
        self.shared.table.load().find(by, host, path).cloned()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits::of(&self.shared.settings)
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.stage.get() >= Stage::Leaving
    }

    pub(crate) async fn reach(&self, stage: Stage) {
        let _ = self.shared.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    async fn accept(self: Rc<Self>, listener: Arc<Listener>) -> io::Result<()> {
        let socket = tokio::net::TcpListener::from_std(listener.socket.try_clone()?)?;
        loop {
            let accepted = select! {
                accepted = socket.accept() => accepted,
                () = self.reach(Stage::Leaving) => return Ok(()),
            };
            match accepted {
                Ok((stream, from)) => {
                    // What is gone before anybody takes it has asked for nothing.
                    let _ = self.take(stream, from.ip(), &listener);
                    // Let the other threads have the next one.
                    yield_now().await;
                }
                Err(_) => sleep(SHORTAGE).await,
            }
        }
    }

    /// Keeps a connection, or hands it to a thread that has fewer.
    fn take(
        self: &Rc<Self>,
        stream: TcpStream,
        from: IpAddr,
        listener: &Arc<Listener>,
    ) -> io::Result<()> {
        let (taker, listener) = (self.seat.takes(), listener.clone());
        if taker.is(&self.seat) {
            spawn_local(self.clone().connection(stream, from, listener, taker.begin()));
            return Ok(());
        }
        let arrival = Arrival { stream: stream.into_std()?, from, listener, open: taker.begin() };
        match taker.hand(arrival) {
            Ok(()) => Ok(()),
            Err(back) => self.arrive(Arrival { open: self.seat.begin(), ..back }),
        }
    }

    /// Keeps what another thread has accepted.
    fn arrive(self: &Rc<Self>, arrival: Arrival) -> io::Result<()> {
        let Arrival { stream, from, listener, open } = arrival;
        let stream = TcpStream::from_std(stream)?;
        spawn_local(self.clone().connection(stream, from, listener, open));
        Ok(())
    }

    /// Accepts from these sockets and no others. Who was accepted stays.
    fn listen(self: &Rc<Self>, accepting: &mut Accepting, now: &[Arc<Listener>]) {
        accepting.retain(|(listener, task)| {
            let stays = now.iter().any(|now| Arc::ptr_eq(now, listener));
            if !stays {
                task.abort();
            }
            stays
        });
        for listener in now {
            if !accepting.iter().any(|(known, _)| Arc::ptr_eq(known, listener)) {
                let task = spawn_local(self.clone().accept(listener.clone()));
                accepting.push((listener.clone(), task.abort_handle()));
            }
        }
    }

    async fn connection(
        self: Rc<Self>,
        stream: TcpStream,
        from: IpAddr,
        listener: Arc<Listener>,
        _open: Open,
    ) {
        // What ends before its protocol is known has asked for nothing.
        let _ = self.clone().speak(stream, from.to_canonical(), &listener).await;
    }

    async fn speak(
        self: Rc<Self>,
        mut stream: TcpStream,
        from: IpAddr,
        listener: &Listener,
    ) -> io::Result<()> {
        let patience = self.limits().header;
        let Some(tls) = &listener.tls else {
            let (two, first) = select! {
                sniffed = timeout(patience, sniff(&mut stream)) => sniffed??,
                () = self.reach(Stage::Over) => return Ok(()),
            };
            let line = Line::new(from, listener.at, false, two);
            self.serve(stream, first, line).await;
            return Ok(());
        };
        let stream = timeout(patience, tls.accept(stream)).await??;
        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.serve(stream, Bytes::new(), Line::new(from, listener.at, true, two)).await;
        Ok(())
    }

    async fn serve<S>(self: Rc<Self>, stream: S, first: Bytes, line: Line)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        if line.shared {
            http2::serve(stream, first, line, self).await;
        } else {
            http1::serve(stream, first, line, self).await;
        }
    }

    /// Serves until the front has left and every connection is closed.
    async fn work(self: Rc<Self>, mut inbox: UnboundedReceiver<Arrival>) {
        let (mut listeners, mut accepting) = (self.shared.listeners.subscribe(), vec![]);
        self.listen(&mut accepting, &listeners.borrow_and_update());
        let (mut stage, mut cuts) = (self.shared.stage.subscribe(), self.shared.cuts.subscribe());
        // It may have been told to leave before this thread was there.
        if *stage.borrow() > Stage::Serving {
            stage.mark_changed();
        }
        let mut tidy = interval(TIDY);
        while !(self.is_leaving() && self.seat.open() == 0) {
            select! {
                Some(arrival) = inbox.recv() => drop(self.arrive(arrival)),
                _ = listeners.changed() => {
                    self.listen(&mut accepting, &listeners.borrow_and_update());
                }
                _ = stage.changed() => {
                    self.stage.set(*stage.borrow_and_update());
                    // Who leaves is handed nothing more: it stays with who accepted it.
                    inbox.close();
                }
                _ = cuts.changed() => self.rides.cut(),
                _ = tidy.tick() => self.pool.tidy(),
                () = sleep(Duration::from_millis(5)), if self.is_leaving() => {}
            }
        }
    }
}

/// Starts a thread that serves until the front has left.
pub(crate) fn start(
    shared: Arc<Shared>,
    (seat, inbox): (Seat, UnboundedReceiver<Arrival>),
) -> io::Result<JoinHandle<io::Result<()>>> {
    thread::Builder::new().name("front".into()).spawn(move || {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().build_local(LocalOptions::default())?;
        runtime.block_on(async move {
            let (pool, rides) = (Rc::new(Pool::default()), Rc::default());
            let stage = Cell::new(Stage::Serving);
            Rc::new(Worker { shared, pool, rides, stage, seat }).work(inbox).await;
        });
        Ok(())
    })
}
