//! One command, from its start to the end of everything that it started.
//!
//! It has a process group of its own and a token in its environment. Its end is its exit, not the
//! end of its output: what it left in the background would hold that open. It must not know what
//! the command is for.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use child::Exit;
use model::Fault;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Invocation;
use super::lines::{Kept, Last, Lines};
use crate::text::Sieve;

/// What is still in a pipe after the exit is there at once.
const REST: Duration = Duration::from_millis(10);
/// So many commands that only look run at once.
const AT_ONCE: usize = 8;

/// A command to run.
pub(crate) struct Course {
    /// What it is called in messages: `create`, `check`.
    pub(crate) what: &'static str,
    pub(crate) invocation: Invocation,
    pub(crate) directory: PathBuf,
    /// All of it, secrets included.
    pub(crate) environment: BTreeMap<String, String>,
    /// By which it and whatever it starts is found again.
    pub(crate) token: String,
    pub(crate) time_limit: Duration,
    /// How long it may take to end once it is told to.
    pub(crate) grace: Duration,
    /// What it leaves in the background goes on.
    pub(crate) leave_running: bool,
    /// Of what it writes to its standard output, so many bytes are kept.
    pub(crate) most: usize,
    /// What must not show in anything that is kept of it.
    pub(crate) sieve: Sieve,
}

/// How it went.
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    /// What it wrote to its standard output.
    pub(crate) output: Vec<u8>,
    /// There was more.
    pub(crate) cut: bool,
    /// The last lines of all that it said, secrets covered.
    pub(crate) last: Vec<String>,
    pub(crate) took: Duration,
}

impl Course {
    /// Runs it, and hands on its lines as they come, secrets covered. When the future is dropped,
    /// everything that it started is killed.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) async fn run(&self, see: &mut (dyn FnMut(&str) + Send)) -> Result<Ended, Fault> {
        let begun = Instant::now();
        let mut child = self.start()?;
        let guard = Guard::of(&child, self);
        let mut out = child.stdout.take().ok_or_else(|| Fault::broken("it has no output"))?;
        let mut err = child.stderr.take().ok_or_else(|| Fault::broken("it has no output"))?;
        let mut heard = Heard::new(self, see);
        let (mut first, mut second) = (Buffer::default(), Buffer::default());
        let status = loop {
            tokio::select! {
                status = child.wait() => break Some(status),
                () = first.fill(&mut out) => heard.out(first.bytes()),
                () = second.fill(&mut err) => heard.err(second.bytes()),
                () = tokio::time::sleep_until(begun + self.time_limit) => break None,
            }
        };
        if status.is_none() {
            guard.end(&mut child, self.grace).await;
        }
        while first.rest(&mut out).await {
            heard.out(first.bytes());
        }
        while second.rest(&mut err).await {
            heard.err(second.bytes());
        }
        let mut ended = heard.end();
        let left = guard.clear_away(self).await?;
        if left > 0 {
            let what = self.what;
            let them = if left == 1 { "a process".to_owned() } else { format!("{left} processes") };
            see(&format!("({what} left {them} running; that has been ended)"));
        }
        let status = status.transpose();
        let status =
            status.map_err(|error| Fault::broken(format!("cannot wait for it: {error}")))?;
        ended.exit =
            status.map_or(Exit::TimedOut, |status| match (status.code(), status.signal()) {
                (Some(code), _) => Exit::Code(code),
                (None, signal) => Exit::Signal(signal.unwrap_or_default()),
            });
        ended.took = begun.elapsed();
        Ok(ended)
    }

    fn start(&self) -> Result<Child, Fault> {
        if !self.directory.is_dir() {
            let folder = self.directory.display();
            return Err(Fault::refused(format!(
                "{} cannot run: there is no folder {folder}",
                self.what
            ))
            .help("make it first, or correct `directory`"));
        }
        let argv = self.invocation.argv();
        let Some((program, arguments)) = argv.split_first() else {
            return Err(Fault::refused(format!("{} names no program", self.what)));
        };
        let started = tokio::process::Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .env(child::TOKEN, &self.token)
            .current_dir(&self.directory)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        started.map_err(|error| self.not_started(program, &error))
    }

    fn not_started(&self, program: &str, error: &io::Error) -> Fault {
        let what = self.what;
        match error.kind() {
            io::ErrorKind::NotFound => {
                let path = self.environment.get("PATH").map_or("", String::as_str);
                Fault::refused(format!("{what} cannot run: there is no program `{program}`"))
                    .help(format!("install it, or write its whole path; PATH is {path}"))
            }
            io::ErrorKind::PermissionDenied => {
                Fault::refused(format!("{what} cannot run: `{program}` may not be executed"))
                    .help(format!("chmod +x {program}, or name the program that is to read it"))
            }
            _ => Fault::broken(format!("{what} cannot run `{program}`: {error}")),
        }
    }

    /// Returns why an end is a failure: which command, how it ended, its last lines.
    pub(crate) fn failure(&self, ended: &Ended) -> Fault {
        let (what, took) = (self.what, ended.took.as_secs_f32());
        let fault = match ended.exit {
            Exit::TimedOut => {
                let limit = language::Duration(self.time_limit);
                Fault::passing(format!("{what} did not end within {limit} (`{}`)", self.invocation))
                    .help("give it more with `time_limit`, or look at what it waits for")
            }
            exit => {
                let message =
                    format!("{what} ended with {exit} after {took:.1} s (`{}`)", self.invocation);
                let fault = Fault::refused(message);
                match exit {
                    Exit::Code(127) => fault.help(format!(
                        "the shell did not find a program: install it, or write its whole path; PATH is {}",
                        self.environment.get("PATH").map_or("", String::as_str)
                    )),
                    _ => fault,
                }
            }
        };
        fault.details(ended.last.iter().cloned())
    }
}

/// Runs commands that only look, some at once, and returns how they went, in order.
pub(crate) async fn run_all(
    courses: Vec<Option<Course>>,
) -> Vec<Option<(Course, Result<Ended, Fault>)>> {
    let mut ended: Vec<_> = courses.iter().map(|_| None).collect();
    let mut waiting = courses.into_iter().enumerate().filter_map(|(at, one)| Some((at, one?)));
    // When this future is dropped the set is, and so is every command in it.
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((at, course)) = waiting.next()
        {
            running.spawn(async move {
                let result = course.run(&mut |_| {}).await;
                (at, course, result)
            });
        }
        match running.join_next().await {
            Some(Ok((at, course, result))) => ended[at] = Some((course, result)),
            // It panicked; whoever asks for its answer finds none.
            Some(Err(_)) => {}
            None => return ended,
        }
    }
}

/// What has come of one stream.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    ended: bool,
}

impl Buffer {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Waits for more; for ever once the stream has ended. Cancelled, it loses nothing.
    async fn fill(&mut self, stream: &mut (impl AsyncRead + Unpin)) {
        if self.ended {
            std::future::pending::<()>().await;
        }
        self.bytes.clear();
        self.bytes.reserve(8 * 1024);
        self.ended = !matches!(stream.read_buf(&mut self.bytes).await, Ok(1..));
    }

    /// Returns whether there was more of what was written before the end.
    async fn rest(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> bool {
        !self.ended && timeout(REST, self.fill(stream)).await.is_ok() && !self.bytes.is_empty()
    }
}

/// What has been said.
struct Heard<'c> {
    course: &'c Course,
    see: &'c mut (dyn FnMut(&str) + Send),
    kept: Kept,
    last: Last,
    out: Lines,
    err: Lines,
}

impl<'c> Heard<'c> {
    fn new(course: &'c Course, see: &'c mut (dyn FnMut(&str) + Send)) -> Self {
        let (out, err) = (Lines::default(), Lines::default());
        Self { course, see, kept: Kept::at_most(course.most), last: Last::default(), out, err }
    }

    fn out(&mut self, bytes: &[u8]) {
        self.kept.take(bytes);
        let Self { course, see, last, out, .. } = self;
        out.take(bytes, &mut |line| last.out(&shown(course, see, line)));
    }

    fn err(&mut self, bytes: &[u8]) {
        let Self { course, see, last, err, .. } = self;
        err.take(bytes, &mut |line| last.err(&shown(course, see, line)));
    }

    fn end(mut self) -> Ended {
        let Self { course, see, last, out, err, .. } = &mut self;
        out.end(&mut |line| last.out(&shown(course, see, line)));
        err.end(&mut |line| last.err(&shown(course, see, line)));
        let (output, cut) = (self.kept.bytes, self.kept.cut);
        let last = self.last.into_vec();
        Ended { exit: Exit::Code(0), output, cut, last, took: Duration::ZERO }
    }
}

fn shown(course: &Course, see: &mut (dyn FnMut(&str) + Send), line: &str) -> String {
    let line = course.sieve.strain(line);
    see(&line);
    line
}

/// Whatever a command has started. Dropped before its time, it kills all of it.
struct Guard {
    group: Option<Pid>,
    token: String,
}

impl Guard {
    fn of(child: &Child, course: &Course) -> Self {
        let group = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        Self { group, token: course.token.clone() }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may be gone already.
            _ = kill_process_group(group, signal);
        }
    }

    /// Asks the command to end, and makes it after its grace.
    async fn end(&self, child: &mut Child, grace: Duration) {
        self.signal(Signal::TERM);
        if timeout(grace, child.wait()).await.is_err() {
            self.signal(Signal::KILL);
            _ = child.wait().await;
        }
    }

    /// Ends what is left in the background, unless it is to stay, and returns how much there was.
    async fn clear_away(mut self, course: &Course) -> Result<usize, Fault> {
        if course.leave_running {
            self.group = None;
            return Ok(0);
        }
        let left = child::find(&self.token);
        if !left.is_empty() {
            let swept = child::sweep(&self.token, course.grace).await;
            swept.map_err(|error| Fault::broken(error.to_string()))?;
        }
        while self.group.is_some_and(|group| test_kill_process_group(group).is_ok()) {
            self.signal(Signal::KILL);
            sleep(Duration::from_millis(2)).await;
        }
        self.group = None;
        Ok(left.len())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.group.is_some() {
            self.signal(Signal::KILL);
            for pid in child::find(&self.token) {
                // It may be gone already.
                _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}
