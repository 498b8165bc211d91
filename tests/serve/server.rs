//! A server in a folder of its own, and somebody who pushes to it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::http;
use crate::cli::project::until;

/// A server that is ended, with everything that it started, when it is dropped.
pub(crate) struct Server {
    folder: TempDir,
    process: Option<Child>,
    environment: Vec<(String, String)>,
}

impl Server {
    /// Begins to serve what the file says beside its name and address.
    pub(crate) fn of(file: &str) -> Self {
        let mut server = Self::unstarted(&format!("server: lab\nlisten: 127.0.0.1:0\n{file}"));
        server.start();
        server
    }

    pub(crate) fn unstarted(file: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("windlass-serve-").tempdir().unwrap();
        fs::write(folder.path().join("windlass.yml"), file).unwrap();
        Self { folder, process: None, environment: Vec::new() }
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn place(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command.args(words).current_dir(self.folder.path()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Begins to serve, and waits until it listens.
    pub(crate) fn start(&mut self) {
        self.start_with(&[]);
    }

    pub(crate) fn start_with(&mut self, more: &[&str]) {
        _ = fs::remove_file(self.place(".windlass/server/address"));
        let log = File::create(self.place("serve.log")).unwrap();
        let mut command = self.command(&[&["serve"], more].concat());
        command.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        self.process = Some(command.spawn().unwrap());
        let log = self.place("serve.log");
        until("the server listens", || {
            let text = fs::read_to_string(&log).unwrap();
            assert!(!text.contains("error:") && !text.contains("refused:"), "{text}");
            text.contains("serves at")
        });
    }

    /// Begins to serve on a socket that somebody else holds, as systemd would have it.
    pub(crate) fn start_on(&mut self, socket: &std::net::TcpListener) {
        let log = File::create(self.place("serve.log")).unwrap();
        let mut command = self.command(&["serve"]);
        let program = command.get_program().to_owned();
        let handed = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve 3<&0 </dev/null";
        let mut wrapped = Command::new("sh");
        wrapped.args(["-c", handed]).arg(program).current_dir(self.folder.path()).env_clear();
        wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command = wrapped;
        command.stdin(std::os::fd::OwnedFd::from(socket.try_clone().unwrap()));
        command.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        self.process = Some(command.spawn().unwrap());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits until it ended by itself.
    pub(crate) fn ended(&mut self) -> i32 {
        let mut process = self.process.take().unwrap();
        let begun = Instant::now();
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn address(&self) -> String {
        let text = fs::read_to_string(self.place(".windlass/server/address")).unwrap();
        text.trim().to_owned()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        http::get(&self.address(), path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        http::post(&self.address(), path, body)
    }

    /// All runs, oldest first.
    pub(crate) fn runs(&self) -> Vec<Value> {
        let mut runs = self.get("/api/v1/runs?limit=500")["runs"].as_array().unwrap().clone();
        runs.reverse();
        runs
    }

    /// Waits until no run waits or is under way.
    pub(crate) fn settled(&self) -> Vec<Value> {
        until_long("every run is over", || self.runs().iter().all(|run| run["state"] == "ended"));
        self.runs()
    }

    /// Somebody with a clone that pushes to a repository of it.
    #[expect(clippy::unused_self, reason = "a pusher is somebody's")]
    pub(crate) fn pusher(&self, repository: &str) -> Pusher {
        let folder = tempfile::Builder::new().prefix("windlass-push-").tempdir().unwrap();
        let pusher = Pusher { folder, repository: repository.to_owned() };
        pusher.git(&["init", "--quiet", "--initial-branch=main", "."]);
        pusher
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        end_those_at(self.folder.path());
    }
}

/// As `until`, for what may take many runs.
pub(crate) fn until_long(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_mins(2), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends what a test left: every process whose working directory is in this folder.
fn end_those_at(folder: &Path) {
    let folder = fs::canonicalize(folder).unwrap();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(at) = fs::read_link(entry.path().join("cwd")) else { continue };
        let pid = entry.file_name().to_str().and_then(|pid| pid.parse().ok());
        if let Some(pid) = pid.filter(|_| at.starts_with(&folder))
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Somebody with a clone.
pub(crate) struct Pusher {
    folder: TempDir,
    repository: String,
}

/// What `git push` said.
pub(crate) struct Pushed {
    pub(crate) done: bool,
    pub(crate) said: String,
}

impl Pusher {
    pub(crate) fn git(&self, words: &[&str]) -> Pushed {
        let output = self.command(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Pushed { done: output.status.success(), said }
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(words);
        command.current_dir(self.folder.path()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn place(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.place(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A pipeline that a push to `main` starts.
    pub(crate) fn pipeline(&self, steps: &str) -> &Self {
        self.file("pipelines/p.yml", &format!("pipeline: p\non: {{ push: {{}} }}\nsteps:\n{steps}"))
    }

    pub(crate) fn commit(&self, title: &str) -> String {
        assert!(self.git(&["add", "--all"]).done);
        let made = self.git(&["commit", "--quiet", "--allow-empty", "-m", title]);
        assert!(made.done, "{}", made.said);
        let output = self.command(&["rev-parse", "HEAD"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn push_command(&self, server: &Server, branch: &str) -> Command {
        let to = format!("{}/{}.git", server.address(), self.repository);
        self.command(&["push", &to, &format!("HEAD:refs/heads/{branch}")])
    }

    pub(crate) fn push(&self, server: &Server) -> Pushed {
        self.push_to(server, "main")
    }

    pub(crate) fn push_to(&self, server: &Server, branch: &str) -> Pushed {
        let output = self.push_command(server, branch).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Pushed { done: output.status.success(), said: plain(&said, server) }
    }
}

/// What differs from one push to the next is covered, and so is what `git` adds to lines.
fn plain(said: &str, server: &Server) -> String {
    let folder = fs::canonicalize(server.place("")).unwrap();
    let said = said.replace(&server.address(), "http://SERVER");
    let said = said.replace(folder.to_str().unwrap(), "FOLDER");
    let lines = said.lines().map(|line| {
        let line = line.trim_end_matches("\u{1b}[K").trim_end();
        let words: Vec<String> = line.split(' ').map(covered).collect();
        let line = words.join(" ");
        match line.rsplit_once("  ") {
            Some((text, took)) if took.trim() == "N s" => format!("{}  N s", text.trim_end()),
            _ => line,
        }
    });
    lines.map(|line| line + "\n").collect()
}

fn covered(word: &str) -> String {
    let is_hash = word.len() == 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_time = word.contains('.') && word.parse::<f64>().is_ok();
    match () {
        () if is_hash => "COMMIT".to_owned(),
        () if is_time => "N".to_owned(),
        () if word.contains("..") && word.len() > 14 => "OLD..NEW".to_owned(),
        () => word.to_owned(),
    }
}
