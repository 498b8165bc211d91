//! What a service is to be: what is run, and by which rules it is kept running.
//!
//! The program (command and environment) may hold secrets and is kept apart from the rules, which
//! never do: rules lie on disk as they are, a program only sealed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::record::file_name;

/// The longest name of a file, with room for what is added to it.
const LONGEST: usize = 240;

/// A service as it is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// What it is called, once per project: its address.
    pub name: String,
    /// What is run; may hold secrets.
    pub program: Program,
    /// How it is kept running; holds no secrets.
    pub rules: Rules,
}

/// What is run. Its text is never shown: any of it may be secret.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// The program and its arguments; no shell.
    pub command: Vec<String>,
    /// Its own variables.
    pub environment: BTreeMap<String, String>,
    /// Those of whoever started it that it starts from; its own win. Others are no reason to start
    /// it again. Nothing else is added but `WINDLASS_SERVICE`, by which its processes are recognised.
    #[serde(default)]
    pub inherited: BTreeMap<String, String>,
}

impl Program {
    /// Whether a process of the one is as good as a process of the other.
    pub(super) fn runs_as(&self, other: &Self) -> bool {
        (&self.command, &self.environment) == (&other.command, &other.environment)
    }

    /// Returns a variable as its process finds it.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).or_else(|| self.inherited.get(name)).map(String::as_str)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, variables) = (self.command.len(), self.environment.len());
        write!(f, "Program({words} words, {variables} variables)")
    }
}

/// How a service is kept running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Where it runs; absolute.
    pub working_directory: PathBuf,
    /// Where its output goes.
    pub log: Log,
    /// What happens when it ends.
    pub restart: Restart,
    /// How it is ended.
    pub stop: Stop,
    /// How to see that it works.
    pub health: Option<HealthCheck>,
    /// What its owner wants to be told again in each status; not secret.
    pub facts: BTreeMap<String, String>,
}

/// Where the output goes. Standard output and error share one file, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The file; absolute.
    pub file: PathBuf,
    /// Past this many bytes it is set aside.
    pub size: u64,
    /// How many files that were set aside are kept.
    pub keep: u32,
}

/// What happens when a service ends by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    /// Whether it is started again.
    pub when: RestartWhen,
    /// The pause before the first start again.
    pub pause: Duration,
    /// What the pause is multiplied with for each further crash in a row.
    pub factor: f64,
    /// The longest pause.
    pub longest: Duration,
    /// Having run this long, a crash counts as the first one again.
    pub steady: Duration,
}

/// Whether a service that ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartWhen {
    /// Whatever its exit code.
    Always,
    /// Unless its exit code is 0.
    OnFailure,
    /// Never.
    Never,
}

/// How a service is ended: the signal to all of its processes, and after the grace KILL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// What it is asked with.
    pub signal: StopSignal,
    /// How long it may take.
    pub grace: Duration,
}

/// A signal that asks a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopSignal {
    /// What most programs understand.
    Term,
    /// As Ctrl-C does.
    Int,
    /// nginx, for one, serves to the end what it has begun.
    Quit,
    /// As a closed terminal does.
    Hup,
    /// Without asking.
    Kill,
}

impl StopSignal {
    /// Returns the signal itself.
    pub(super) fn signal(self) -> Signal {
        match self {
            Self::Term => Signal::TERM,
            Self::Int => Signal::INT,
            Self::Quit => Signal::QUIT,
            Self::Hup => Signal::HUP,
            Self::Kill => Signal::KILL,
        }
    }
}

/// How to see that a service works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What is asked.
    pub probe: Probe,
    /// The time between two probes, once it has settled.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long failures after a start count for nothing.
    pub grace: Duration,
    /// How many failures in a row mean unhealthy.
    pub failures: u32,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// An HTTP/1.1 GET.
    Http {
        /// HTTPS, and whom to trust.
        tls: Option<Tls>,
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// The path, with its query.
        path: String,
        /// The status that means healthy.
        status: u16,
    },
    /// A connection that is accepted.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A command that ends with 0, run as the service is run. It is no place for secrets.
    Command {
        /// The program and its arguments; no shell.
        command: Vec<String>,
    },
}

/// HTTPS for a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The name to ask for; the host if there is none.
    pub name: Option<String>,
    /// A PEM file with the authorities to trust. None: any certificate will do, since what is probed
    /// is whether the service answers, not who it is.
    pub authorities: Option<PathBuf>,
}

impl ServiceSpec {
    /// Says what makes it impossible to keep such a service.
    pub(super) fn refuse(&self) -> Option<String> {
        let rules = &self.rules;
        let relative = |path: &PathBuf| !path.is_absolute();
        match () {
            () if self.name.is_empty() => Some("a service needs a name".into()),
            () if file_name(&self.name).len() > LONGEST => {
                Some(format!("the name `{}` is too long for a file of its own", self.name))
            }
            () if self.program.command.first().is_none_or(String::is_empty) => {
                Some("its command is empty".into())
            }
            () if relative(&rules.working_directory) => Some(format!(
                "its working directory {} is not an absolute path",
                rules.working_directory.display()
            )),
            () if relative(&rules.log.file) => {
                Some(format!("its log file {} is not an absolute path", rules.log.file.display()))
            }
            () => self.zero_byte(),
        }
    }

    /// A zero byte cannot be in a command or an environment.
    fn zero_byte(&self) -> Option<String> {
        let program = &self.program;
        let named = program.environment.keys().find(|name| {
            name.is_empty()
                || name.contains(['=', '\0'])
                || program.environment[*name].contains('\0')
        });
        if let Some(name) = named {
            let name = name.replace('\0', "\\0");
            return Some(format!("`{name}` cannot be a variable of its environment as it stands"));
        }
        let bad = program.command.iter().any(|word| word.contains('\0'));
        bad.then(|| "its command holds a zero byte".into())
    }
}

impl Rules {
    /// Whether a running service would have to be started again to follow these.
    pub(super) fn need_a_start_after(&self, old: &Self) -> bool {
        self.working_directory != old.working_directory || self.log.file != old.log.file
    }
}
