//! Sees whether a service works: probes it again and again, in a task of its own.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::end::ending;
use super::exit::take;
use super::identity::{ended, open};
use super::spec::{HealthCheck, Probe, Program, Tls};
use super::status::{Health, Verdict};
use super::{http, tls};

/// A service that starts is asked this often at first: others wait for it.
const SOON: Duration = Duration::from_millis(25);

/// The pids of commands that probe: their exits are not to be taken by anybody else.
pub(super) type Claims = Arc<Mutex<BTreeSet<i32>>>;

/// Probes one start of a service.
pub(super) struct Prober {
    pub(super) check: HealthCheck,
    pub(super) program: Program,
    pub(super) folder: PathBuf,
    pub(super) mark: String,
    pub(super) claims: Claims,
}

/// What one probe saw.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) works: bool,
    pub(super) detail: String,
}

impl Prober {
    /// Probes until it is dropped or nobody listens.
    pub(super) async fn run(self, mut tell: impl FnMut(Sight) -> bool) {
        let (began, mut pause) = (Instant::now(), SOON.min(self.check.interval));
        loop {
            let sight = self.once().await;
            let settled = sight.works || began.elapsed() > self.check.grace;
            if !tell(sight) {
                return;
            }
            sleep(pause).await;
            let longer = pause.saturating_mul(3) / 2;
            pause = if settled { self.check.interval } else { longer.min(self.check.interval) };
        }
    }

    async fn once(&self) -> Sight {
        let patience = self.check.timeout;
        let asked = timeout(patience, self.ask()).await;
        let nothing = || format!("nothing in {}", language::Duration(patience).words());
        let (works, answer) = asked.unwrap_or_else(|_| (false, nothing()));
        let what = match &self.check.probe {
            Probe::Http { path, .. } => format!("GET {path}"),
            Probe::Tcp { host, port } => format!("TCP {}", authority(host, *port)),
            Probe::Command { command } => command.first().cloned().unwrap_or_default(),
        };
        Sight { works, detail: format!("{what} → {answer}") }
    }

    async fn ask(&self) -> (bool, String) {
        let seen = match &self.check.probe {
            Probe::Http { tls, host, port, path, status } => {
                let code = get(tls.as_ref(), host, *port, path).await;
                code.map(|code| (code == *status, code.to_string()))
            }
            Probe::Tcp { host, port } => {
                let connected = TcpStream::connect((host.as_str(), *port)).await;
                connected.map(|_| (true, "accepted".into()))
            }
            Probe::Command { command } => self.command(command).await,
        };
        seen.unwrap_or_else(|error| (false, said(&error)))
    }

    async fn command(&self, words: &[String]) -> io::Result<(bool, String)> {
        let started = self.program.start_beside(words, &self.folder, &self.mark);
        let pid = started.map_err(io::Error::other)?;
        let running = Running::claim(pid, &self.claims)?;
        ending(&running.held).await;
        let exit = take(&running.held);
        Ok((exit.well(), exit.to_string()))
    }
}

/// A command that probes. Dropped, it is killed, and what it leaves is anybody's to take.
struct Running {
    pid: i32,
    held: OwnedFd,
    claims: Claims,
}

impl Running {
    fn claim(pid: i32, claims: &Claims) -> io::Result<Self> {
        let held = open(pid).ok_or_else(|| io::Error::other("it cannot be watched"))?;
        claims.lock().unwrap_or_else(PoisonError::into_inner).insert(pid);
        Ok(Self { pid, held, claims: Arc::clone(claims) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.pid);
        if ended(&self.held) {
            take(&self.held);
        } else if let Some(group) = Pid::from_raw(self.pid) {
            // Its exit was not taken, so that its pid is still its own.
            _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn get(tls: Option<&Tls>, host: &str, port: u16, path: &str) -> io::Result<u16> {
    let stream = TcpStream::connect((host, port)).await?;
    let name = authority(host, port);
    match tls {
        None => http::get(stream, &name, path).await,
        Some(tls) => http::get(tls::connect(tls, host, stream).await?, &name, path).await,
    }
}

/// Host and port as a URL has them: an IPv6 address stands in brackets (RFC 3986 §3.2.2).
fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset".into(),
        io::ErrorKind::UnexpectedEof => "connection closed".into(),
        _ => error.to_string(),
    }
}

impl Health {
    /// Takes in what a probe saw of a service that has run for so long.
    pub(super) fn take(&mut self, sight: Sight, check: &HealthCheck, age: Duration) {
        self.detail = sight.detail;
        if sight.works {
            (self.verdict, self.failures) = (Verdict::Healthy, 0);
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let given_time = self.verdict == Verdict::Starting && age < check.grace;
        if !given_time && self.failures >= check.failures {
            self.verdict = Verdict::Unhealthy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> HealthCheck {
        HealthCheck {
            probe: Probe::Command { command: vec![] },
            interval: Duration::from_secs(1),
            timeout: Duration::from_millis(300),
            grace: Duration::from_secs(10),
            failures: 3,
        }
    }

    fn judge(health: &mut Health, works: bool, age: u64) -> Verdict {
        let sight = Sight { works, detail: "seen".into() };
        health.take(sight, &check(), Duration::from_secs(age));
        health.verdict
    }

    #[test]
    fn failures_count_for_nothing_while_it_starts_and_from_then_on_only_in_a_row() {
        let mut health = Health::new(true);
        for age in 0..9 {
            assert_eq!(judge(&mut health, false, age), Verdict::Starting);
        }
        assert_eq!(judge(&mut health, true, 9), Verdict::Healthy);
        assert_eq!(judge(&mut health, false, 9), Verdict::Healthy);
        assert_eq!(judge(&mut health, false, 9), Verdict::Healthy);
        assert_eq!(judge(&mut health, true, 9), Verdict::Healthy);
        let after = [11, 12, 13].map(|age| judge(&mut health, false, age));
        assert_eq!(after, [Verdict::Healthy, Verdict::Healthy, Verdict::Unhealthy]);
        assert_eq!(judge(&mut health, true, 14), Verdict::Healthy);
    }

    #[test]
    fn one_that_does_not_get_up_in_time_is_unhealthy() {
        let mut health = Health::new(true);
        let verdicts = [8, 9, 10].map(|age| judge(&mut health, false, age));
        assert_eq!(verdicts, [Verdict::Starting, Verdict::Starting, Verdict::Unhealthy]);
    }

    fn prober(command: &[&str]) -> Prober {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        probes(Probe::Command { command })
    }

    fn probes(probe: Probe) -> Prober {
        Prober {
            check: HealthCheck { probe, ..check() },
            program: Program::default(),
            folder: "/".into(),
            mark: "test.1".into(),
            claims: Claims::default(),
        }
    }

    #[tokio::test]
    async fn an_address_of_version_6_is_asked_by_its_name_in_brackets() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("[::1]:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut asked = vec![0; 1024];
            let length = stream.read(&mut asked).await.expect("a question");
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("an answer");
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        let (host, path) = ("::1".into(), "/".into());
        let sight = probes(Probe::Http { tls: None, host, port, path, status: 200 }).once().await;
        assert!(sight.works, "{sight:?}");
        let asked = server.await.expect("a question");
        assert!(asked.contains(&format!("\r\nHost: [::1]:{port}\r\n")), "{asked}");
    }

    #[tokio::test]
    async fn a_command_works_if_it_ends_with_0() {
        assert!(prober(&["true"]).once().await.works);
        let sight = prober(&["sh", "-c", "exit 4"]).once().await;
        assert!(!sight.works);
        assert_eq!(sight.detail, "sh → exit code 4");
        let sight = prober(&["no-such-program"]).once().await;
        assert!(sight.detail.contains("there is no program `no-such-program`"), "{sight:?}");
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_killed_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let prober = prober(&["sh", "-c", &script]);
        let sight = prober.once().await;
        assert_eq!(sight.detail, "sh → nothing in 0.3 s");
        let pid = std::fs::read_to_string(file).expect("a pid").trim().parse().expect("a pid");
        let until = Instant::now() + Duration::from_secs(5);
        while super::super::identity::Stat::of(pid).is_some_and(|p| p.alive()) {
            assert!(Instant::now() < until, "{pid} still runs");
            sleep(Duration::from_millis(5)).await;
        }
        assert!(prober.claims.lock().expect("claims").is_empty());
    }

    #[tokio::test]
    async fn a_port_works_if_it_accepts() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let mut prober = prober(&[]);
        prober.check.probe = Probe::Tcp { host: "127.0.0.1".into(), port };
        assert!(prober.once().await.works);
        drop(listener);
        let sight = prober.once().await;
        assert_eq!(sight.detail, format!("TCP 127.0.0.1:{port} → connection refused"));
    }
}
