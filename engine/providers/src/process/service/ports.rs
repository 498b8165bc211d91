//! Which service has which port: chosen once, and its own from then on, whether it runs or not.
//!
//! Several services may choose at once, of several stacks, so the list is behind a lock.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Fault;
use rustix::fs::{FlockOperation, flock};
use tokio::time::sleep;

use super::listener;

/// So many of those in the way are named.
const NAMED: usize = 3;

/// The ports of a project's services.
pub(super) struct Ports {
    folder: PathBuf,
}

impl Ports {
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    /// Returns the port of a service: the one it has, if it is one of these, or a free one.
    pub(super) async fn choose(
        &self,
        name: &str,
        had: Option<u16>,
        range: &RangeInclusive<u16>,
    ) -> Result<u16, Fault> {
        let unkept = |error: io::Error| {
            let folder = self.folder.display();
            Fault::broken(format!("the list of ports in {folder} cannot be kept: {error}"))
        };
        let _lock = self.lock().await.map_err(unkept)?;
        let mut all = self.read();
        let own = all.get(name).copied().or(had).filter(|port| range.contains(port));
        let port = match own {
            Some(port) => port,
            None => free(range, &all)?,
        };
        all.insert(name.to_owned(), port);
        self.write(&all).map_err(unkept)?;
        Ok(port)
    }

    /// Gives the port of a service back.
    pub(super) async fn release(&self, name: &str) {
        // What cannot be given back is only one port less.
        if let Ok(_lock) = self.lock().await {
            let mut all = self.read();
            if all.remove(name).is_some() {
                _ = self.write(&all);
            }
        }
    }

    async fn lock(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let options = options.create(true).append(true).mode(0o600);
        let lock = options.open(self.folder.join("ports.lock"))?;
        while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            sleep(Duration::from_millis(2)).await;
        }
        Ok(lock)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("ports.list")
    }

    /// A list that cannot be read is empty: what runs is seen to listen all the same.
    fn read(&self) -> BTreeMap<String, u16> {
        let bytes = fs::read(self.file()).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn write(&self, all: &BTreeMap<String, u16>) -> io::Result<()> {
        let new = self.file().with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(all)?)?;
        file.sync_all()?;
        fs::rename(new, self.file())
    }
}

/// Refuses a port on which somebody else listens.
pub(crate) fn refuse_taken(port: u16, wanted_by: &str) -> Result<(), Fault> {
    match listener::on(port) {
        None => Ok(()),
        Some(who) => Err(Fault::refused(format!("port {port} is taken by {who}"))
            .help(format!("end that, or give this {wanted_by} another port"))),
    }
}

fn free(range: &RangeInclusive<u16>, all: &BTreeMap<String, u16>) -> Result<u16, Fault> {
    let mut busy = vec![];
    for port in range.clone() {
        if let Some((name, _)) = all.iter().find(|(_, other)| **other == port) {
            busy.push(format!("{port} belongs to {name}"));
            continue;
        }
        match TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)) {
            Ok(_) => return Ok(port),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let who =
                    listener::on(port).map_or_else(|| "nobody known".into(), |w| w.to_string());
                busy.push(format!("{port} is taken by {who}"));
            }
            Err(error) => busy.push(format!("{port}: {error}")),
        }
    }
    Err(none_free(range, &busy))
}

fn none_free(range: &RangeInclusive<u16>, busy: &[String]) -> Fault {
    let named = busy[..busy.len().min(NAMED)].join(", ");
    let more = match busy.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (first, last) = (range.start(), range.end());
    let message = format!("no port of {first}-{last} is free: {named}{more}");
    Fault::refused(message).help("widen `ports`, or end what is in the way")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_service_keeps_its_port_and_no_other_gets_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let ports = Ports::of(folder.path());
        let range = 42_300..=42_310;
        let web = ports.choose("web", None, &range).await.expect("a port");
        let api = ports.choose("api", None, &range).await.expect("a port");
        assert_ne!(web, api);
        assert_eq!(ports.choose("web", None, &range).await.expect("a port"), web);
        let one = web..=web;
        let fault = ports.choose("third", None, &one).await.expect_err("none");
        assert_eq!(fault.message, format!("no port of {web}-{web} is free: {web} belongs to web"));
        ports.release("web").await;
        assert_eq!(ports.choose("third", None, &one).await.expect("a port"), web);
    }

    #[tokio::test]
    async fn a_port_that_is_no_longer_wanted_is_changed_and_one_from_the_state_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let ports = Ports::of(folder.path());
        assert_eq!(ports.choose("web", Some(42_325), &(42_320..=42_330)).await, Ok(42_325));
        let moved = ports.choose("web", Some(42_325), &(42_331..=42_339)).await.expect("a port");
        assert!((42_331..=42_339).contains(&moved));
    }

    #[tokio::test]
    async fn who_is_in_the_way_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let me = std::process::id();
        let chosen = Ports::of(folder.path()).choose("web", None, &(port..=port)).await;
        let message = chosen.expect_err("none is free").message;
        assert!(message.contains(&format!("(pid {me})")), "{message}");
        let fault = refuse_taken(port, "service").expect_err("taken");
        assert!(fault.message.starts_with(&format!("port {port} is taken by ")), "{fault}");
        assert!(fault.help.is_some());
    }
}
