//! What comes from outside and goes there, with real repositories and real connections, and a clock that is
//! handed in. No run is begun: what is looked at is the queue.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod api;
mod following;
mod hooks;
mod pruning;
mod remote;
mod statuses;
mod times;
mod turns;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use language::{Diagnostics, Document, Sources};
use model::context::{Clock, Random};
use model::file::server;
use model::{Digest, Fault, Registry, SecretText, Secrets};
use runtime::engine::Problem;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::folder::Folder;
use crate::house::House;
use crate::records::{QueuedRun, Records, queue};
use crate::repository::host;
use crate::serve::Begin;
use crate::settings::Settings;

/// What must go well.
trait Fine<T> {
    fn fine(self) -> T;
}

impl<T> Fine<T> for Result<T, Problem> {
    fn fine(self) -> T {
        self.unwrap_or_else(|problem| panic!("{}", crate::trouble::in_words(&problem)))
    }
}

/// A clock that stands where it is put.
struct Put(Mutex<Timestamp>);

impl Clock for Put {
    fn now(&self) -> SystemTime {
        (*self.0.lock().unwrap()).into()
    }
}

struct Counted(Mutex<u64>);

impl Random for Counted {
    fn fill(&self, buffer: &mut [u8]) {
        let mut count = self.0.lock().unwrap();
        for piece in buffer.chunks_mut(8) {
            *count += 1;
            let hash = blake3::hash(&count.to_le_bytes());
            piece.copy_from_slice(&hash.as_bytes()[..piece.len()]);
        }
    }
}

/// Every secret is its name, turned round.
struct Turned;

impl Secrets for Turned {
    fn reveal(&self, name: &str) -> Option<SecretText> {
        Some(SecretText::new(name.chars().rev().collect::<String>()))
    }

    fn hash(&self, text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn keep(&self, _: &str, _: &SecretText) -> Result<(), Fault> {
        Err(Fault::refused("nothing is kept here"))
    }

    fn forget(&self, _: &str) -> Result<(), Fault> {
        Ok(())
    }
}

/// A server in its folder.
struct Bench {
    folder: Arc<TempDir>,
    file: String,
    clock: Arc<Put>,
    house: Arc<House>,
    listening: JoinHandle<()>,
}

impl Bench {
    /// Serves what stands in `windlass.yml` after its name.
    async fn of(file: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let clock = Arc::new(Put(Mutex::new("2026-11-20T12:00:00Z".parse().unwrap())));
        Self::begun(folder, format!("server: lab\n{file}"), clock).await
    }

    async fn begun(folder: Arc<TempDir>, file: String, clock: Arc<Put>) -> Self {
        let (house, listening) = open(folder.path(), &file, &clock).await;
        Self { folder, file, clock, house, listening }
    }

    /// Ends everything that goes on, at once, and begins anew from what is on disk.
    async fn die_and_come(self) -> Self {
        let (file, clock) = (self.file.clone(), Arc::clone(&self.clock));
        let folder = Arc::clone(&self.folder);
        drop(self);
        Self::begun(folder, file, clock).await
    }

    fn put_clock(&self, time: &str) {
        *self.clock.0.lock().unwrap() = time.parse().unwrap();
    }

    /// All runs, oldest first.
    async fn runs(&self) -> Vec<QueuedRun> {
        let all = |records: &mut _| queue::list(records, None, None, 1_000);
        let mut runs = self.house.records.ask(all).await.fine();
        runs.reverse();
        runs
    }

    /// Waits until something is so, and says what is if it never comes.
    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while !is_so(self).await {
            let troubles = self.house.troubles.list();
            assert!(tokio::time::Instant::now() < deadline, "never: {what}; {troubles:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.house.leave();
        self.listening.abort();
    }
}

async fn open(root: &Path, file: &str, clock: &Arc<Put>) -> (Arc<House>, JoinHandle<()>) {
    let folder = Folder::open(root).fine();
    let records = Records::open(&folder.records()).fine();
    let (mut sources, mut wrong) = (Sources::default(), Diagnostics::default());
    let id = sources.add("windlass.yml", file);
    let document = Document::parse(&sources, id, &mut wrong);
    let read = server::read(&document, &mut wrong);
    let wrong: Vec<_> = wrong.iter().map(|one| one.message.clone()).collect();
    let settings =
        Settings { file: read.unwrap_or_else(|| panic!("{wrong:?}")), tokens: BTreeMap::new() };
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    let begin = Begin {
        program: root.join("program"),
        environment: BTreeMap::new(),
        clock,
        random: Arc::new(Counted(Mutex::new(0))),
        kinds: Registry::new([]),
        listen: None,
    };
    let hooks = crate::outside::hooks(&settings.file, &Turned).fine();
    let house = House::new(folder, settings, records, Arc::new(Turned), hooks, begin);
    let house = Arc::new(house);
    for name in house.settings.file.repositories.keys() {
        host(&house.folder.repository(&name.0)).await.fine();
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    house.listens_at(format!("http://{}", listener.local_addr().unwrap()));
    let listening = tokio::spawn(crate::http::listen(Arc::clone(&house), listener));
    (house, listening)
}
