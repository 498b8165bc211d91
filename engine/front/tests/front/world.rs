//! A front of a test's own: a child of this process, in a folder that goes with the test.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use front::{Bind, Check, Command, Counts, Keeper, Plan, Receipt, Remote, Reply, RouteSpec};
use front::{Settings, Start};
use tempfile::TempDir;

pub(crate) const FRONT: &str = "become-front";
pub(crate) const PARENT: &str = "become-parent";
/// Set for a front whose parent a test kills: the test ends it.
pub(crate) const ORPHAN: &str = "FRONT_TEST_ORPHAN";

/// Long enough for anything that is to end by itself.
pub(crate) const SOON: Duration = Duration::from_secs(20);

#[expect(clippy::exit, reason = "there is nobody left to tell")]
pub(crate) fn be_front(folder: &str, successor: bool) -> ExitCode {
    let parent = std::os::unix::process::parent_id();
    let outlives = std::env::var_os(ORPHAN).is_some();
    std::thread::spawn(move || {
        // A front outlives its parent, but not the tests.
        while outlives || std::os::unix::process::parent_id() == parent {
            std::thread::sleep(Duration::from_millis(200));
        }
        std::process::exit(1);
    });
    let names = std::env::var("LISTEN_FDNAMES").ok();
    front::run(&Start { folder: folder.into(), successor, names }).expect("a front");
    ExitCode::SUCCESS
}

/// Keeps a front in a folder until it is killed.
pub(crate) fn be_parent(folder: &str) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let keeper =
            Keeper::start(plan(Path::new(folder), Settings::default())).await.expect("a front");
        let address = keeper.binds()[0].address.to_string();
        std::fs::write(Path::new(folder).join("address"), address).expect("a file");
        std::future::pending().await
    })
}

pub(crate) struct World {
    keeper: Option<Keeper>,
    pub(crate) folder: TempDir,
    remote: Remote,
    /// Where it listens without TLS, and with.
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
}

pub(crate) fn plan(folder: &Path, settings: Settings) -> Plan {
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    Plan {
        program: std::env::current_exe().expect("this executable"),
        arguments: vec![FRONT.into()],
        folder: folder.into(),
        binds: vec![Bind { address, tls: false }, Bind { address, tls: true }],
        settings,
        names: None,
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { threads: Some(2), ..Settings::default() };
        change(&mut settings);
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = Keeper::start(plan(folder.path(), settings)).await.expect("a front");
        let (plain, tls) = (keeper.binds()[0].address, keeper.binds()[1].address);
        let remote = keeper.remote().clone();
        Self { keeper: Some(keeper), folder, remote, plain, tls }
    }

    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    pub(crate) fn keeper(&self) -> &Keeper {
        self.keeper.as_ref().expect("a keeper")
    }

    /// Dismisses who watches over the front, as the death of its parent would.
    pub(crate) fn dismiss(&mut self) {
        self.keeper = None;
    }

    pub(crate) async fn say(&self, command: Command) -> Reply {
        self.remote.say(&command).await.expect("an answer")
    }

    /// Makes a route for every host and path, and puts a target in office.
    pub(crate) async fn route(&self, targets: &[SocketAddr]) {
        self.put(|_| {}).await;
        self.flip("one", targets).await;
    }

    pub(crate) async fn put(&self, change: impl FnOnce(&mut RouteSpec)) {
        let mut spec = RouteSpec { name: "web".into(), prefix: "/".into(), ..RouteSpec::default() };
        change(&mut spec);
        assert_eq!(self.say(Command::Put(spec)).await, Reply::Done);
    }

    /// Returns the relieved term.
    pub(crate) async fn flip(&self, version: &str, targets: &[SocketAddr]) -> Option<u64> {
        let (route, version, targets) = ("web".into(), version.into(), targets.to_vec());
        match self.say(Command::Flip { route, version, targets, ready_ms: 0 }).await {
            Reply::Term { relieved, .. } => relieved,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn pause(&self) -> u64 {
        match self.say(Command::Pause { route: "web".into() }).await {
            Reply::Term { relieved, .. } => relieved.expect("a relieved term"),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn drain(&self, term: u64, deadline: Duration) -> Receipt {
        self.remote.drain("web", term, deadline).await.expect("a receipt")
    }

    /// Puts nobody in office, and returns what the term did that was.
    pub(crate) async fn counts(&self) -> Counts {
        let term = self.pause().await;
        let counts = self.drain(term, SOON).await.counts;
        Counts { slowest_ms: 0, ..counts }
    }

    pub(crate) async fn pid(&self) -> u32 {
        self.remote.look().await.expect("a look").pid
    }
}

impl Drop for World {
    fn drop(&mut self) {
        leave(self.folder.path());
    }
}

/// Ends whoever serves in a folder.
pub(crate) fn leave(folder: &Path) {
    let socket = folder.join("control.sock");
    if let Ok(mut stream) = std::os::unix::net::UnixStream::connect(socket) {
        use std::io::{Read, Write};
        let _ = stream.set_read_timeout(Some(SOON));
        let _ = stream.write_all(b"{\"leave\":{\"deadline_ms\":0}}\n");
        let _ = stream.read(&mut [0; 64]);
    }
}

pub(crate) fn check(path: Option<&str>) -> Check {
    let http = path.map(Into::into);
    Check { http, interval_ms: 20, timeout_ms: 500, fall: 2, rise: 1 }
}
