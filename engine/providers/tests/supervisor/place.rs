//! A supervisor's folder of its own for each test, and an end for everything that ran in it.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use age::secrecy::ExposeSecret;
use providers::process::supervisor::{
    Client, Launch, Log, Program, Restart, RestartWhen, Rules, ServiceSpec, Status, Stop,
    StopSignal,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::roles::SUPERVISE;

/// The variable by which a test's processes are found again: one of those that a service inherits.
pub(crate) const OURS: &str = "LC_WINDLASS_TEST_HOME";

pub(crate) struct Place {
    folder: TempDir,
    pub(crate) home: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::below("services")
    }

    /// With the supervisor's folder at a path below.
    pub(crate) fn below(path: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join(path);
        let place = Self { folder, home };
        place.change_key();
        place
    }

    /// Replaces the key that seals what lies on disk.
    pub(crate) fn change_key(&self) {
        let key = age::x25519::Identity::generate().to_string();
        fs::write(self.key(), format!("{}\n", key.expose_secret())).expect("a key file");
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// A folder for what services write.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn launch(&self) -> Launch {
        Launch {
            program: std::env::current_exe().expect("this executable"),
            args: vec![SUPERVISE.into(), self.home.clone().into(), self.key().into()],
            environment: vec![],
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect_or_launch(&self.home, self.launch()).await.expect("a supervisor")
    }

    /// A service that is a line for the shell.
    pub(crate) fn shell(&self, name: &str, script: &str) -> ServiceSpec {
        self.program(name, &["/bin/sh", "-c", script])
    }

    /// A service that is this executable in a role.
    pub(crate) fn role(&self, name: &str, role: &str) -> ServiceSpec {
        let exe = std::env::current_exe().expect("this executable");
        let folder = self.path().display().to_string();
        self.program(name, &[&exe.display().to_string(), role, &folder])
    }

    pub(crate) fn program(&self, name: &str, command: &[&str]) -> ServiceSpec {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        let variables = [(OURS, self.home.display().to_string()), ("PATH", "/usr/bin:/bin".into())];
        let environment = variables.map(|(name, value)| (name.to_owned(), value));
        let rules = Rules {
            working_directory: self.path().into(),
            log: Log { file: self.path().join(format!("{name}.log")), size: 1 << 20, keep: 3 },
            restart: Restart {
                when: RestartWhen::OnFailure,
                pause: Duration::from_millis(20),
                factor: 2.0,
                longest: Duration::from_secs(10),
                steady: Duration::from_secs(5),
            },
            stop: Stop { signal: StopSignal::Term, grace: Duration::from_secs(5) },
            health: None,
            facts: BTreeMap::new(),
        };
        let program = Program { command, environment: environment.into(), inherited: [].into() };
        ServiceSpec { name: name.into(), program, rules }
    }

    /// The pids of all processes that a service of this test started.
    pub(crate) fn processes(&self) -> Vec<i32> {
        processes_of(&self.home)
    }

    /// The pids of this folder's supervisors.
    pub(crate) fn supervisors(&self) -> Vec<i32> {
        supervisors_of(&self.home)
    }

    /// Kills the supervisor and sees it go.
    pub(crate) fn kill_supervisor(&self) {
        kill_supervisor_of(&self.home);
    }

    /// What the supervisor wrote down that it did.
    pub(crate) fn diary(&self) -> String {
        fs::read_to_string(self.home.join("supervisor.log")).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[allow(clippy::print_stdout, reason = "it says why the test failed")]
            {
                println!("--- supervisor.log of a test that failed\n{}", self.diary());
            }
        }
        clear(&self.home);
    }
}

/// Ends everything that belongs to a supervisor's folder.
pub(crate) fn clear(home: &Path) {
    for _ in 0..500 {
        // The supervisors first: they would start again what is killed.
        let all = [supervisors_of(home), processes_of(home)].concat();
        if all.is_empty() {
            return;
        }
        all.into_iter().for_each(kill);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The pids of all processes that a service of this folder started.
pub(crate) fn processes_of(home: &Path) -> Vec<i32> {
    let ours = format!("{OURS}={}", home.display());
    let environ = |pid: i32| fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let carries = |pid: &i32| environ(*pid).split(|b| *b == 0).any(|v| v == ours.as_bytes());
    pids().filter(carries).filter(|pid| alive(*pid)).collect()
}

/// Kills a folder's supervisor and sees it go.
pub(crate) fn kill_supervisor_of(home: &Path) {
    // Those that lost the lock may still be about to end.
    eventually("one supervisor", || supervisors_of(home).len() == 1);
    let one = supervisors_of(home)[0];
    kill(one);
    eventually("the supervisor is gone", || !alive(one));
}

/// The pids of a folder's supervisors.
pub(crate) fn supervisors_of(home: &Path) -> Vec<i32> {
    let home = home.display().to_string();
    let is = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        let mut words = line.split('\0').skip(1);
        words.next().is_some_and(|word| word.ends_with("supervise")) && words.next() == Some(&home)
    };
    pids().filter(is).filter(|pid| alive(*pid)).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").expect("processes").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether a process is there and no zombie.
pub(crate) fn alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

pub(crate) fn kill(pid: i32) {
    _ = kill_process(Pid::from_raw(pid).expect("a pid"), Signal::KILL);
}

/// Waits until it is so, or fails.
pub(crate) fn eventually(what: &str, is: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(15);
    while !is() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a service is seen so, or fails.
pub(crate) async fn seen(client: &Client, name: &str, is: impl Fn(&Status) -> bool) -> Status {
    let until = Instant::now() + Duration::from_secs(15);
    loop {
        let status = status(client, name).await;
        if is(&status) {
            return status;
        }
        assert!(Instant::now() < until, "never seen: {status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn status(client: &Client, name: &str) -> Status {
    let found = client.status(&[name.to_owned()]).await.expect("an answer").pop().flatten();
    found.expect("a service")
}

/// The pid of a service that runs.
pub(crate) async fn pid(client: &Client, name: &str) -> i32 {
    status(client, name).await.pid.expect("a process")
}

/// Runs a test that waits.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().expect("a runtime").block_on(work)
}

/// A number that a service wrote to a file.
pub(crate) fn number(file: &Path) -> i32 {
    let read = || fs::read_to_string(file).ok()?.trim().parse().ok();
    eventually(&format!("a number in {}", file.display()), || read().is_some());
    read().expect("a number")
}
