//! The archive that restic is: each thing that a job needs, as a call of restic.
//!
//! It must not decide what is backed up, or what may be removed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use child::{Background, Exit, FedTrouble, Stream, Voice};
use model::Fault;
use tokio::time::{Instant, sleep};

use super::talk::{Lines, Upload};
use super::{Restic, Said, is_missing, trouble_of};
use crate::backup::archive::{Archive, Damage, Dumped, Label, Stored, Taken};
use crate::disk;

/// So many ids fit into one call.
const IDS: usize = 200;
/// So long a lock is waited for. One who was killed counts as alive until its parent takes note of the end,
/// and where that was killed too, until the first process of the machine does.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether a lock is gone.
const GLANCE: Duration = Duration::from_millis(200);
/// A restic that could read some files only ends with this.
const INCOMPLETE: Exit = Exit::Code(3);
/// What restic says of data that is not what it was.
const DAMAGED: [&str; 10] = [
    "ciphertext verification failed",
    "invalid data returned",
    "contains errors",
    "not found in",
    "does not match",
    "hash mismatch",
    "unexpected EOF",
    "unexpected content",
    "invalid pack",
    "load <",
];

impl Restic<'_> {
    /// Returns the arguments that every call for the data has. A folder is as fast as a cache of it, and
    /// what is damaged in it must not be read from there.
    fn with_cache<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let cache: &[&str] = match self.folder() {
            Some(_) => &["--no-cache"],
            None => &["--cache-dir", &self.cache],
        };
        arguments.iter().chain(cache).copied().collect()
    }

    fn folder(&self) -> Option<&Path> {
        Some(Path::new(&self.location)).filter(|place| place.is_absolute())
    }

    /// Calls restic, and again as long as a lock may go.
    async fn patient(&self, arguments: &[&str]) -> Result<Said, Fault> {
        let (arguments, begun) = (self.with_cache(arguments), Instant::now());
        loop {
            let said = self.call(&arguments).await?;
            if !(said.is_locked() && self.may_go(begun).await?) {
                self.tidy(said.exit).await;
                return Ok(said);
            }
        }
    }

    /// Takes away the locks of the dead. Returns whether the one that was in the way may be among them, or
    /// may be soon.
    async fn may_go(&self, begun: Instant) -> Result<bool, Fault> {
        if begun.elapsed() > PATIENCE {
            return Ok(false);
        }
        self.unlock().await?;
        sleep(GLANCE).await;
        Ok(true)
    }

    /// One that was killed has left its lock, which would be in the way of others. If it cannot be taken
    /// away now, whoever finds it does.
    async fn tidy(&self, exit: Exit) {
        if let Exit::Signal(_) = exit {
            _ = self.unlock().await;
        }
    }

    async fn done(&self, what: &str, arguments: &[&str]) -> Result<Said, Fault> {
        let said = self.patient(arguments).await?;
        if said.exit.is_success() { Ok(said) } else { Err(self.failure(what, &said)) }
    }

    /// Tells damage from what kept restic from looking. `any`: every failure that it ended with by itself
    /// is damage; a restic that was killed has judged nothing.
    fn damage(&self, what: &str, said: &Said, any: bool) -> Result<Option<Damage>, Fault> {
        if said.exit.is_success() {
            return Ok(None);
        }
        let damaged = said.err.iter().any(|line| DAMAGED.iter().any(|sign| line.contains(sign)));
        let failure = self.failure(what, said);
        let other = failure.help.is_some();
        let judged = matches!(said.exit, Exit::Code(_));
        match damaged || any && judged && !other {
            true => Ok(Some(Damage(said.err.iter().take(6).cloned().collect()))),
            false => Err(failure),
        }
    }

    fn label<'a>(label: &'a Label, time: &'a str) -> Vec<&'a str> {
        let mut arguments = vec!["backup", "--json", "--time", time];
        arguments.extend(label.host.iter().flat_map(|host| ["--host", host]));
        arguments.extend(label.tags.iter().flat_map(|tag| ["--tag", tag]));
        arguments
    }

    /// Judges the end of a backup.
    fn taken(&self, upload: Upload, said: &Said) -> Result<Taken, Fault> {
        match said.exit {
            Exit::Code(0) => Ok(upload.taken),
            INCOMPLETE if !upload.taken.id.is_empty() => Ok(upload.taken),
            _ => Err(self.failure("the backup", said)),
        }
    }
}

/// Hears a backup: what is said in JSON goes one way, complaints another.
struct Hearing<'h> {
    upload: Upload,
    out: Lines,
    err: Lines,
    complaints: Vec<String>,
    restic: &'h Restic<'h>,
}

impl<'h> Hearing<'h> {
    fn of(restic: &'h Restic<'h>) -> Self {
        let (out, err) = (Lines::default(), Lines::default());
        Self { upload: Upload::default(), out, err, complaints: Vec::new(), restic }
    }

    fn take(&mut self, is_err: bool, bytes: &[u8]) {
        let Self { upload, out, err, complaints, restic } = self;
        let mut see = |line: &str| heard(upload, complaints, restic, line);
        if is_err { err.take(bytes, &mut see) } else { out.take(bytes, &mut see) }
    }

    fn end(mut self, exit: Exit) -> (Upload, Said) {
        let Self { upload, out, err, complaints, restic } = &mut self;
        let mut see = |line: &str| heard(upload, complaints, restic, line);
        out.end(&mut see);
        err.end(&mut see);
        (self.upload, Said { exit, out: String::new(), err: self.complaints })
    }
}

fn heard(upload: &mut Upload, complaints: &mut Vec<String>, restic: &Restic<'_>, line: &str) {
    let progress = &restic.context.progress;
    if upload.hear(line, &mut |text| progress.status(text)).is_none() && !line.trim().is_empty() {
        complaints.push(restic.sieve.strain(line));
    }
}

impl Archive for Restic<'_> {
    async fn id(&self) -> Result<Option<String>, Fault> {
        let said = self.call(&["cat", "config", "--no-lock", "--no-cache"]).await?;
        if said.exit.is_success() {
            let config: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_default();
            return match config["id"].as_str() {
                Some(id) => Ok(Some(id.to_owned())),
                None => Err(Fault::broken("restic shows a repository without an id")),
            };
        }
        let none = said.exit == Exit::Code(10)
            || said.err.iter().any(|line| line.contains("Is there a repository at"))
                && is_missing(&said.err);
        if none { Ok(None) } else { Err(self.failure("looking at the repository", &said)) }
    }

    async fn init(&self) -> Result<(), Fault> {
        self.must("making the repository", &["init", "--no-cache"]).await.map(|_| ())
    }

    async fn ids(&self) -> Result<Vec<String>, Fault> {
        let Some(folder) = self.folder() else {
            let said = self.done("the list", &["list", "snapshots", "--no-lock"]).await?;
            return Ok(said.out.lines().map(str::to_owned).collect());
        };
        let folder = folder.join("snapshots");
        let entries = fs::read_dir(&folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Fault::refused(format!("there is no repository at {}", self.location)).help(
                    "mount or reach what it lies on; or let `windlass plan` say what is missing",
                )
            }
            _ => disk::fault("read", &folder, &error),
        })?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.filter(|name| name.len() == 64).collect())
    }

    async fn snapshots(&self) -> Result<Vec<Stored>, Fault> {
        let said = self.done("the list", &["snapshots", "--json", "--no-lock"]).await?;
        let snapshots: Option<Vec<Stored>> = serde_json::from_str(&said.out).map_err(|error| {
            Fault::broken(format!("what restic lists is not understood: {error}"))
        })?;
        let mut snapshots = snapshots.unwrap_or_default();
        snapshots.sort_by_key(|snapshot| snapshot.taken.at);
        Ok(snapshots)
    }

    async fn store_files(
        &self,
        label: &Label,
        paths: &[String],
        exclude: &[String],
    ) -> Result<Taken, Fault> {
        let time = label.taken.in_words();
        let mut arguments = Self::label(label, &time);
        arguments.extend(exclude.iter().flat_map(|pattern| ["--exclude", pattern]));
        let mut arguments = self.with_cache(&arguments);
        arguments.push("--");
        arguments.extend(paths.iter().map(String::as_str));
        let begun = Instant::now();
        loop {
            let mut hearing = Hearing::of(self);
            let mut hear = |stream, bytes: &[u8]| hearing.take(stream == Stream::Err, bytes);
            let command = self.command(&arguments);
            let ended = child::run_apart(&command, Background::Ends, &mut hear).await;
            let exit = ended.map_err(|trouble| trouble_of(&trouble))?.exit;
            let (upload, said) = hearing.end(exit);
            if !(said.is_locked() && self.may_go(begun).await?) {
                self.tidy(exit).await;
                return self.taken(upload, &said);
            }
        }
    }

    async fn store_dump(
        &self,
        label: &Label,
        dump: &child::Command,
        file: &str,
        whole: &mut (dyn FnMut(bool) -> io::Result<()> + Send),
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Dumped, Fault> {
        let time = label.taken.in_words();
        let mut arguments = Self::label(label, &time);
        arguments.extend(["--stdin", "--stdin-filename", file]);
        let command = self.command(&self.with_cache(&arguments));
        let begun = Instant::now();
        loop {
            let (mut hearing, mut lines) = (Hearing::of(self), Lines::default());
            let mut hear = |voice, bytes: &[u8]| match voice {
                Voice::Source => lines.take(bytes, &mut |line| say(line)),
                Voice::Sink => hearing.take(false, bytes),
                Voice::SinkErr => hearing.take(true, bytes),
            };
            let mut is_whole = || whole(true);
            let fed = match child::run_fed(dump, &command, &mut is_whole, &mut hear).await {
                Ok(fed) => fed,
                Err(FedTrouble::Source(child::Trouble::Start(error))) => {
                    return Ok(Dumped::NotStarted(error));
                }
                Err(FedTrouble::Sink(trouble)) => return Err(trouble_of(&trouble)),
                Err(error) => return Err(Fault::broken(format!("the dump: {error}"))),
            };
            lines.end(&mut |line| say(line));
            let Some(exit) = fed.sink else {
                self.tidy(Exit::Signal(9)).await;
                return Ok(Dumped::Failed(fed.source.unwrap_or(Exit::Signal(9))));
            };
            let (upload, said) = hearing.end(exit);
            if !(said.is_locked() && self.may_go(begun).await?) {
                self.tidy(exit).await;
                return self.taken(upload, &said).map(Dumped::Taken);
            }
            let noted = whole(false);
            noted.map_err(|error| Fault::broken(format!("the dump: {error}")))?;
        }
    }

    async fn forget(&self, ids: &[String]) -> Result<(), Fault> {
        for ids in ids.chunks(IDS) {
            let ids = ids.iter().map(String::as_str);
            let arguments: Vec<&str> = ["forget"].into_iter().chain(ids).collect();
            self.done("removing snapshots", &arguments).await?;
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), Fault> {
        self.done("giving room back", &["prune"]).await.map(|_| ())
    }

    async fn check(&self, part: u32, of: u32) -> Result<Option<Damage>, Fault> {
        let subset = format!("--read-data-subset={part}/{of}");
        let data = if of <= 1 { "--read-data" } else { &subset };
        let said = self.patient(&["check", data]).await?;
        self.damage("the verification", &said, true)
    }

    /// `dump` passes over a folder whose list is damaged, without a word (seen with 0.14); `check` does
    /// not, and reads no content. One after the other they read everything.
    async fn read_whole(&self, id: &str) -> Result<Option<Damage>, Fault> {
        let said = self.patient(&["check"]).await?;
        if let Some(damage) = self.damage("the verification", &said, true)? {
            return Ok(Some(damage));
        }
        let said = self.heard(&self.with_cache(&["dump", id, "/", "--no-lock"]), false).await?;
        self.damage("reading the snapshot", &said, false)
    }

    async fn restore(&self, id: &str, to: &Path) -> Result<Option<Damage>, Fault> {
        let to = to.to_string_lossy();
        let said = self.patient(&["restore", id, "--target", &to]).await?;
        self.damage("the restore", &said, false)
    }

    async fn unlock(&self) -> Result<(), Fault> {
        self.must("taking stale locks away", &self.with_cache(&["unlock"])).await.map(|_| ())
    }

    async fn keeps_oldest(&self) -> bool {
        let Ok(said) = self.call(&["version"]).await else { return false };
        let version = said.out.split_whitespace().nth(1).unwrap_or_default();
        let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
        let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        version >= (0, 16)
    }
}
