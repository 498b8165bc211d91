//! One command, from its start to the end of everything that it started.
//!
//! It has a process group of its own and a token in its environment. Its end is its exit, not the
//! end of its output: what it left in the background would hold that open. It must not know what
//! the command is for.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use child::{Background, Exit, Stream, Trouble};
use model::Fault;
use model::mask::Lines;
use tokio::task::JoinSet;

use super::Invocation;
use super::lines::{Kept, Last};
use crate::text::Sieve;

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
    /// It cannot be started, or something that it started cannot be ended.
    pub(crate) async fn run(&self, see: &mut (dyn FnMut(&str) + Send)) -> Result<Ended, Fault> {
        let begun = Instant::now();
        let command = self.command()?;
        let background = if self.leave_running { Background::Stays } else { Background::Ends };
        let mut heard = Heard::new(self, see);
        let mut hear = |stream, bytes: &[u8]| heard.take(stream, bytes);
        let ended = child::run_apart(&command, background, &mut hear).await;
        let child::Ended { exit, left } = ended.map_err(|trouble| self.fault(&trouble))?;
        let ended = heard.end();
        if left > 0 {
            let what = self.what;
            let them = if left == 1 { "a process".to_owned() } else { format!("{left} processes") };
            see(&format!("({what} left {them} running; that has been ended)"));
        }
        Ok(Ended { exit, took: begun.elapsed(), ..ended })
    }

    /// Returns it as it is run.
    pub(crate) fn command(&self) -> Result<child::Command, Fault> {
        if !self.directory.is_dir() {
            let folder = self.directory.display();
            return Err(Fault::refused(format!(
                "{} cannot run: there is no folder {folder}",
                self.what
            ))
            .help("make it first, or correct `directory`"));
        }
        let argv: Vec<OsString> = self.invocation.argv().into_iter().map(Into::into).collect();
        if argv.is_empty() {
            return Err(Fault::refused(format!("{} names no program", self.what)));
        }
        Ok(child::Command {
            argv,
            environment: self.environment.clone(),
            directory: self.directory.clone(),
            token: self.token.clone(),
            timeout: Some(self.time_limit),
            grace: self.grace,
        })
    }

    fn fault(&self, trouble: &Trouble) -> Fault {
        let what = self.what;
        match trouble {
            Trouble::Start(error) => {
                self.not_started(self.invocation.argv().first().map_or("", String::as_str), error)
            }
            Trouble::Wait(error) => Fault::broken(format!("{what}: {error}")),
            Trouble::Stubborn(who) => {
                let who = who.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                let left = "left something running that cannot be ended";
                Fault::broken(format!("{what} {left}: process {who}")).help(format!(
                    "it is another user's, or hangs in the kernel; see `ps -fp {who}`"
                ))
            }
        }
    }

    /// Returns why its program could not be started.
    pub(crate) fn not_started(&self, program: &str, error: &io::Error) -> Fault {
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
                let limit = language::Duration(self.time_limit).words();
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

/// Runs commands that only look, some at once, and returns how they went, in order. What is no command
/// stays what it is.
pub(crate) async fn run_all(
    courses: impl Iterator<Item = Result<Option<Course>, Fault>>,
) -> Vec<Result<Option<(Course, Ended)>, Fault>> {
    let (mut ended, mut waiting) = (Vec::new(), VecDeque::new());
    for (at, course) in courses.enumerate() {
        ended.push(course.map(|course| {
            waiting.extend(course.map(|course| (at, course)));
            None
        }));
    }
    // When this future is dropped the set is, and so is every command in it.
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((at, course)) = waiting.pop_front()
        {
            running.spawn(async move {
                let result = course.run(&mut |_| {}).await;
                (at, result.map(|ended| Some((course, ended))))
            });
        }
        match running.join_next().await {
            Some(Ok((at, result))) => ended[at] = result,
            // It panicked; whoever asks for its answer finds none.
            Some(Err(_)) => {}
            None => return ended,
        }
    }
}

/// What has been said.
struct Heard<'c> {
    see: &'c mut (dyn FnMut(&str) + Send),
    kept: Kept,
    last: Last,
    out: Lines,
    err: Lines,
}

impl<'c> Heard<'c> {
    fn new(course: &'c Course, see: &'c mut (dyn FnMut(&str) + Send)) -> Self {
        let masker = || course.sieve.masker();
        let (out, err) = (Lines::new(masker()), Lines::new(masker()));
        Self { see, kept: Kept::at_most(course.most), last: Last::default(), out, err }
    }

    fn take(&mut self, stream: Stream, bytes: &[u8]) {
        let Self { see, last, out, err, kept } = self;
        match stream {
            Stream::Out => {
                kept.take(bytes);
                out.take(bytes, &mut |line| heard(see, line, |line| last.out(line)));
            }
            Stream::Err => {
                err.take(bytes, &mut |line| heard(see, line, |line| last.err(line)));
            }
        }
    }

    fn end(mut self) -> Ended {
        let Self { see, last, out, err, .. } = &mut self;
        out.end(&mut |line| heard(see, line, |line| last.out(line)));
        err.end(&mut |line| heard(see, line, |line| last.err(line)));
        let (output, cut) = (self.kept.bytes, self.kept.cut);
        let last = self.last.into_vec();
        Ended { exit: Exit::Code(0), output, cut, last, took: Duration::ZERO }
    }
}

fn heard(see: &mut (dyn FnMut(&str) + Send), line: &str, remember: impl FnOnce(&str)) {
    see(line);
    remember(line);
}
