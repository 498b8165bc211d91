//! What survives the process: routes and terms, on disk before anything is answered; and the counts of
//! open terms, about once a second.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::command::{Look, Named, RouteSpec};
use super::cutover::{Barred, Cutover, Quarantined};
use crate::account::{Counts, Receipt};
use crate::settings::Settings;

/// All that a front must know again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    pub(crate) routes: Vec<KeptRoute>,
    pub(crate) certificates: Vec<KeptCertificate>,
    pub(crate) barred: Vec<Barred>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeptRoute {
    pub(crate) spec: RouteSpec,
    /// The number of the term that was opened last.
    pub(crate) last: u64,
    pub(crate) office: Option<Named>,
    /// Who was in office before a pause.
    pub(crate) resting: Option<Named>,
    /// Relieved and not drained.
    pub(crate) open: Vec<Named>,
    pub(crate) closed: Vec<Receipt>,
    #[serde(default)]
    pub(crate) cutover: Option<Cutover>,
    #[serde(default)]
    pub(crate) quarantined: Vec<Quarantined>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptCertificate {
    #[serde(default)]
    pub(crate) at: Option<SocketAddr>,
    pub(crate) names: Vec<String>,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// What open terms had counted when it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accounts {
    /// The process ended in good order: nothing was counted after.
    pub(crate) whole: bool,
    /// By route and term.
    pub(crate) counts: BTreeMap<String, BTreeMap<u64, Counts>>,
}

impl Accounts {
    /// Returns what was counted of a term before this process.
    pub(crate) fn of(&self, route: &str, term: u64) -> Counts {
        let counts = self.counts.get(route).and_then(|terms| terms.get(&term)).cloned();
        let mut counts = counts.unwrap_or_default();
        counts.interrupted += u64::from(!self.whole);
        counts
    }
}

impl Look {
    /// Returns what is on disk of the front of a folder, also where no process serves it.
    pub fn kept(folder: &Path) -> io::Result<Self> {
        // Not by way of a folder that is made where none is.
        let kept = Folder(folder.into()).kept()?;
        let routes = kept.routes.iter().map(KeptRoute::look).collect();
        Ok(Self { routes, barred: kept.barred, ..Self::default() })
    }
}

/// A socket's path, through its opened folder: the address of a socket ends at 108 bytes (unix(7)), and
/// folders of projects may lie deep.
pub(crate) struct Short {
    path: PathBuf,
    _folder: File,
}

impl Short {
    pub(crate) fn of(socket: &Path) -> io::Result<Self> {
        let folder = File::open(socket.parent().unwrap_or(Path::new("/")))?;
        let name = socket.file_name().unwrap_or_default();
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: folder })
    }

    /// Returns the path, which holds as long as this does.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Where a front keeps what survives it.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        // Whoever can write here commands the front.
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self(path.into()))
    }

    /// Returns where the front in charge is spoken to.
    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// Returns where a process is spoken to that is not in charge yet.
    pub(crate) fn socket_of(&self, pid: u32) -> PathBuf {
        self.0.join(format!("control.{pid}.sock"))
    }

    /// Returns where this process is spoken to; what a dead one with the same number left goes.
    pub(crate) fn own_socket(&self) -> io::Result<PathBuf> {
        let socket = self.socket_of(std::process::id());
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(socket),
        }
    }

    /// Has this process be the one in charge.
    pub(crate) fn take_place(&self) -> io::Result<()> {
        fs::rename(self.socket_of(std::process::id()), self.socket())
    }

    pub(crate) fn settings(&self) -> io::Result<Settings> {
        Ok(self.read("settings.json")?.unwrap_or_default())
    }

    pub(crate) fn set(&self, settings: &Settings) -> io::Result<()> {
        self.write("settings.json", settings, true)
    }

    pub(crate) fn kept(&self) -> io::Result<Kept> {
        Ok(self.read("front.json")?.unwrap_or_default())
    }

    /// Puts it on disk: whatever ends the process, or the machine, it is there.
    pub(crate) fn keep(&self, kept: &Kept) -> io::Result<()> {
        self.write("front.json", kept, true)
    }

    pub(crate) fn accounts(&self) -> io::Result<Accounts> {
        // Without a file nothing has been counted yet.
        Ok(self.read("accounts.json")?.unwrap_or(Accounts { whole: true, ..Accounts::default() }))
    }

    /// Hands it to the system, which is enough for whatever ends the process.
    pub(crate) fn account(&self, accounts: &Accounts) -> io::Result<()> {
        self.write("accounts.json", accounts, false)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        let path = self.0.join(name);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let bad = |error| io::Error::other(format!("{} cannot be read: {error}", path.display()));
        serde_json::from_slice(&text).map(Some).map_err(bad)
    }

    fn write(&self, name: &str, value: &impl Serialize, durable: bool) -> io::Result<()> {
        let (path, next) =
            (self.0.join(name), self.0.join(format!("{name}.{}", std::process::id())));
        let mut file = File::create(&next)?;
        file.write_all(&serde_json::to_vec_pretty(value)?)?;
        if durable {
            file.sync_all()?;
        }
        fs::rename(&next, &path)?;
        if durable { File::open(&self.0)?.sync_all() } else { Ok(()) }
    }
}
