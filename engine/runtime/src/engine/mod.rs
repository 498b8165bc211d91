//! Everything together: what the command line and the server call.
//!
//! Planning takes no lock and changes nothing. Applying holds the lease of the stack, settles what a
//! dead run left in doubt, and walks. It must not print, nor ask a person.

mod actions;
mod apply;
mod back;
mod files;
mod gates;
mod problem;
mod prune;
mod runs;
mod shell;
mod state;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Registry;
use model::context::{Clock, Random, Silent, Site};
use model::{Context, Secrets};

pub use actions::{ActRequest, Acted};
pub use apply::{ApplyOptions, Budget, Report, Settled, StepReport, open_plan};
pub use files::{Checked, Loaded, PlanRequest, Planned, check};
pub use gates::{Answer, Groups};
pub use problem::{Problem, Wrong};
pub use prune::{KEPT_RUNS, Pruned};
pub use runs::{Course, RunDetails, RunRequest, StepDetails};
pub use shell::Surroundings;
pub use state::Resource;

use crate::keep::SERVED;
use crate::project::Project;
use crate::sealing::Sealing;
use crate::secret::{FILE, Key, OPENER, Vault};
use crate::store::{SqliteStore, Store};

/// What the engine is handed from outside: it reads no environment, clock or randomness by itself.
pub struct Outside {
    /// How to start this program again.
    pub program: PathBuf,
    /// The environment of who called.
    pub environment: BTreeMap<String, String>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness fit for keys.
    pub random: Arc<dyn Random>,
}

/// The engine of one project. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    /// Its folder.
    pub project: Project,
    /// THE list.
    pub kinds: Arc<Registry>,
    /// Where runs and state are kept.
    pub store: Arc<dyn Store>,
    /// Its secrets.
    pub vault: Arc<Vault>,
    /// What kinds are handed.
    pub site: Arc<Site>,
}

impl Engine {
    /// Opens the engine of a project; its home is made if it is not there.
    pub fn open(project: Project, kinds: Registry, outside: Outside) -> Result<Self, Problem> {
        let home = &project.home;
        make_home(home).map_err(|error| {
            Problem::failed(format!("cannot make {}: {error}", home.display()))
                .help("even a plan has to: make the folder writable, or plan in a copy of it")
        })?;
        writable(home)?;
        nothing_is_lost(home)?;
        let key_path = home.join("key");
        let served = outside.environment.contains_key(SERVED);
        if !key_path.exists() {
            no_key_is_missed(&project, served)?;
        }
        let key = Key::open(&key_path, &*outside.random).map_err(|error| {
            Problem::failed(format!("the project's key {}: {error}", key_path.display()))
        })?;
        let vault =
            Vault::open(&project.root, home, key, &outside.environment).map_err(|error| {
                Problem::failed(error.to_string()).help(other_key(&project, served))
            })?;
        let mut name = [0; 8];
        outside.random.fill(&mut name);
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let store = SqliteStore::open(&SqliteStore::path(home), &name, kinds.clone())
            .map_err(Problem::Store)?;
        Ok(Self::with(project, kinds, outside, Arc::new(store), Arc::new(vault)))
    }

    /// Returns the engine over a store that is open already.
    pub fn with(
        project: Project,
        kinds: Registry,
        outside: Outside,
        store: Arc<dyn Store>,
        vault: Arc<Vault>,
    ) -> Self {
        let Outside { program, environment, clock, random } = outside;
        let secrets = Arc::clone(&vault) as Arc<dyn Secrets>;
        let environment: BTreeMap<String, String> = environment
            .into_iter()
            .filter(|(name, _)| !name.starts_with(crate::secret::VARIABLE))
            .collect();
        let site = Arc::new(Site {
            project: project.root.clone(),
            home: project.home.clone(),
            program,
            environment,
            secrets,
            clock,
            random,
        });
        Self { project, kinds: Arc::new(kinds), store, vault, site }
    }

    /// Returns what takes secrets out of what is kept or shown.
    pub fn sealing(&self) -> Arc<dyn Sealing> {
        Arc::clone(&self.vault) as Arc<dyn Sealing>
    }

    fn context(&self, stack: &str) -> Context {
        Context {
            stack: stack.into(),
            address: "".into(),
            site: Arc::clone(&self.site),
            progress: Arc::new(Silent),
        }
    }

    fn now(&self) -> u64 {
        crate::lease::millis(&*self.site.clock)
    }
}

/// A new key would hide that the old one is missing: what it encrypted could not be read, and what it
/// hashed would all differ.
fn no_key_is_missed(project: &Project, served: bool) -> Result<(), Problem> {
    let home = &project.home;
    let has_opener = home.join(OPENER).symlink_metadata().is_ok();
    let own = [SqliteStore::path(home), home.join(crate::secret::KEPT)];
    let file = (!has_opener).then(|| project.root.join(FILE));
    let made_with_it: Vec<PathBuf> = file.into_iter().chain(own).collect();
    let Some(made) = made_with_it.iter().find(|path| path.exists()) else { return Ok(()) };
    if served && made.ends_with(FILE) {
        let message = format!("nothing opens {FILE}: its key is not on this server");
        return Err(Problem::failed(message).help(other_key(project, served)));
    }
    let made = project.relative(made);
    let (made, key) = (made.display(), home.join("key"));
    let message = format!("the project's key is not there, and {made} was made with it");
    let help = format!(
        "put a copy of it at {}; if it is lost for good, move {made} away, set the secrets again and \
         `windlass import` what exists",
        key.display()
    );
    Err(Problem::failed(message).help(help))
}

/// What to do where the file of secrets was made with another key.
fn other_key(project: &Project, served: bool) -> String {
    if !served {
        return "it is encrypted for the key in .windlass/key: put back a copy of that key"
            .to_owned();
    }
    let name = project.root.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "copy .windlass/key of the project in which the secrets are set to the server, beside its \
         windlass.yml, as {name}.key; chmod 600 {name}.key; write `repositories: {{ {name}: {{ \
         secrets_key: {name}.key }} }}` into windlass.yml, and start `windlass serve` again"
    )
}

/// The store is opened by whoever plans, too: it has a journal beside it.
fn writable(home: &Path) -> Result<(), Problem> {
    rustix::fs::access(home, rustix::fs::Access::WRITE_OK).map_err(|error| {
        Problem::failed(format!("cannot write to {}: {error}", home.display()))
            .help("even a plan has to: make it writable, or plan in a copy of the project's folder")
    })
}

/// An empty store would be taken for one of a project in which nothing was applied yet.
fn nothing_is_lost(home: &Path) -> Result<(), Problem> {
    let length = |path: PathBuf| fs::metadata(path).map(|found| found.len()).ok();
    let (store, journal) = (SqliteStore::path(home), home.join("store.db-wal"));
    let is_empty = length(store.clone()) == Some(0) && length(journal).unwrap_or(0) == 0;
    if !is_empty || !home.join("logs").is_dir() {
        return Ok(());
    }
    let store = store.display();
    Err(Problem::failed(format!("{store} is empty, and runs were kept in it")).help(
        "put back a copy of it; if there is none, move it away and `windlass import` what exists",
    ))
}

/// For the owner alone, and never in Git.
fn make_home(home: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(home)?;
    let ignore = home.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    Ok(())
}
