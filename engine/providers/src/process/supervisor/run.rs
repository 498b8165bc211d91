//! The supervisor's own process: the lock, the socket, and the loop around the one that owns all.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{getpid, set_child_subreaper};
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::converse::converse;
use super::detach::detach;
use super::launch::prepare;
use super::lock::Lock;
use super::seal::SecretBox;
use super::socket;
use super::supervise::{Event, Supervisor};

/// How long those who were answered last may take to read it.
const FAREWELL: Duration = Duration::from_millis(500);

/// Is the supervisor of this folder until nothing is left to do. Returns at once if there is one.
///
/// It is meant to be the whole of a process: it begins a session, closes every descriptor but the
/// standard ones, inherits orphans and leaves its working directory.
pub fn run(home: &Path, secrets: Box<dyn SecretBox>) -> io::Result<()> {
    detach()?;
    prepare(home)?;
    let home = home.canonicalize()?;
    let Some(lock) = Lock::take(&home)?.map(Rc::new) else {
        // There is one, or a child of a dead one has not come to its exec: whoever asks tries again.
        return Ok(());
    };
    std::env::set_current_dir("/")?;
    set_child_subreaper(Some(getpid()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(supervise(&home, Rc::clone(&lock), secrets));
    drop(runtime);
    drop(lock);
    result
}

async fn supervise(home: &Path, lock: Rc<Lock>, secrets: Box<dyn SecretBox>) -> io::Result<()> {
    let (events, inbox) = unbounded_channel();
    let mut supervisor = Supervisor::new(home, lock, secrets, events.clone());
    // Before the first child, so that none ends unseen.
    let (children, term) = (signal(SignalKind::child())?, signal(SignalKind::terminate())?);
    supervisor.adopt_all()?;
    let (listener, socket) = socket::listen(home)?;
    Loop { listener, events, inbox, children, term, guests: JoinSet::new() }.run(supervisor).await;
    socket.remove();
    Ok(())
}

/// Everything that the loop waits for.
struct Loop {
    listener: UnixListener,
    events: UnboundedSender<Event>,
    inbox: UnboundedReceiver<Event>,
    children: Signal,
    term: Signal,
    guests: JoinSet<io::Result<()>>,
}

impl Loop {
    async fn run(mut self, mut supervisor: Supervisor) {
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !supervisor.leaving {
            tokio::select! {
                Some(event) = self.inbox.recv() => supervisor.take(event),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => _ = self.guests.spawn(converse(stream, self.events.clone())),
                    // Out of descriptors, say: it must not spin.
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                },
                Some(_) = self.guests.join_next() => {}
                _ = self.children.recv() => supervisor.bury_orphans(),
                _ = self.term.recv() => supervisor.hand_over("was asked to end: its services stay"),
                _ = second.tick() => supervisor.tick(self.guests.len()),
            }
        }
        self.farewell(supervisor).await;
    }

    /// Lets those read their answer who have one; the others see the end and ask the successor.
    async fn farewell(self, supervisor: Supervisor) {
        let Self { listener, events, inbox, mut guests, .. } = self;
        drop((listener, events, inbox, supervisor));
        let all = async { while guests.join_next().await.is_some() {} };
        _ = timeout(FAREWELL, all).await;
    }
}
