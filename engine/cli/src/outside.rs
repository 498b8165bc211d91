//! The world around the program: arguments, environment, clock, randomness, terminal.
//!
//! Nothing else in the binary asks for them: they are handed on from here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use model::context::{Clock, Random};

use crate::render::when::{Moment, millis};

/// What is around one call of the program.
pub(crate) struct Surroundings {
    /// What was typed, the program's name first.
    pub(crate) arguments: Vec<OsString>,
    /// Variables that are text.
    pub(crate) environment: BTreeMap<String, String>,
    /// The folder that it was called in.
    pub(crate) folder: PathBuf,
    /// The program itself.
    pub(crate) program: PathBuf,
    /// When it began.
    pub(crate) begun: Instant,
    /// Standard output goes to a person.
    pub(crate) shows: bool,
    /// Standard input comes from a person.
    pub(crate) asks: bool,
    /// Characters in a line of that person's terminal.
    pub(crate) width: Option<usize>,
}

impl Surroundings {
    /// Looks around.
    pub(crate) fn of_this_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            arguments: std::env::args_os().collect(),
            environment,
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("windlass")),
            begun: Instant::now(),
            shows: std::io::stdout().is_terminal(),
            asks: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            width: terminal_size().map(|(columns, _)| columns),
        }
    }

    /// Returns a variable that is not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Returns columns and rows of the terminal that standard output goes to, if it is one.
pub(crate) fn terminal_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some((size.ws_col.into(), size.ws_row.into()))
}

/// Returns the time now, and the zone of who reads.
pub(crate) fn moment() -> Moment {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment { now: millis(now), zone: jiff::tz::TimeZone::system() }
}

/// The clock of this machine.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The randomness of this machine's kernel.
pub(crate) struct OsRandom;

impl Random for OsRandom {
    /// It waits until the kernel has gathered enough, and then cannot fail.
    fn fill(&self, buffer: &mut [u8]) {
        let mut done = 0;
        while done < buffer.len() {
            let flags = rustix::rand::GetRandomFlags::empty();
            if let Ok(count) = rustix::rand::getrandom(&mut buffer[done..], flags) {
                done += count;
            }
        }
    }
}
