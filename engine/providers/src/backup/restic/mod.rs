//! The program `restic`: called with its key in memory, and understood by what it says.
//!
//! It must not decide what is backed up, or what may be removed. The key is handed over as a file
//! that has no name on any disk: it ends with this process, however that ends.

mod archive;
mod talk;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

use child::{Background, Exit, Stream, Trouble};
use language::Period;
use model::{Context, Fault};
use rustix::fs::{MemfdFlags, memfd_create};

use super::repository::RepositorySpec;
use crate::text::{Sieve, revealed_map};

pub use talk::bytes;

/// Variables that would let restic take another repository or key than the one that is meant.
const FOREIGN: [&str; 4] =
    ["RESTIC_REPOSITORY_FILE", "RESTIC_PASSWORD", "RESTIC_PASSWORD_COMMAND", "RESTIC_KEY_HINT"];
/// How long restic may take to end once it is told to.
const GRACE: Duration = Duration::from_secs(10);
/// How long a call may take that only looks at a repository, or makes it.
const LOOK: Duration = Duration::from_mins(10);
/// A person reads so many lines of a failure.
const LAST: usize = 20;

/// One repository, as restic sees it.
pub(super) struct Restic<'c> {
    context: &'c Context,
    location: String,
    environment: BTreeMap<String, String>,
    sieve: Sieve,
    /// Holds the key, and nothing else.
    key: File,
    token: String,
    /// Where it keeps what it has fetched, of places that are not on this machine.
    cache: String,
    /// How long each call may take.
    pub(super) time_limit: Period,
}

/// What a call of restic came to.
pub(super) struct Said {
    pub(super) exit: Exit,
    pub(super) out: String,
    /// Secrets are covered.
    pub(super) err: Vec<String>,
}

impl Said {
    fn is_locked(&self) -> bool {
        self.exit == Exit::Code(11) || self.err.iter().any(|line| line.contains("already locked"))
    }
}

impl<'c> Restic<'c> {
    /// Returns the repository of this definition. Whatever is started for it carries the token.
    ///
    /// # Errors
    /// A secret is missing.
    pub(super) fn of(
        context: &'c Context,
        spec: &RepositorySpec,
        token: &str,
    ) -> Result<Self, Fault> {
        let secrets = context.secrets();
        let password = model::secret::revealed_name(secrets, &spec.password.name)?;
        let location = spec.place.location(context);
        let mut environment = context.site.environment.clone();
        FOREIGN.iter().for_each(|name| _ = environment.remove(*name));
        for (name, text) in revealed_map(secrets, &spec.environment)? {
            environment.insert(name, text.expose().to_owned());
        }
        let key = key_file(password.expose())
            .map_err(|error| Fault::broken(format!("cannot hand over the key: {error}")))?;
        environment.insert("RESTIC_REPOSITORY".to_owned(), location.clone());
        environment.insert("RESTIC_PROGRESS_FPS".to_owned(), "0.5".to_owned());
        let sieve = Sieve::of(secrets, spec.environment.values())?;
        let cache = context.site.home.join("backups/cache").to_string_lossy().into_owned();
        let token = token.to_owned();
        let time_limit = Period(LOOK);
        Ok(Self { context, location, environment, sieve, key, token, cache, time_limit })
    }

    /// Runs restic to its end.
    ///
    /// # Errors
    /// It is not installed, or cannot be run. How it ended is the caller's to judge.
    pub(super) async fn call(&self, arguments: &[&str]) -> Result<Said, Fault> {
        self.heard(arguments, true).await
    }

    /// The same; what it writes to its standard output may be of no interest.
    async fn heard(&self, arguments: &[&str], keep: bool) -> Result<Said, Fault> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut hear = |stream, bytes: &[u8]| match stream {
            Stream::Out if keep => out.extend(bytes),
            Stream::Out => {}
            Stream::Err => err.extend(bytes),
        };
        let ended = child::run_apart(&self.command(arguments), Background::Ends, &mut hear).await;
        let exit = ended.map_err(|trouble| trouble_of(&trouble))?.exit;
        let err = String::from_utf8_lossy(&err);
        let err = err.lines().filter(|line| !line.trim().is_empty());
        let err = err.map(|line| self.sieve.strain(line)).collect();
        Ok(Said { exit, out: String::from_utf8_lossy(&out).into_owned(), err })
    }

    /// The same, and it must end well.
    pub(super) async fn must(&self, what: &str, arguments: &[&str]) -> Result<Said, Fault> {
        let said = self.call(arguments).await?;
        if said.exit.is_success() { Ok(said) } else { Err(self.failure(what, &said)) }
    }

    pub(super) fn command(&self, arguments: &[&str]) -> child::Command {
        let argv = ["restic"].iter().chain(arguments).map(Into::into).collect();
        let mut environment = self.environment.clone();
        // Opened by restic, which is the same user's; no other process inherits it.
        let key = format!("/proc/{}/fd/{}", std::process::id(), self.key.as_raw_fd());
        environment.insert("RESTIC_PASSWORD_FILE".to_owned(), key);
        child::Command {
            argv,
            environment,
            directory: self.context.site.project.clone(),
            token: self.token.clone(),
            timeout: Some(self.time_limit.0),
            grace: GRACE,
        }
    }

    /// Returns why restic refused: `what` is "the backup", "the check".
    pub(super) fn failure(&self, what: &str, said: &Said) -> Fault {
        let place = &self.location;
        let says = |text: &str| said.err.iter().any(|line| line.contains(text));
        let code = match said.exit {
            Exit::Code(code) => code,
            _ => 0,
        };
        let fault = if code == 12 || says("wrong password or no key found") {
            Fault::refused(format!("the password does not open the repository {place}"))
                .help("set the secret of `password` to the one that it was made with; nothing was changed")
        } else if code == 11 || says("already locked") {
            Fault::passing(format!("the repository {place} is locked by somebody who is at work"))
                .help("wait for it; the lock of a process that is dead is taken over by itself")
        } else if code == 10 || says("Is there a repository at") {
            Fault::refused(format!("there is no repository at {place}"))
                .help("mount or reach what it lies on; or let `windlass plan` say what is missing")
        } else if said.exit == Exit::TimedOut {
            let limit = self.time_limit.words();
            Fault::refused(format!("{what} did not end within {limit}, and was ended")).help(
                format!(
                    "see whether {place} answers; `time_limit` of the job says how long it may take"
                ),
            )
        } else if says("no space left on device") {
            Fault::broken(format!("{what} found no room: a disk is full"))
                .help("make room, then run it again: what was written so far is used")
        } else {
            Fault::refused(format!("{what} failed: restic: {}", said.exit))
        };
        let skip = said.err.len().saturating_sub(LAST);
        fault.details(said.err.iter().skip(skip).cloned())
    }
}

/// Older ones say the same about a place that cannot be reached: only its absence means absence.
fn is_missing(err: &[String]) -> bool {
    let absent = ["no such file", "does not exist", "not found", "not exist"];
    err.iter().map(|line| line.to_lowercase()).any(|line| absent.iter().any(|a| line.contains(a)))
}

fn key_file(password: &str) -> io::Result<File> {
    let mut file = File::from(memfd_create("windlass-key", MemfdFlags::CLOEXEC)?);
    file.write_all(password.as_bytes())?;
    Ok(file)
}

fn trouble_of(trouble: &Trouble) -> Fault {
    match trouble {
        Trouble::Start(error) if error.kind() == io::ErrorKind::NotFound => missing(),
        trouble => Fault::broken(format!("cannot run restic: {trouble}")),
    }
}

/// Says how to get restic.
pub(super) fn missing() -> Fault {
    Fault::refused("backups need the program restic, which is not installed")
        .help("apt-get install restic, or the same with your package manager")
}
