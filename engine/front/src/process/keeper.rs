//! The front's parent: holds the listening sockets, so that the death of the front refuses no connection;
//! starts it again; replaces it. When the parent dies the front goes on, and the next parent takes it over.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::select;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::command::Command as Say;
use super::keeping::{Ask, Charge, answer};
use super::kept::Folder;
use super::program::mark;
use super::remote::Remote;
use super::sockets::{Bind, Socket};
use crate::settings::Settings;

/// How long a front may take to begin, and to end after it has left.
const BEGIN: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(5);
/// From one start to the next when it dies again and again.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(5);
/// From one attempt to the next to replace one of another program: a change of office may be under way.
const RENEWAL: Duration = Duration::from_millis(500);
/// A front that has lived so long died of something new.
const SETTLED: Duration = Duration::from_secs(10);

/// How a front is started.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that becomes the front, and its first arguments; the folder follows, and
    /// `--successor` where another one serves still.
    pub program: PathBuf,
    /// See `program`.
    pub arguments: Vec<String>,
    /// Where the front keeps what survives it.
    pub folder: PathBuf,
    /// Where to listen, unless a front serves already or the sockets were handed over.
    pub binds: Vec<Bind>,
    /// Time-outs and limits.
    pub settings: Settings,
    /// `LISTEN_FDNAMES` of this process, where systemd holds the sockets.
    pub names: Option<String>,
}

/// Keeps a front alive. Dropped, it lets the front go on.
#[derive(Debug)]
pub struct Keeper {
    orders: mpsc::Sender<(Order, oneshot::Sender<io::Result<()>>)>,
    remote: Remote,
    binds: Vec<Bind>,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Replace(Duration),
    Stop(Duration),
}

impl Keeper {
    /// Takes over the front that serves already, also from another keeper, or starts one.
    pub async fn start(plan: Plan) -> io::Result<Self> {
        Folder::at(&plan.folder)?;
        let charge = Charge::take_over(&plan.folder).await?;
        Self::begin(plan, charge).await
    }

    /// As [`Self::start`], unless somebody else keeps the front.
    pub async fn start_unless_kept(plan: Plan) -> io::Result<Option<Self>> {
        Folder::at(&plan.folder)?;
        match Charge::take_if_free(&plan.folder).await? {
            Some(charge) => Self::begin(plan, charge).await.map(Some),
            None => Ok(None),
        }
    }

    async fn begin(plan: Plan, charge: Charge) -> io::Result<Self> {
        let folder = Folder::at(&plan.folder)?;
        folder.set(&plan.settings)?;
        let remote = Remote::at(folder.socket());
        let (sockets, front) = match (remote.look().await, remote.sockets()) {
            (Ok(look), Ok(sockets)) => (sockets, Front::adopted(look.pid, &remote).await?),
            _ => {
                let mut sockets = Socket::inherited(plan.names.as_deref())?;
                if sockets.is_empty() {
                    sockets = plan
                        .binds
                        .iter()
                        .map(|bind| Socket::open(*bind))
                        .collect::<io::Result<_>>()?;
                }
                let front = begin(&plan, &folder, &sockets, false).await?;
                // Those that its routes name came on top.
                (remote.sockets()?, front)
            }
        };
        let listening =
            |socket: &Socket| Ok(Bind { address: socket.listener.local_addr()?, tls: socket.tls });
        let binds = sockets.iter().map(listening).collect::<io::Result<_>>()?;
        let (orders, inbox) = mpsc::channel(1);
        let post = Post { plan, folder, sockets, remote: remote.clone(), charge };
        tokio::spawn(post.keep(front, inbox));
        Ok(Self { orders, remote, binds })
    }

    /// Returns who speaks to the front.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Returns where the front listens.
    pub fn binds(&self) -> &[Bind] {
        &self.binds
    }

    /// Waits until it keeps the front no longer: another keeper does, or the front was ended.
    pub async fn ended(&self) {
        self.orders.closed().await;
    }

    /// Has a new process take the front's place without losing a request: it serves first, then the old
    /// one leaves, until the deadline.
    pub async fn replace(&self, deadline: Duration) -> io::Result<()> {
        self.order(Order::Replace(deadline)).await
    }

    /// Ends the front: it goes on with what it has begun until the deadline.
    pub async fn stop(self, deadline: Duration) -> io::Result<()> {
        self.order(Order::Stop(deadline)).await
    }

    async fn order(&self, order: Order) -> io::Result<()> {
        let gone = || io::Error::other("nobody keeps the front any more");
        let (reply, answer) = oneshot::channel();
        self.orders.send((order, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Who watches over one front.
struct Post {
    plan: Plan,
    folder: Folder,
    sockets: Vec<Socket>,
    remote: Remote,
    charge: Charge,
}

type Inbox = mpsc::Receiver<(Order, oneshot::Sender<io::Result<()>>)>;

impl Post {
    async fn keep(mut self, mut front: Front, mut inbox: Inbox) {
        let (mut since, mut pause) = (Instant::now(), SHORTEST);
        // One that was taken over may be of a program that has been replaced since.
        let mut outdated = matches!(front.life, Life::Adopted(_));
        loop {
            let (order, reply) = select! {
                order = inbox.recv() => match order {
                    Some(order) => order,
                    None => return,
                },
                asked = self.charge.asked() => {
                    let Ok((ask, stream)) = asked else { continue };
                    let done = match ask {
                        Ask::Hold => self.hold(),
                        Ask::Renew => self.renew(&mut front).await,
                        Ask::Yield => Ok(()),
                        Ask::Stop { deadline_ms } => {
                            self.stop(&mut front, Duration::from_millis(deadline_ms)).await
                        }
                    };
                    answer(stream, done).await;
                    if matches!(ask, Ask::Yield | Ask::Stop { .. }) {
                        return;
                    }
                    continue;
                }
                () = sleep(RENEWAL), if outdated => {
                    // A program that cannot begin is not tried again and again.
                    let busy = |error: &io::Error| error.kind() == io::ErrorKind::ResourceBusy;
                    outdated = self.renew(&mut front).await.is_err_and(|error| busy(&error));
                    continue;
                }
                () = front.ended() => {
                    if since.elapsed() > SETTLED {
                        pause = SHORTEST;
                    }
                    front = self.again(&mut pause).await;
                    since = Instant::now();
                    continue;
                }
            };
            let done = match order {
                Order::Replace(deadline) => self.replace(&mut front, deadline).await,
                Order::Stop(deadline) => {
                    let _ = reply.send(self.stop(&mut front, deadline).await);
                    return;
                }
            };
            let _ = reply.send(done);
        }
    }

    /// Holds all sockets that the front listens on by now.
    fn hold(&mut self) -> io::Result<()> {
        self.sockets = self.remote.sockets()?;
        Ok(())
    }

    async fn stop(&mut self, front: &mut Front, deadline: Duration) -> io::Result<()> {
        let left = self.remote.leave(deadline).await.map(|_| ());
        let _ = timeout(BEGIN, front.ended()).await;
        // By the time that this is answered nobody listens any more.
        self.sockets.clear();
        left
    }

    /// Starts the front again, however often it takes. Who connects meanwhile waits in the sockets.
    async fn again(&mut self, pause: &mut Duration) -> Front {
        loop {
            if let Ok(front) = begin(&self.plan, &self.folder, &self.sockets, false).await {
                // It may have opened one that was not held yet.
                let _ = self.hold();
                return front;
            }
            sleep(*pause).await;
            *pause = (*pause * 2).min(LONGEST);
        }
    }

    /// Has a process of the program that is installed by now take the place of one of another.
    async fn renew(&mut self, front: &mut Front) -> io::Result<()> {
        let runs = self.remote.look().await?.program;
        let installed = mark(&self.plan.program);
        if installed.is_none() || runs == installed {
            return Ok(());
        }
        let deadline = Duration::from_millis(self.plan.settings.leave_ms);
        self.replace(front, deadline).await
    }

    async fn replace(&mut self, front: &mut Front, deadline: Duration) -> io::Result<()> {
        self.hold()?;
        let busy = |error| io::Error::new(io::ErrorKind::ResourceBusy, error);
        self.remote.say(&Say::Freeze).await.map_err(busy)?;
        let next = match begin(&self.plan, &self.folder, &self.sockets, true).await {
            Ok(next) => next,
            Err(error) => {
                self.remote.say(&Say::Thaw).await?;
                return Err(error);
            }
        };
        // Where the old one dies now, what it had written down counts.
        let receipts = self.remote.leave(deadline).await.ok();
        let _ = timeout(BEGIN, front.ended()).await;
        let successor = Remote::at(self.folder.socket_of(next.pid));
        *front = next;
        successor.say(&Say::Carry { receipts }).await.map(|_| ())
    }
}

/// Starts a front, and waits until it serves.
async fn begin(
    plan: &Plan,
    folder: &Folder,
    sockets: &[Socket],
    successor: bool,
) -> io::Result<Front> {
    let mut command = Command::new(&plan.program);
    command.args(&plan.arguments).arg(&plan.folder);
    if successor {
        command.arg("--successor");
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // A terminal's Ctrl-C is for the parent.
    command.process_group(0);
    Socket::give(sockets, &mut command)?;
    let mut child = tokio::process::Command::from(command).spawn()?;
    let pid = child.id().ok_or_else(|| io::Error::other("the front ended at once"))?;
    let place = if successor { folder.socket_of(pid) } else { folder.socket() };
    let remote = Remote::at(place);
    let until = Instant::now() + BEGIN;
    while !remote.look().await.is_ok_and(|look| look.pid == pid) {
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("the front did not begin: {status}")));
        }
        if Instant::now() > until {
            child.kill().await?;
            let why = format!("the front did not begin within {} s", BEGIN.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        sleep(GLANCE).await;
    }
    Ok(Front { pid, life: Life::Own(child) })
}

/// A front's process.
struct Front {
    pid: u32,
    life: Life,
}

enum Life {
    Own(Child),
    /// Another parent started it: a conversation with it ends when it does.
    Adopted(UnixStream),
}

impl Front {
    async fn adopted(pid: u32, remote: &Remote) -> io::Result<Self> {
        Ok(Self { pid, life: Life::Adopted(remote.connect().await?) })
    }

    /// Waits until the process has ended. Dropped, it has missed nothing.
    async fn ended(&mut self) {
        match &mut self.life {
            Life::Own(child) => drop(child.wait().await),
            Life::Adopted(life) => while matches!(life.read(&mut [0; 64]).await, Ok(1..)) {},
        }
    }
}
