//! Processes that other tests start: this same program in another part, told by its environment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::event::Ending;
use model::ledger::{StepId, Steps};
use model::plan::Step;
use runtime::engine::{ApplyOptions, Budget, Engine, PlanRequest};
use runtime::lease::Terms;
use runtime::store::{RunId, SqliteStore, Store};
use runtime::walk::{Observer, Stop, Unobserved};
use testkit::lab::{FILE, engine, said};
use testkit::outside::RealClock;
use testkit::{World, toy};
use tokio::sync::watch;

const PART: &str = "WINDLASS_TEST_PART";
const FOLDER: &str = "WINDLASS_TEST_FOLDER";

/// How long the lease of a child lasts without being renewed.
pub(crate) const LEASE: Duration = Duration::from_millis(900);

/// A child; it ends with the test, however that goes.
pub(crate) struct Child {
    pub process: std::process::Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Child {
    /// Starts this program in one of the parts below.
    pub(crate) fn start(part: &str, folder: &Path, environment: &[(&str, &Path)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::plays_its_part", "--ignored", "--nocapture"]);
        command.env(PART, part).env(FOLDER, folder).envs(environment.iter().copied());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// Waits for a line of its output that holds this; returns what came until then if none does.
    pub(crate) fn says(&mut self, text: &str) -> Result<String, String> {
        let mut all = String::new();
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if line.contains(text) {
                return Ok(line);
            }
            _ = write!(all, "{}", std::mem::take(&mut line));
        }
        Err(all)
    }

    /// Ends it where it stands.
    pub(crate) fn kill(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
#[ignore = "a process that other tests start"]
fn plays_its_part() {
    let Ok(part) = std::env::var(PART) else { return };
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    let life = async {
        match part.as_str() {
            "apply on and on" => apply_on_and_on(&folder).await,
            "apply slowly" => apply_slowly(&folder).await,
            other => panic!("what is `{other}`?"),
        }
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(life);
}

/// Opens the engine of a folder over the store in it.
pub(crate) fn open(folder: &Path, world: &Arc<World>) -> Engine {
    let kinds = toy::registry(world);
    let store = SqliteStore::open(&SqliteStore::path(folder), "lab", kinds.clone()).unwrap();
    let store = Arc::new(store) as Arc<dyn Store>;
    engine(folder, kinds, &BTreeMap::new(), &store, Arc::new(RealClock))
}

/// Applies one edit after the other; what happens is written to `effects`, and that is no part of what
/// a power cut may take.
async fn apply_on_and_on(folder: &Path) {
    let world = World::new();
    let effects =
        OpenOptions::new().create(true).append(true).open(folder.join("effects")).unwrap();
    world.set_echo(effects);
    let engine = open(folder, &world);
    say("begun");
    for round in 0.. {
        let mut text = "stack: shop\nresources:\n".to_owned();
        for at in 0..12 {
            let input =
                if at % 4 == 0 { round.to_string() } else { format!("${{v{}.output}}", at - 1) };
            _ = writeln!(text, "  v{at}: {{ kind: toy.value, input: \"{input}\" }}");
        }
        std::fs::write(folder.join(FILE), text).unwrap();
        let plan = engine.plan(&PlanRequest::of(FILE)).await.map_err(said).unwrap().plan;
        let (_stop, stopped) = watch::channel(Stop::No);
        let options = ApplyOptions { budget: Budget::Everything, ..ApplyOptions::default() };
        let applied = engine.apply(plan, None, &options, Arc::new(Unobserved), stopped).await;
        applied.map_err(said).unwrap();
    }
}

/// Applies a chain of which each step takes its time, under a short lease.
async fn apply_slowly(folder: &Path) {
    let world = World::new();
    world.set_pace(200);
    let engine = open(folder, &world);
    let plan = engine.plan(&PlanRequest::of(FILE)).await.map_err(said).unwrap().plan;
    let (_stop, stopped) = watch::channel(Stop::No);
    let terms = Terms { lasts: LEASE, patience: Duration::ZERO };
    let options = ApplyOptions { terms, ..ApplyOptions::default() };
    let applied = engine.apply(plan, None, &options, Arc::new(Loud), stopped).await;
    match applied {
        Ok(report) => say(&format!("ended: {:?}", report.outcome)),
        Err(problem) => {
            let code = problem.exit_code();
            say(&format!("ended with {code}: {}", said(problem)));
        }
    }
}

/// Past what the test runner holds back.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").unwrap();
    out.flush().unwrap();
}

/// Says what ends.
struct Loud;

impl Observer for Loud {
    fn waiting(&self, _: &str) {}
    fn began(&self, _: RunId, _: &str, _: &Arc<Steps>) {}
    fn running(&self, _: StepId, _: &Step) {}
    fn status(&self, _: StepId, _: &str) {}
    fn line(&self, _: StepId, _: &str) {}
    fn retrying(&self, _: StepId, _: &Step, _: &model::Fault, _: Duration) {}
    fn ended(&self, _: StepId, step: &Step, _: &Ending, _: u64) {
        say(&format!("done: {}", step.name));
    }
}
