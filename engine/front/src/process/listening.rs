//! What a front listens on: the sockets that it was started with, and those that its routes name.
//!
//! It must not know routes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::certificates::{Certificates, acceptor};
use super::sockets::{Bind, Socket};
use crate::proxy::{Listener, Shared};

/// The sockets of a front. Its threads follow every change.
pub(crate) struct Listening {
    shared: Arc<Shared>,
    certificates: Arc<Certificates>,
    all: Mutex<Vec<Arc<Listener>>>,
}

impl Listening {
    /// Listens on what was handed over.
    pub(crate) fn on(
        sockets: Vec<Socket>,
        shared: Arc<Shared>,
        certificates: Arc<Certificates>,
    ) -> std::io::Result<Self> {
        let listening = Self { shared, certificates, all: Mutex::default() };
        let all: std::io::Result<_> =
            sockets.into_iter().map(|one| listening.listener(one)).collect();
        *listening.all() = all?;
        listening.publish(&listening.all());
        Ok(listening)
    }

    /// Sees to it that a socket is there, and speaks what it is to speak. Returns whether it was opened.
    pub(crate) fn ensure(&self, bind: Bind) -> Result<bool, String> {
        let mut all = self.all();
        let open = |socket: std::io::Result<Socket>| {
            socket.and_then(|socket| self.listener(socket)).map_err(|error| error.to_string())
        };
        let opened = match all.iter_mut().find(|one| one.at == bind.address) {
            Some(one) if one.tls.is_some() == bind.tls => return Ok(false),
            // The same socket: who waits in it is served.
            Some(one) => {
                let listener = one.socket.try_clone();
                *one = open(listener.map(|listener| Socket { listener, tls: bind.tls }))?;
                false
            }
            None => {
                all.push(open(Socket::open(bind))?);
                true
            }
        };
        self.publish(&all);
        Ok(opened)
    }

    /// Listens there no longer.
    pub(crate) fn close(&self, address: SocketAddr) {
        let mut all = self.all();
        all.retain(|one| one.at != address);
        self.publish(&all);
    }

    pub(crate) fn has(&self, bind: Bind) -> bool {
        self.all().iter().any(|one| one.at == bind.address && one.tls.is_some() == bind.tls)
    }

    /// Returns all of them.
    pub(crate) fn listeners(&self) -> Vec<Arc<Listener>> {
        self.all().clone()
    }

    fn listener(&self, socket: Socket) -> std::io::Result<Arc<Listener>> {
        let at = socket.listener.local_addr()?;
        let tls = socket.tls.then(|| acceptor(self.certificates.clone(), at));
        let tls = tls.transpose().map_err(std::io::Error::other)?;
        Ok(Arc::new(Listener { at, socket: socket.listener, tls }))
    }

    fn publish(&self, all: &[Arc<Listener>]) {
        self.shared.listeners.send_replace(all.to_vec());
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Listener>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
