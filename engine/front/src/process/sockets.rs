//! Listening sockets that outlive the process: one for each address, shared by all threads, held by the
//! parent and handed to each child. With a socket for each thread (`SO_REUSEPORT`) each would have a queue
//! of its own, and closing it would reset who waits there.
//!
//! They come by systemd's activation protocol: descriptors from 3 on, `LISTEN_FDS` of them, named by
//! `LISTEN_FDNAMES`. One named `https` speaks TLS.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;

use command_fds::{CommandFdExt, FdMapping};
use listenfd::ListenFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use serde::{Deserialize, Serialize};

const FIRST: i32 = 3;
const TLS: &str = "https";
const PLAIN: &str = "http";
/// Connections that wait for a front, for instance while it is being restarted.
const BACKLOG: i32 = 4096;

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// The address and port.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// A listening socket, and whether it speaks TLS.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) listener: TcpListener,
    pub(crate) tls: bool,
}

impl Socket {
    /// Opens a socket.
    pub(crate) fn open(bound: Bind) -> io::Result<Self> {
        let why = |error| io::Error::other(format!("cannot listen on {}: {error}", bound.address));
        Self::listen(bound).map_err(why)
    }

    fn listen(bound: Bind) -> io::Result<Self> {
        let family = match bound.address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &bound.address)?;
        no_delay(&socket)?;
        listen(&socket, BACKLOG)?;
        Ok(Self { listener: socket.into(), tls: bound.tls })
    }

    /// Returns what the process was started with; nothing if it was not started by the protocol.
    pub(crate) fn inherited(names: Option<&str>) -> io::Result<Vec<Self>> {
        let mut given = ListenFd::from_env();
        let mut names = names.unwrap_or_default().split(':');
        let mut sockets = vec![];
        for at in 0..given.len() {
            let tls = names.next() == Some(TLS);
            if let Some(listener) = given.take_tcp_listener(at)? {
                listener.set_nonblocking(true)?;
                no_delay(&listener)?;
                sockets.push(Self { listener, tls });
            }
        }
        Ok(sockets)
    }

    /// Has a command inherit sockets.
    pub(crate) fn give(sockets: &[Self], command: &mut Command) -> io::Result<()> {
        let mut mappings = vec![];
        for (socket, child_fd) in sockets.iter().zip(FIRST..) {
            let parent_fd = OwnedFd::from(socket.listener.try_clone()?);
            mappings.push(FdMapping { parent_fd, child_fd });
        }
        command.fd_mappings(mappings).map_err(io::Error::other)?;
        let names = sockets.iter().map(|socket| if socket.tls { TLS } else { PLAIN });
        command.env("LISTEN_FDS", sockets.len().to_string());
        command.env("LISTEN_FDNAMES", names.collect::<Vec<_>>().join(":"));
        // The number of the child is not known before it is one.
        command.env_remove("LISTEN_PID");
        Ok(())
    }
}

/// Whoever is accepted inherits it: answers go out at once, and it takes no system call for each.
fn no_delay(socket: impl AsFd) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true).map_err(Into::into)
}
