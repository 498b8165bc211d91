//! A project of its own for each test: a folder, secrets in memory, a clock that stands still and
//! randomness of its own: commands that only look are ended by tokens that are made of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use language::{Diagnostics, Document, Sources};
use model::context::{Clock, Progress, Random, Site};
use model::value::{Reading, Tree};
use model::{Context, Digest, Erased, Fault, SecretText, Secrets, Token, Value};
use tempfile::TempDir;

/// A project in a folder of its own, which goes when it is dropped.
pub(crate) struct Lab {
    folder: TempDir,
    pub(crate) context: Context,
    pub(crate) vault: Arc<Vault>,
    pub(crate) said: Arc<Said>,
    tokens: AtomicU64,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]))
    }

    /// Commands start from this environment.
    pub(crate) fn with(environment: BTreeMap<String, String>) -> Self {
        let folder = tempfile::Builder::new().prefix("windlass-lab-").tempdir().unwrap();
        let project = folder.path().canonicalize().unwrap();
        let (vault, said) = (Arc::new(Vault::default()), Arc::new(Said::default()));
        let site = Site {
            home: project.join(".windlass"),
            random: Arc::new(Seeded(project.to_string_lossy().into_owned(), AtomicU64::new(1))),
            project,
            program: PathBuf::from("/bin/false"),
            environment,
            secrets: vault.clone(),
            clock: Arc::new(Still),
        };
        let context = Context {
            stack: "lab".into(),
            address: "thing".into(),
            site: Arc::new(site),
            progress: said.clone(),
        };
        Self { folder, context, vault, said, tokens: AtomicU64::new(0) }
    }

    /// Returns a place in the project.
    pub(crate) fn place(&self, path: &str) -> PathBuf {
        self.context.place(path)
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let place = self.place(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, text).unwrap();
        place
    }

    /// Returns a file of the project.
    pub(crate) fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.place(path)).unwrap()
    }

    /// Returns the names in a folder of the project, sorted.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.place(path)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Returns the token of another effect. No two labs have the same: processes are ended by it.
    pub(crate) fn token(&self) -> Token {
        let generation = self.tokens.fetch_add(1, Ordering::Relaxed);
        Token::of(&self.context.site.project.to_string_lossy(), "lab", "thing", generation)
    }

    /// Reads the keys of a resource as its author writes them; `${secret.…}` are handles.
    pub(crate) fn tree(&self, yaml: &str) -> Tree {
        tree(yaml, &*self.vault)
    }

    /// Keeps files in the folder, for a person to look at after a failure.
    #[allow(dead_code, reason = "for the moment in which a test is being written")]
    pub(crate) fn stay(self) -> PathBuf {
        self.folder.keep()
    }
}

/// Runs work in a thread of its own, which has changed something for itself alone before: its user.
pub(crate) fn alone<T: Send>(
    change: impl FnOnce() + Send,
    work: impl AsyncFnOnce() -> T + Send,
) -> T {
    let run = || {
        change();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work())
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}

/// Lets this thread be a user who may do nothing.
pub(crate) fn become_nobody() {
    use rustix::process::{Gid, Uid};
    if rustix::process::geteuid().is_root() {
        let (gid, uid) = (Gid::from_raw(65534), Uid::from_raw(65534));
        rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
    }
}

/// Gives this thread a umask of its own.
#[expect(deprecated, reason = "unsafe are other flags: this one parts folder and umask alone")]
pub(crate) fn own_umask(mask: u32) {
    rustix::thread::unshare(rustix::thread::UnshareFlags::FS).unwrap();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
}

/// Returns the kind of this name.
pub(crate) fn kind(name: &str) -> Arc<Erased> {
    providers::kinds().get(name).unwrap_or_else(|| panic!("there is no kind {name}")).clone()
}

/// Reads keys as an author writes them.
pub(crate) fn tree(yaml: &str, secrets: &dyn Secrets) -> Tree {
    match value(Document::value(yaml).root(), secrets) {
        Value::Map(tree) => tree,
        Value::Null => Tree::new(),
        other => panic!("keys are wanted, not {other:?}"),
    }
}

/// Reads a value; `${secret.x}` is a handle and `sealed(text)` is what is kept of text with
/// secrets.
pub(crate) fn value(node: language::Node<'_>, secrets: &dyn Secrets) -> Value {
    let mut readings = |path: &str| {
        let name = path.strip_prefix("secret.").ok_or_else(|| format!("what is `{path}`?"))?;
        let handle = model::secret::handle(secrets, name);
        handle.map(Reading::Known).ok_or_else(|| format!("there is no secret {name}"))
    };
    sealed(Value::resolve(node, &mut readings).unwrap(), secrets)
}

fn sealed(value: Value, secrets: &dyn Secrets) -> Value {
    match value {
        Value::Text(text) | Value::Plain(text)
            if text.starts_with("sealed(") && text.ends_with(')') =>
        {
            Value::Sealed(secrets.hash(&text["sealed(".len()..text.len() - 1]))
        }
        Value::List(items) => {
            Value::List(items.into_iter().map(|item| sealed(item, secrets)).collect())
        }
        Value::Map(tree) => {
            Value::Map(tree.into_iter().map(|(key, item)| (key, sealed(item, secrets))).collect())
        }
        other => other,
    }
}

/// Parses a file and refuses errors.
pub(crate) fn parse(name: &str, text: &str) -> Document {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let id = sources.add(name, text);
    let document = Document::parse(&sources, id, &mut diagnostics);
    assert!(diagnostics.is_empty(), "{name}: {diagnostics:#?}");
    document
}

/// Secrets in memory.
pub(crate) struct Vault(Mutex<BTreeMap<String, String>>);

impl Default for Vault {
    fn default() -> Self {
        let known = [("api", "canary-of-api-7431"), ("db", "canary&of\"db\" 9026")];
        Self(Mutex::new(known.map(|(name, text)| (name.to_owned(), text.to_owned())).into()))
    }
}

impl Vault {
    pub(crate) fn set(&self, name: &str, text: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), text.to_owned());
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().values().cloned().collect()
    }
}

impl Secrets for Vault {
    fn reveal(&self, name: &str) -> Option<SecretText> {
        let vault = self.0.lock().unwrap();
        // As the engine: a shorter one could not be covered in logs.
        vault.get(name).filter(|text| text.len() >= 6).map(SecretText::new)
    }

    fn hash(&self, text: &str) -> Digest {
        Digest::of(blake3::keyed_hash(&[7; 32], text.as_bytes()).as_bytes())
    }

    fn keep(&self, name: &str, text: &SecretText) -> Result<(), Fault> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(name.chars().all(fits), "`{name}` is no name for a secret that is kept");
        self.set(name, text.expose());
        Ok(())
    }

    fn forget(&self, name: &str) -> Result<(), Fault> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}

/// What a kind has said while it worked.
#[derive(Default)]
pub(crate) struct Said(Mutex<Vec<String>>);

impl Said {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Progress for Said {
    fn status(&self, text: &str) {
        self.0.lock().unwrap().push(format!("({text})"));
    }

    fn line(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }
}

/// No two labs have the same, and no two calls.
struct Seeded(String, AtomicU64);

impl Random for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        let seed = format!("{} {}", self.0, self.1.fetch_add(1, Ordering::Relaxed));
        blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(buffer);
    }
}
