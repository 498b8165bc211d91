//! A project in a folder of its own, with a store, a world and an engine: plan and apply from text.
//!
//! Its clock is moved by hand. It must not decide what is right: tests do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use annotate_snippets::Renderer;
use language::render::render;
use model::Registry;
use model::context::Clock;
use model::event::Ending;
use model::plan::{Plan, Saved};
use runtime::engine::{
    ApplyOptions, Budget, Engine, Outside, PlanRequest, Planned, Problem, Report,
};
use runtime::project::Project;
use runtime::secret::{Key, VARIABLE, Vault};
use runtime::store::{MemoryStore, SqliteStore, Store};
use runtime::walk::{Stop, Unobserved};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::outside::{HandClock, Seeded};
use crate::toy;
use crate::world::World;

/// The file into which stacks are written, as it is named in reasons and errors.
pub const FILE: &str = "stack.yml";

static ENGINES: AtomicU64 = AtomicU64::new(0);

/// See the module. The folder goes with the last lab in it.
pub struct Lab {
    /// Where effects happen.
    pub world: Arc<World>,
    /// Where state is kept.
    pub store: Arc<dyn Store>,
    /// What is tested.
    pub engine: Engine,
    /// The time.
    pub clock: Arc<HandClock>,
    /// How plans are applied; as much may be deleted as they say.
    pub options: ApplyOptions,
    kinds: fn(&Arc<World>) -> Registry,
    /// By name. Another text is another engine.
    secrets: BTreeMap<String, String>,
    applied: AtomicUsize,
    folder: Arc<TempDir>,
}

impl Lab {
    /// Returns a lab of the toy kinds with a store in memory.
    pub fn toys() -> Self {
        let store = |kinds| Arc::new(MemoryStore::new("lab", kinds)) as Arc<dyn Store>;
        Self::new(toy::registry, |_, kinds| store(kinds))
    }

    /// Returns a lab of the toy kinds with a store on disk.
    pub fn toys_on_disk() -> Self {
        Self::new(toy::registry, |folder, kinds| Arc::new(on_disk(folder, kinds)))
    }

    /// Returns a lab of these kinds with this store in its folder.
    pub fn new(
        kinds: fn(&Arc<World>) -> Registry,
        store: impl FnOnce(&Path, Registry) -> Arc<dyn Store>,
    ) -> Self {
        let folder = Arc::new(folder());
        let world = World::new();
        let store = store(folder.path(), kinds(&world));
        let secrets = BTreeMap::from([("token".to_owned(), "first text".to_owned())]);
        Self::made(kinds, (folder, secrets), world, store, Arc::default())
    }

    /// Returns a lab in the same folder with another world and another store.
    pub fn fork(&self, world: Arc<World>, store: Arc<dyn Store>) -> Self {
        let place = (Arc::clone(&self.folder), self.secrets.clone());
        let clock = Arc::clone(&self.clock);
        Self { options: self.options.clone(), ..Self::made(self.kinds, place, world, store, clock) }
    }

    fn made(
        kinds: fn(&Arc<World>) -> Registry,
        (folder, secrets): (Arc<TempDir>, BTreeMap<String, String>),
        world: Arc<World>,
        store: Arc<dyn Store>,
        clock: Arc<HandClock>,
    ) -> Self {
        world.set_witness(&store);
        let options = ApplyOptions { budget: Budget::Everything, ..ApplyOptions::default() };
        let engine = engine(folder.path(), kinds(&world), &secrets, &store, clock.clone());
        let applied = AtomicUsize::default();
        Self { world, store, engine, clock, options, kinds, secrets, applied, folder }
    }

    /// Returns the project's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the project.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Gives a secret another text.
    pub fn rotate(&mut self, name: &str, text: &str) {
        self.secrets.insert(name.to_owned(), text.to_owned());
        self.restart(Arc::clone(&self.store));
    }

    /// Goes on as another process would, over this store: the lease of the one before has ended.
    pub fn restart(&mut self, store: Arc<dyn Store>) {
        self.clock.advance(Duration::from_mins(1));
        let kinds = (self.kinds)(&self.world);
        self.world.set_witness(&store);
        let clock = self.clock.clone();
        self.engine = engine(self.folder.path(), kinds, &self.secrets, &store, clock);
        self.store = store;
    }

    /// Opens the store on disk once more.
    pub fn reopened(&self) -> Arc<dyn Store> {
        Arc::new(on_disk(self.folder.path(), (self.kinds)(&self.world)))
    }

    /// Returns a request to plan this text.
    pub fn request(&self, text: &str) -> PlanRequest {
        self.write(FILE, text);
        PlanRequest::of(FILE)
    }

    /// Plans this text, or says what is wrong with it.
    ///
    /// # Errors
    /// Everything that is wrong, as a person would see it.
    pub async fn plan(&self, text: &str) -> Result<Planned, String> {
        self.planned(&self.request(text)).await
    }

    /// Plans what is asked for.
    ///
    /// # Errors
    /// Everything that is wrong, as a person would see it.
    pub async fn planned(&self, request: &PlanRequest) -> Result<Planned, String> {
        self.engine.plan(request).await.map_err(said)
    }

    /// Applies a plan that was saved and opened again, and returns what went wrong, by step.
    pub async fn apply(&self, plan: Plan) -> Vec<String> {
        match self.report(plan).await {
            Ok(report) => troubles(&report),
            Err(problem) => vec![said(problem)],
        }
    }

    /// Applies a plan that was saved and opened again.
    ///
    /// # Errors
    /// It was not begun, or could not go on.
    pub async fn report(&self, plan: Plan) -> Result<Report, Problem> {
        let id =
            format!("{}-{}", self.store.runs(None, 1)?.len(), self.applied.fetch_add(1, Relaxed));
        let id = format!("{id}-{:p}", &raw const *self);
        let saved = Saved::open(&plan.saved(id).to_json()).unwrap();
        let (_stop, stopped) = watch::channel(Stop::No);
        let observer = Arc::new(Unobserved);
        self.engine.apply(saved.plan, Some(saved.id), &self.options, observer, stopped).await
    }

    /// Settles, plans and applies until nothing is left to do or nothing more can be done; returns
    /// what went wrong last.
    ///
    /// # Panics
    /// It goes on and on.
    pub async fn converge(&self, request: &PlanRequest, stack: &str) -> Vec<String> {
        let mut last = None;
        for _ in 0..8 {
            let settled = self.engine.settle(stack, self.options.terms, |_| {}).await;
            settled.unwrap_or_else(|problem| panic!("{}", said(problem)));
            let plan = self.planned(request).await.unwrap_or_else(|why| panic!("{why}")).plan;
            if plan.is_empty() {
                return Vec::new();
            }
            let names: Vec<String> = plan.steps.iter().map(|step| step.name.to_string()).collect();
            let troubles = self.apply(plan).await;
            let round = (names, troubles.clone());
            if !troubles.is_empty() && last.as_ref() == Some(&round) {
                return troubles;
            }
            last = Some(round);
        }
        panic!("it goes on and on: {last:?}")
    }
}

/// Returns a problem as a person would see it, without colour.
pub fn said(problem: Problem) -> String {
    match problem {
        Problem::Files(wrong) => render(wrong.diagnostics, &wrong.sources, &Renderer::plain()),
        other => other.message(),
    }
}

/// Returns what went wrong, by step.
pub fn troubles(report: &Report) -> Vec<String> {
    let trouble = |step: &runtime::engine::StepReport| {
        let why = match &step.ending {
            None => "was left".to_owned(),
            Some(Ending::Blocked { by }) => format!("blocked by {by}"),
            Some(ending) => ending.fault().map_or("is not done", |fault| &fault.message).to_owned(),
        };
        format!("{}: {why}", step.address)
    };
    report.troubles.iter().map(trouble).collect()
}

/// In memory where there is such a place: these folders see many small files.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("windlass-lab-").tempdir_in(place).unwrap()
}

fn on_disk(folder: &Path, kinds: Registry) -> SqliteStore {
    let path = SqliteStore::path(folder);
    SqliteStore::open(&path, "lab", kinds).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns an engine over a project's folder and a store.
pub fn engine(
    folder: &Path,
    kinds: Registry,
    secrets: &BTreeMap<String, String>,
    store: &Arc<dyn Store>,
    clock: Arc<dyn Clock>,
) -> Engine {
    let home = folder.join(".windlass");
    std::fs::create_dir_all(&home).unwrap();
    let key = Key::open(&home.join("key"), &Seeded::new(7)).unwrap();
    let variable = |(name, text): (&String, &String)| {
        (format!("{VARIABLE}{}", name.to_uppercase()), text.clone())
    };
    let environment: BTreeMap<String, String> = secrets.iter().map(variable).collect();
    let vault = Vault::open(folder, &home, key, &environment).unwrap();
    let project = Project { root: folder.to_owned(), home };
    let program = PathBuf::from("/bin/false");
    // Each engine draws other numbers than the one before, as in life.
    let random = Arc::new(Seeded::new(ENGINES.fetch_add(1, Relaxed)));
    let outside = Outside { program, environment, clock, random };
    Engine::with(project, kinds, outside, Arc::clone(store), Arc::new(vault))
}
