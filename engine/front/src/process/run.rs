//! The front's process.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::UnixListener;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::{interval, sleep};

use super::certificates::Certificates;
use super::command::Command;
use super::control::Control;
use super::desk::{Desk, Outfit};
use super::kept::{Folder, Short};
use super::listening::Listening;
use super::sockets::Socket;
use crate::proxy::{Crew, Shared, Stage, start};

/// How often the counts of open terms are written down.
const NOTE: Duration = Duration::from_secs(1);
/// How long the last answer has to get out of the process.
const FAREWELL: Duration = Duration::from_millis(50);

/// How a front's process is started.
#[derive(Clone, Debug)]
pub struct Start {
    /// Where it keeps what survives it, and where it is spoken to.
    pub folder: PathBuf,
    /// Another process serves still, and will say what it counted.
    pub successor: bool,
    /// `LISTEN_FDNAMES`.
    pub names: Option<String>,
}

/// Serves on the sockets that the process was started with, and on those that its routes name, until it
/// is told to leave.
pub fn run(begin: &Start) -> io::Result<()> {
    let sockets = Socket::inherited(begin.names.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(begin, sockets))
}

async fn serve(begin: &Start, sockets: Vec<Socket>) -> io::Result<()> {
    let folder = Folder::at(&begin.folder)?;
    let settings = folder.settings()?;
    let (leave, threads) = (settings.leave_ms, settings.threads);
    let threads = threads
        .map_or_else(available_parallelism, |n| n.max(1).try_into().map_err(io::Error::other))?;
    let (stage, cuts) = (watch::Sender::new(Stage::Serving), watch::Sender::new(0));
    let listeners = watch::Sender::default();
    let shared = Arc::new(Shared { settings, table: ArcSwap::default(), listeners, stage, cuts });
    let certificates = Arc::new(Certificates::default());
    let control = UnixListener::bind(Short::of(&folder.own_socket()?)?.path())?;
    let listening = Arc::new(Listening::on(sockets, shared.clone(), certificates.clone())?);
    let outfit = Outfit { shared: shared.clone(), certificates, listening: listening.clone() };
    let desk = Desk::open(outfit, folder.clone(), begin.successor)?;
    let crew = Crew::of(threads.get()).into_iter();
    desk.employ(crew.map(|seat| start(shared.clone(), seat)).collect::<io::Result<_>>()?);
    if !begin.successor {
        folder.take_place()?;
    }
    let control_of = Arc::new(Control { desk: desk.clone(), listening, left: Notify::new() });
    tokio::spawn(control_of.clone().listen(control));
    let mut told = signal(SignalKind::terminate())?;
    let mut notes = interval(NOTE);
    loop {
        select! {
            // Counts that cannot be written now are written a second later.
            _ = notes.tick() => {
                drop(desk.note());
                desk.renew();
            }
            _ = told.recv() => {
                desk.obey(Command::Leave { deadline_ms: leave }).await;
                return Ok(());
            }
            () = control_of.left.notified() => {
                sleep(FAREWELL).await;
                return Ok(());
            }
        }
    }
}
