//! A shop with two sides behind a front, in a project of its own; all of it ends with the test.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use front::{Counts, Remote};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::process::{Child, Command};
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::{Instant, sleep, timeout};

use super::client::get;
use crate::cli::project::{Answer, TestProject};

/// The variable by which this executable becomes a backend of that name.
const BACKEND: &str = "WINDLASS_TEST_BACKEND";
/// No test takes longer for each of its rounds, unless it hangs.
const LONGEST: Duration = Duration::from_secs(90);

/// How many rounds a test makes: so many, or as many as are asked for.
pub(super) fn times(usual: u64) -> u64 {
    let asked = std::env::var("WINDLASS_CUTOVERS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(usual)
}

/// Runs a test that waits, everything on this thread.
pub(super) fn within(test: impl Future<Output = ()>) {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build_local(LocalOptions::default()).expect("a runtime");
    let longest = if std::env::var_os(BACKEND).is_some() { Duration::MAX } else { LONGEST };
    let longest = longest.saturating_mul(times(3).try_into().unwrap_or(u32::MAX));
    let test = async { timeout(longest, test).await.expect("an end in time") };
    runtime.block_on(test);
}

/// Where this process is to be a backend, and as whom; None: it is a test.
pub(super) fn is_backend() -> Option<(SocketAddr, &'static str)> {
    let name = std::env::var(BACKEND).ok()?;
    let port: u16 = std::env::var("PORT").ok()?.parse().ok()?;
    fs::write(format!("pid-{port}"), std::process::id().to_string()).expect("a file");
    Some((([127, 0, 0, 1], port).into(), Box::leak(name.into_boxed_str())))
}

impl super::backend::Backend {
    /// Answers until the process is ended.
    pub(super) async fn forever(self) {
        std::future::pending::<()>().await;
    }
}

/// A shop whose version `v` is deployed.
pub(super) struct Shop {
    pub(super) project: TestProject,
    pub(super) plain: SocketAddr,
    pub(super) tls: SocketAddr,
    version: Mutex<String>,
}

impl Shop {
    pub(super) async fn open() -> Self {
        let [plain, tls] = free();
        let first = ports();
        let exe = std::env::current_exe().expect("this executable");
        let stack = STACK
            .replace("EXE", &exe.display().to_string())
            .replace("PORTS", &format!("{first}-{}", first + 9))
            .replace("PLAIN", &plain.to_string())
            .replace("TLS", &tls.to_string());
        let project = TestProject::new().stack("shop", &stack);
        let project = project.file("pipelines/deploy.yml", PIPELINE);
        let shop = Self { project, plain, tls, version: Mutex::new("v".to_owned()) };
        shop.deploy("v").await;
        shop
    }

    /// Deploys a version; it must come into office.
    pub(super) async fn deploy(&self, version: &str) {
        let answer = self.try_deploy(version).await;
        assert_eq!(answer.code, 0, "{answer}");
        version.clone_into(&mut self.version.lock().expect("a version"));
    }

    pub(super) async fn try_deploy(&self, version: &str) -> Answer {
        let version = format!("version={version}");
        self.windlass_says(&["apply", "--yes", "--param", &version]).await
    }

    /// Begins to deploy a version.
    pub(super) fn begin(&self, version: &str) -> Child {
        let version = format!("version={version}");
        self.begin_with(&["apply", "--yes", "--param", &version])
    }

    pub(super) fn begin_with(&self, words: &[&str]) -> Child {
        let mut command = self.project.command(words.iter().copied());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Command::from(command).kill_on_drop(true).spawn().expect("a child")
    }

    pub(super) async fn windlass(&self, words: &[&str]) -> Answer {
        let answer = self.windlass_says(words).await;
        assert_eq!(answer.code, 0, "{answer}");
        answer
    }

    pub(super) async fn windlass_says(&self, words: &[&str]) -> Answer {
        let command = self.project.command(words.iter().copied());
        let output = Command::from(command).kill_on_drop(true).output().await.expect("an answer");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Answer { code: output.status.code().unwrap_or(-1), stdout, stderr }
    }

    /// The version that was deployed last.
    pub(super) fn version(&self) -> String {
        self.version.lock().expect("a version").clone()
    }

    /// The version that answers.
    pub(super) async fn serves(&self) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            match get(self.plain, "/").await {
                Some(heard) if heard.status == 200 => return heard.text().to_owned(),
                other => assert!(Instant::now() < until, "{other:?}"),
            }
        }
    }

    /// Has a version answer with 500 to everybody, but for its health.
    pub(super) fn turn_bad(&self, version: &str) {
        self.project.write(&format!("bad-{version}"), "");
    }

    /// Has it answer as it should.
    pub(super) fn turn_good(&self, version: &str) {
        fs::remove_file(self.project.place(&format!("bad-{version}"))).expect("a file");
    }

    /// How many sides have run so far.
    pub(super) fn backends(&self) -> usize {
        let entries = fs::read_dir(self.project.place("")).expect("a folder").flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("pid-")).count()
    }

    pub(super) fn authority(&self) -> CertificateDer<'static> {
        let file = self.project.place("ca/current/certificate.pem");
        CertificateDer::from_pem_file(file).expect("an authority")
    }

    fn remote(&self) -> Remote {
        Remote::of(&self.project.place(".windlass/front")).expect("a remote")
    }

    pub(super) fn kill_older(&self) {
        self.kill_at("older_address");
    }

    pub(super) fn kill_newest(&self) {
        self.kill_at("address");
    }

    fn kill_at(&self, attribute: &str) {
        let answer = self.project.done(["outputs", "shop", attribute]);
        let port = answer.stdout.trim().rsplit(':').next().unwrap_or_default().to_owned();
        let pid = self.project.read(&format!("pid-{port}")).parse().expect("a process");
        // The supervisor may be about to start it again.
        let _ = kill_process(Pid::from_raw(pid).expect("a process"), Signal::KILL);
    }

    /// Ends the front's process, and waits until another one serves.
    pub(super) async fn kill_front(&self, signal: Signal) {
        let before = self.front().await;
        self::signal(before, signal);
        let until = Instant::now() + Duration::from_secs(20);
        while self.remote().look().await.map_or(before, |look| look.pid.cast_signed()) == before {
            assert!(Instant::now() < until, "no front comes");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the process of the front.
    pub(super) async fn front(&self) -> i32 {
        self.remote().look().await.expect("a look").pid.cast_signed()
    }

    /// Returns the process that keeps the front.
    pub(super) async fn keeper(&self) -> i32 {
        let front = self.front().await;
        let stat = fs::read_to_string(format!("/proc/{front}/stat")).expect("a process");
        let (_, rest) = stat.rsplit_once(") ").expect("a name");
        rest.split(' ').nth(1).and_then(|pid| pid.parse().ok()).expect("a keeper")
    }
}

/// Sends a signal to a process.
pub(super) fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a process"), signal).expect("a signal");
}

impl Drop for Shop {
    fn drop(&mut self) {
        let destroy = ["destroy", "shop", "--yes", "--wait", "20s"];
        let ended = self.project.command(destroy).output();
        if let (Ok(output), true) = (ended, std::thread::panicking()) {
            eprint(&String::from_utf8_lossy(&output.stdout));
        }
    }
}

/// Says something on the terminal, past the capture of the test's output.
pub(super) fn eprint(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Accounts of all terms of office, of all routes.
#[derive(Default)]
pub(super) struct Receipts(BTreeMap<(String, u64), Counts>);

impl Receipts {
    /// Takes down what is known: the front keeps the last ones alone.
    pub(super) async fn take(&mut self, shop: &Shop) {
        for route in shop.remote().look().await.expect("a look").routes {
            for receipt in route.closed.into_iter().chain(route.open).chain(route.office) {
                self.0.insert((receipt.route, receipt.term), receipt.counts);
            }
        }
    }

    /// Adds up, once so many were served: a client may know a moment before.
    pub(super) async fn settled(&mut self, shop: &Shop, served: u64) -> Counts {
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            self.take(shop).await;
            let total = self.0.values().fold(Counts::default(), |sum, one| sum.plus(one));
            if total.served == served || Instant::now() > until {
                return total;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Two addresses that nobody has.
fn free() -> [SocketAddr; 2] {
    let open = || TcpListener::bind("127.0.0.1:0").expect("a socket");
    [open(), open()].map(|listener| listener.local_addr().expect("an address"))
}

/// The first of ten ports that no other test of this kind has.
fn ports() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    // Below those that are given to whoever asks for any (ip(7)).
    21_000 + next * 10 + (std::process::id() % 100) as u16 * 100
}

const STACK: &str = r#"
stack: shop
parameters:
  version: { default: v }
resources:
  ca:
    kind: cert.authority
    path: ca
    common_name: Shop
  certificate:
    kind: cert.certificate
    authority: ${ca.certificate_path}
    path: tls
    names: [web.test]
  web:
    kind: process.service
    command: ["EXE", --exact, "cli::cutovers::a_backend", --nocapture, --test-threads=1]
    environment: { WINDLASS_TEST_BACKEND: "${version}" }
    ports: PORTS
    sides: true
    health: { http: /health, interval: 200ms }
    backoff: { first: 50ms }
  site:
    kind: front.route
    listen: PLAIN
    to: ${web.address}
    version: ${web.version}
    watch: 500ms
  secure:
    kind: front.route
    listen: TLS
    hosts: [web.test]
    to: ${web.address}
    version: ${web.version}
    tls: { certificate: "${certificate.chain_path}", key: "${certificate.key_path}" }
    watch: 500ms
outputs:
  address: ${web.address}
  older_address: ${web.older_address}
"#;

pub(super) const PIPELINE: &str = r#"
pipeline: deploy
on: { manual: { parameters: { version: { default: v } } } }
steps:
  live:
    cutover:
      stack: stacks/shop.yml
      parameters: { version: "${version}" }
      service: web
      front: [site, secure]
      smoke:
        - test "$(curl --silent --output /dev/null --write-out '%{http_code}' "$URL/")" = 200
"#;

/// Its smoke test waits for a file.
pub(super) const SLOW_PIPELINE: &str = r#"
pipeline: deploy
on: { manual: { parameters: { version: { default: v } } } }
steps:
  live:
    cutover:
      stack: stacks/shop.yml
      parameters: { version: "${version}" }
      service: web
      front: site
      smoke: ["touch smoked; until [ -e go ]; do sleep 0.02; done"]
"#;
