//! Everything that is served, together: what handlers and tasks of the server hold.
//!
//! Whoever starts runs comes through here: [`House::arrived`] for a branch that points to another
//! commit, [`House::enqueue`] for everything else. What they are told is durable. It must not run them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use model::Secrets;
use model::context::Clock;
use runtime::engine::{Engine, Problem};
use runtime::keep::SERVED;
use runtime::lease::millis;
use runtime::store::{Cause, Millis, SqliteStore};
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::task::spawn_blocking;

use crate::folder::Folder;
use crate::http::Counters;
use crate::outside;
use crate::poll::Follows;
use crate::records::queue::{self, Moved};
use crate::records::{Grouped, QueuedRun, Records};
use crate::repository::{BRANCHES, CommitPipeline, changed, heads, is_nothing, leads_to, says};
use crate::schedule::Timetable;
use crate::serve::Begin;
use crate::settings::Settings;
use crate::trouble::{failed, usage};
use crate::troubles::Troubles;
use crate::webhook::Hooks;

/// Everything that is served. Held by all that serve it.
pub struct House {
    /// What lies where.
    pub folder: Folder,
    /// What the file says.
    pub settings: Settings,
    /// What is durable.
    pub records: Records,
    /// The secrets of the folder that is served, not those of its projects.
    pub secrets: Arc<dyn Secrets>,
    /// Requests, counted.
    pub(crate) counters: Counters,
    /// What webhooks are signed with, by repository.
    pub(crate) hooks: Hooks,
    /// Who follows what, and how that goes.
    pub(crate) follows: Follows,
    /// What the time starts.
    pub(crate) timetable: Timetable,
    /// What goes wrong in the background.
    pub(crate) troubles: Troubles,
    /// What opens for hooks of this process's own pushes.
    pub(crate) hook_key: String,
    /// Since when it serves.
    pub(crate) since: Instant,
    begin: Begin,
    engines: Mutex<HashMap<String, Engine>>,
    trees: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    address: OnceLock<String>,
    moved: watch::Sender<u64>,
    leaving: watch::Sender<bool>,
}

/// A branch that points to another commit than before.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The repository, by name.
    pub repository: String,
    /// The reference, such as `refs/heads/main`.
    pub reference: String,
    /// Where it pointed to; nothing, or only zeros: it is new.
    pub old: String,
    /// Where it points to now; only zeros: it is gone.
    pub new: String,
    /// How it came, in a word: `push`, `webhook`, `poll`.
    pub by: String,
}

/// A run that is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The repository, by name.
    pub repository: String,
    /// The name of the pipeline.
    pub pipeline: String,
    /// Its file, relative to the project.
    pub file: String,
    /// What it is for. Without an id it gets one of its own.
    pub cause: Cause,
    /// Parameters, by name.
    pub parameters: BTreeMap<String, String>,
    /// Which others it does not run beside.
    pub grouped: Option<Grouped>,
    /// See [`QueuedRun::course`].
    pub course: Option<String>,
    /// See [`QueuedRun::of`].
    pub of: Option<u64>,
    /// It is left out from the start: which newer one came before it.
    pub superseded: Option<String>,
}

/// How an arrival stands to what was seen.
struct Order {
    /// Where the branch was seen.
    after: Option<String>,
    /// A newer commit was seen before it.
    is_late: bool,
}

impl House {
    /// Puts together what is served.
    pub(crate) fn new(
        folder: Folder,
        settings: Settings,
        records: Records,
        secrets: Arc<dyn Secrets>,
        hooks: Hooks,
        begin: Begin,
    ) -> Self {
        let mut key = [0; 32];
        begin.random.fill(&mut key);
        Self {
            folder,
            settings,
            records,
            secrets,
            counters: Counters::default(),
            hooks,
            follows: Follows::default(),
            timetable: Timetable::default(),
            troubles: Troubles::default(),
            hook_key: hex(&key),
            since: Instant::now(),
            begin,
            engines: Mutex::default(),
            trees: Mutex::default(),
            address: OnceLock::new(),
            moved: watch::Sender::new(0),
            leaving: watch::Sender::new(false),
        }
    }

    /// Returns how this program is started, and what runs see of the environment.
    pub(crate) fn begin(&self) -> &Begin {
        &self.begin
    }

    /// Returns the time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.begin.clock
    }

    /// Returns the time now, in milliseconds since 1970.
    pub fn now(&self) -> Millis {
        millis(&*self.begin.clock)
    }

    /// Returns what is random, in hexadecimal digits.
    pub fn random(&self) -> String {
        let mut bytes = [0; 8];
        self.begin.random.fill(&mut bytes);
        hex(&bytes)
    }

    pub(crate) fn listens_at(&self, address: String) {
        _ = self.address.set(address);
    }

    /// Returns where hooks of this machine reach it: `http://127.0.0.1:7400`.
    pub fn own_address(&self) -> &str {
        self.address.get().map_or("", String::as_str)
    }

    /// Returns how people reach it, for links, without a slash at the end.
    pub fn url(&self) -> &str {
        match &self.settings.file.url {
            Some(url) => url.as_str().trim_end_matches('/'),
            None => self.own_address(),
        }
    }

    /// Returns the page of a run, for people.
    pub fn page_of(&self, run: &QueuedRun) -> String {
        format!("{}/runs/{}/{}", self.url(), run.repository, run.id)
    }

    /// Returns who hears of every change of the queue.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// Says that something in the queue is otherwise.
    pub(crate) fn has_changed(&self) {
        self.moved.send_modify(|count| *count += 1);
    }

    /// Returns who hears that the server is to end. Tasks in the background end then.
    pub fn leaving(&self) -> watch::Receiver<bool> {
        self.leaving.subscribe()
    }

    pub(crate) fn leave(&self) {
        self.leaving.send_replace(true);
    }

    pub(crate) fn leaves(&self) -> bool {
        *self.leaving.borrow()
    }

    /// Returns whether a repository of this name is served.
    pub fn knows(&self, repository: &str) -> bool {
        self.settings.file.repositories.keys().any(|name| name.0 == repository)
    }

    /// Returns whether a branch of a repository is followed.
    pub(crate) fn is_followed(&self, repository: &str, branch: &str) -> bool {
        outside::is_followed(&self.settings.file, repository, branch)
    }

    /// A branch points to another commit: its runs are queued, once, however often this is said.
    /// Returns them, and what is durable is so.
    ///
    /// # Errors
    /// The repository or the commit is not there.
    pub async fn arrived(&self, arrival: &Arrival) -> Result<Vec<QueuedRun>, Problem> {
        let Arrival { repository, reference, old, new, by } = arrival;
        if !self.knows(repository) {
            return Err(self.unknown(repository));
        }
        let Some(branch) = reference.strip_prefix(BRANCHES) else { return Ok(Vec::new()) };
        if let Some(missed) = self.missed(arrival).await? {
            Box::pin(self.arrived(&missed)).await?;
        }
        if is_nothing(new) {
            let (name, place) = (repository.clone(), reference.clone());
            let forget = move |records: &mut _| queue::forget(records, &name, &place);
            return self.records.ask(forget).await.map(|()| Vec::new());
        }
        let bare = self.folder.repository(repository);
        let says = says(&bare, new).await?;
        let asks = says.pipelines.iter().any(CommitPipeline::asks_for_paths);
        let files = if asks { changed(&bare, old, new).await } else { None };
        let mut wanted = Vec::new();
        for pipeline in &says.pipelines {
            if !pipeline.wants(branch, files.as_deref()) {
                continue;
            }
            let cause = Cause {
                id: self.random(),
                by: by.clone(),
                commit: new.clone(),
                branch: branch.to_owned(),
                author: says.author.clone(),
                title: says.title.clone(),
            };
            wanted.push(Wanted {
                repository: repository.clone(),
                pipeline: pipeline.name.clone(),
                file: pipeline.file.clone(),
                cause,
                grouped: pipeline.grouped.clone(),
                ..Wanted::default()
            });
        }
        loop {
            let order = self.order(arrival, &mut wanted).await?;
            let (arrival, wanted, now) = (arrival.clone(), wanted.clone(), self.now());
            let queued = self.records.ask(move |records| {
                let moved = Moved {
                    repository: &arrival.repository,
                    reference: &arrival.reference,
                    hash: &arrival.new,
                    after: order.after.as_deref(),
                    is_late: order.is_late,
                };
                let Some(ids) = queue::arrive(records, &moved, &wanted, now)? else {
                    return Ok(None);
                };
                let runs = ids.into_iter().map(|id| queue::run(records, id));
                runs.filter_map(Result::transpose).collect::<rusqlite::Result<_>>().map(Some)
            });
            if let Some(queued) = queued.await? {
                self.has_changed();
                return Ok(queued);
            }
        }
    }

    /// Where a branch was seen last.
    async fn seen_at(&self, repository: &str, branch: &str) -> Result<Option<String>, Problem> {
        let repository = repository.to_owned();
        let mut seen = self.records.ask(move |records| queue::seen(records, &repository)).await?;
        Ok(seen.remove(branch))
    }

    /// A push before this one, of which nobody was told: the server was killed as it came in.
    async fn missed(&self, arrival: &Arrival) -> Result<Option<Arrival>, Problem> {
        let Arrival { repository, reference, old, .. } = arrival;
        if is_nothing(old) {
            return Ok(None);
        }
        let before = self.seen_at(repository, reference).await?.unwrap_or_default();
        let bare = self.folder.repository(repository);
        let is_missed = before.is_empty() || before != *old && leads_to(&bare, &before, old).await;
        Ok(is_missed.then(|| Arrival { old: before, new: old.clone(), ..arrival.clone() }))
    }

    /// Where a branch was seen, and whether what arrives is older than that: hooks of two pushes may come
    /// in the other order. What a newer commit has started already is left out then.
    async fn order(&self, arrival: &Arrival, wanted: &mut [Wanted]) -> Result<Order, Problem> {
        let Arrival { repository, reference, new, .. } = arrival;
        let after = self.seen_at(repository, reference).await?;
        let bare = self.folder.repository(repository);
        let is_late = match &after {
            Some(after) if after != new => {
                let heads = heads(&bare).await?;
                let head = heads.iter().find(|(head, _)| head == reference).map(|(_, hash)| hash);
                head.is_some_and(|head| head != new)
                    && (head == Some(after) || leads_to(&bare, new, after).await)
            }
            _ => false,
        };
        for one in wanted {
            one.superseded = None;
            let like = one.clone();
            if is_late
                && let Some((id, commit)) =
                    self.records.ask(move |records| queue::newest_like(records, &like)).await?
                && (after.as_ref() == Some(&commit) || leads_to(&bare, new, &commit).await)
            {
                let commit = commit.get(..7).unwrap_or(&commit);
                one.superseded =
                    Some(format!("run {id}, of the newer commit {commit}, came first"));
            }
        }
        Ok(Order { after, is_late })
    }

    /// Queues a run.
    ///
    /// # Errors
    /// It cannot be kept.
    pub async fn enqueue(&self, wanted: Wanted) -> Result<u64, Problem> {
        if !self.knows(&wanted.repository) {
            return Err(self.unknown(&wanted.repository));
        }
        let mut wanted = wanted;
        if wanted.cause.id.is_empty() {
            wanted.cause.id = self.random();
        }
        let now = self.now();
        let id = self.records.ask(move |records| queue::enqueue(records, &wanted, now)).await?;
        self.has_changed();
        Ok(id)
    }

    /// Returns one run.
    ///
    /// # Errors
    /// The records cannot be read.
    pub async fn run(&self, id: u64) -> Result<Option<QueuedRun>, Problem> {
        self.records.ask(move |records| queue::run(records, id)).await
    }

    /// Says that there is no such repository, and which there are.
    pub(crate) fn unknown(&self, repository: &str) -> Problem {
        let names = || self.settings.file.repositories.keys().map(|name| name.0.as_str());
        let message = format!("there is no repository `{repository}` here");
        let help = match language::suggest::nearest(repository, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names().next().is_none() => {
                format!("write it into windlass.yml: repositories: {{ {repository}: {{}} }}")
            }
            None => format!(
                "there are {}; windlass.yml names them, under `repositories`",
                language::suggest::list(names())
            ),
        };
        usage(message, help)
    }

    /// Waits until nobody else works in a work tree, and keeps others out of it.
    pub(crate) async fn tree(&self, repository: &str) -> OwnedMutexGuard<()> {
        self.tree_lock(repository).lock_owned().await
    }

    /// As [`House::tree`], if nobody works in it now.
    pub(crate) fn idle_tree(&self, repository: &str) -> Option<OwnedMutexGuard<()>> {
        self.tree_lock(repository).try_lock_owned().ok()
    }

    fn tree_lock(&self, repository: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(trees.entry(repository.to_owned()).or_default())
    }

    /// Returns the engine of a repository's project; None: nothing has run there yet.
    ///
    /// # Errors
    /// Its store cannot be opened.
    pub async fn engine(self: &Arc<Self>, repository: &str) -> Result<Option<Engine>, Problem> {
        if let Some(engine) = self.opened().get(repository) {
            return Ok(Some(engine.clone()));
        }
        let (house, repository) = (Arc::clone(self), repository.to_owned());
        let opened = spawn_blocking(move || house.open(&repository)).await;
        opened.map_err(|error| failed(error.to_string()))?
    }

    fn open(&self, repository: &str) -> Result<Option<Engine>, Problem> {
        let project = self.folder.project(repository);
        if !SqliteStore::path(&project.home).is_file() {
            return Ok(None);
        }
        let mut outside = self.begin.outside();
        outside.environment.insert(SERVED.to_owned(), self.url().to_owned());
        let engine = Engine::open(project, self.begin.kinds.clone(), outside)?;
        Ok(Some(self.opened().entry(repository.to_owned()).or_insert(engine).clone()))
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, HashMap<String, Engine>> {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
