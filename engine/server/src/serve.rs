//! From a folder to a server that listens, and to its end.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener as Socket;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::context::{Clock, Random};
use model::{Registry, Secrets};
use runtime::engine::{Outside, Problem};
use runtime::secret::{Key, Vault};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::folder::Folder;
use crate::fronts::keep_fronts;
use crate::house::House;
use crate::http::listen;
use crate::keys::hand_out;
use crate::outside;
use crate::prune::keep_short;
use crate::records::Records;
use crate::runs::{dispatch, mend, recover, watch_gates};
use crate::services::keep_services;
use crate::settings::Settings;
use crate::trouble::{failed, place, usage};
use crate::troubles::Trouble;

/// How long requests that are under way may take to end.
const LAST_CALL: Duration = Duration::from_millis(300);

/// What a server is begun with: it reads no environment, clock or randomness by itself.
pub struct Begin {
    /// How to start this program again.
    pub program: PathBuf,
    /// The environment of who called.
    pub environment: BTreeMap<String, String>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness fit for keys.
    pub random: Arc<dyn Random>,
    /// THE list.
    pub kinds: Registry,
    /// Where to listen, if not where the file says.
    pub listen: Option<String>,
}

impl Begin {
    pub(crate) fn outside(&self) -> Outside {
        Outside {
            program: self.program.clone(),
            environment: self.environment.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        }
    }
}

/// A server that listens.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Its name.
    pub name: String,
    /// Where: `http://127.0.0.1:7400`.
    pub address: String,
    /// The repositories that are pushed to here.
    pub repositories: Vec<String>,
    /// Those that live elsewhere, and where.
    pub follows: Vec<(String, String)>,
    /// What is wrong already, each in words: the rest is served all the same.
    pub troubles: Vec<String>,
}

/// What it is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet.
    Stay,
    /// To begin no run, and to end after those that are under way.
    Drain,
    /// To end. Runs go on.
    Leave,
}

/// Serves a folder until it is told to end. `ready` is called once it listens. Where one of the sockets is
/// the one to listen on, it is taken: who connects while nobody serves waits in it.
///
/// # Errors
/// The folder cannot be served: it says why, and what to do.
pub async fn serve(
    root: PathBuf,
    begin: Begin,
    sockets: Vec<Socket>,
    ready: impl FnOnce(&Ready),
    mut told: watch::Receiver<Told>,
) -> Result<(), Problem> {
    let folder = Folder::open(&root)?;
    let secrets: Arc<dyn Secrets> = Arc::new(vault(&folder, &begin)?);
    let mut settings = Settings::read(&folder, &*secrets)?;
    if let Some(listen) = &begin.listen {
        settings.listen_at(listen)?;
    }
    let hooks = outside::hooks(&settings.file, &*secrets)?;
    let lock = folder.lock()?;
    hand_out(&folder, &settings.file)?;
    let records = Records::open(&folder.records())?;
    let house = Arc::new(House::new(folder, settings, records, secrets, hooks, begin));
    let listener = bind(&house, sockets).await?;
    let broken = recover(&house).await;
    outside::begin(&house)?;
    let (stop, stopped) = watch::channel(false);
    let dispatching = tokio::spawn(dispatch(Arc::clone(&house), stopped));
    let listening = tokio::spawn(listen(Arc::clone(&house), listener));
    let keeping = tokio::spawn(keep_fronts(Arc::clone(&house)));
    tokio::spawn(watch_gates(Arc::clone(&house)));
    tokio::spawn(keep_services(Arc::clone(&house)));
    tokio::spawn(keep_short(Arc::clone(&house)));
    tokio::spawn(mend(Arc::clone(&house), broken));
    ready(&about(&house));
    while *told.borrow_and_update() == Told::Stay {
        if told.changed().await.is_err() {
            break;
        }
    }
    if *told.borrow() == Told::Drain {
        stop.send_replace(true);
        let mut dispatching = dispatching;
        tokio::select! {
            _ = &mut dispatching => {}
            () = until_left(&mut told) => dispatching.abort(),
        }
    } else {
        dispatching.abort();
    }
    house.leave();
    _ = timeout(LAST_CALL, async { tokio::join!(listening, keeping) }).await;
    _ = fs::remove_file(house.folder.address());
    drop(lock);
    Ok(())
}

async fn until_left(told: &mut watch::Receiver<Told>) {
    while *told.borrow_and_update() != Told::Leave && told.changed().await.is_ok() {}
}

fn vault(folder: &Folder, begin: &Begin) -> Result<Vault, Problem> {
    let path = folder.home.join("key");
    let key = Key::open(&path, &*begin.random)
        .map_err(|error| failed(format!("the key {}: {error}", path.display())))?;
    Vault::open(&folder.root, &folder.home, key, &begin.environment).map_err(|error| {
        failed(error.to_string())
            .help("it is encrypted for the key in .windlass/key: put back a copy of that key")
    })
}

async fn bind(house: &House, sockets: Vec<Socket>) -> Result<TcpListener, Problem> {
    let wanted = house.settings.file.listen.0;
    let is_it = |socket: &Socket| socket.local_addr().is_ok_and(|bound| bound == wanted);
    let opened = match sockets.into_iter().find(is_it) {
        Some(socket) => socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket)),
        None => TcpListener::bind(wanted).await,
    };
    let listener = opened.map_err(|error| {
        let help = "end what listens there (`ss -ltnp` says what it is), or write another `listen` \
                    into windlass.yml";
        failed(format!("cannot listen on {wanted}: {error}")).help(help)
    })?;
    let bound = listener.local_addr().map_err(|error| failed(error.to_string()))?;
    let mut reached = bound;
    if bound.ip().is_unspecified() {
        let here = if bound.is_ipv4() { "127.0.0.1" } else { "::1" };
        reached.set_ip(here.parse().map_err(|_| usage("no such address", ""))?);
    }
    let address = format!("http://{reached}");
    let path = house.folder.address();
    fs::write(&path, format!("{address}\n")).map_err(|error| place("write", &path, error))?;
    house.listens_at(address);
    Ok(listener)
}

fn about(house: &House) -> Ready {
    let file = &house.settings.file;
    let (mut repositories, mut follows) = (Vec::new(), Vec::new());
    for (name, about) in &file.repositories {
        match &about.follow {
            None => repositories.push(name.0.clone()),
            Some(follow) => follows.push((name.0.clone(), follow.url.clone())),
        }
    }
    let address = house.own_address().to_owned();
    let trouble = |one: Trouble| format!("{}: {}", one.about, one.message);
    let troubles = house.troubles.list().into_iter().map(trouble).collect();
    Ready { name: file.server.0.clone(), address, repositories, follows, troubles }
}
