//! A job at work: its repository open, its ledger at hand, and what an earlier life left settled.
//!
//! It must not take, read or remove snapshots of its own accord, but for those that an earlier life
//! was killed in the middle of.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{Context, Fault, On, Token, Value};

use super::keep::Stamp;
use super::ledger::{Ledger, Noted, Pending, minutes, now};
use super::spec::JobSpec;
use crate::backup::archive::{Archive, Label, Stored};
use crate::backup::repository::Defined;
use crate::backup::restic::Restic;
use crate::command::{Course, Invocation};
use crate::disk;
use crate::text::{Sieve, revealed_map};

/// A job at work.
pub(super) struct Opened<'o> {
    pub(super) context: &'o Context,
    pub(super) spec: &'o JobSpec,
    pub(super) token: &'o Token,
    /// What all resources are in the world.
    pub(super) claims: &'o [String],
    pub(super) restic: Restic<'o>,
    pub(super) ledger: Ledger,
}

impl<'o> Opened<'o> {
    /// Opens the repository of a job, and does nothing else.
    pub(super) fn of(context: &'o Context, on: On<'o, JobSpec>) -> Result<Self, Fault> {
        let On { spec, object, claims, token } = on;
        let location = &spec.repository;
        let repository = Defined::at(context, location)?.ok_or_else(|| {
            Fault::refused(format!("no repository that was applied is at {location}"))
                .help("apply the stack with its `backup.repository`")
        })?;
        let mut restic = Restic::of(context, &repository.spec()?, token.as_str())?;
        restic.time_limit = spec.time_limit;
        let job = object.text("job").to_owned();
        let ledger = Ledger::of(context, &job, location)?;
        let none = || Ledger { job: job.clone(), location: location.clone(), ..Ledger::default() };
        let ledger = ledger.unwrap_or_else(none);
        Ok(Self { context, spec, token, claims, restic, ledger })
    }

    /// The same, and settles what an earlier life left.
    pub(super) async fn settled(context: &'o Context, on: On<'o, JobSpec>) -> Result<Self, Fault> {
        let mut opened = Self::of(context, on)?;
        if let Some(pending) = opened.ledger.pending.clone() {
            opened.settle(&pending).await?;
        }
        if !opened.ledger.removing.is_empty() {
            opened.struck().await?;
        }
        Ok(opened)
    }

    async fn settle(&mut self, pending: &Pending) -> Result<(), Fault> {
        let Pending { verb, began, .. } = pending;
        self.say(&format!("the {verb} of {} was cut off: it is settled now", minutes(*began)));
        for token in [pending.token.clone(), dump_token(&pending.token)] {
            let swept = child::sweep(&token, Duration::ZERO).await;
            swept.map_err(|error| Fault::broken(error.to_string()))?;
        }
        if pending.after {
            self.after("failed").await?;
            self.note_pending(|pending| pending.after = false)?;
        }
        if let Some(scratch) = &pending.scratch {
            clear(scratch)?;
        }
        self.restic.unlock().await?;
        let tag = run_tag(&pending.token);
        for stored in self.restic.snapshots().await? {
            if stored.tags.contains(&tag) && self.ledger.noted(&stored.id).is_none() {
                self.left_behind(stored, pending.whole).await?;
            }
        }
        self.ledger.pending = None;
        self.ledger.keep(self.context)
    }

    /// A snapshot of which nobody knows whether it holds everything is none.
    async fn left_behind(&mut self, stored: Stored, whole: bool) -> Result<(), Fault> {
        if whole {
            self.say(&format!("its snapshot {} is whole, and is kept", &stored.id[..8]));
            self.ledger.add(adopted(stored));
            return Ok(());
        }
        let id = stored.id[..8].to_owned();
        self.restic.forget(&[stored.id]).await?;
        self.say(&format!("its snapshot {id} may not hold everything, and was removed"));
        Ok(())
    }

    /// Takes in what of a removal that was cut off has come about.
    pub(super) async fn struck(&mut self) -> Result<(), Fault> {
        let ids = self.restic.ids().await?;
        let Ledger { snapshots, removing, .. } = &mut self.ledger;
        let gone = |noted: &Noted| {
            removing.iter().any(|id| noted.is(id)) && !ids.iter().any(|id| noted.is(id))
        };
        snapshots.retain(|noted| !gone(noted));
        removing.clear();
        self.ledger.keep(self.context)
    }

    /// Notes what is about to be done.
    pub(super) fn begin(
        &mut self,
        verb: &str,
        after: bool,
        scratch: Option<PathBuf>,
    ) -> Result<(), Fault> {
        let (token, verb, began) = (self.token.to_string(), verb.to_owned(), self.now());
        self.ledger.pending = Some(Pending { token, verb, began, whole: false, after, scratch });
        self.ledger.keep(self.context)
    }

    /// Notes that nothing is being done.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.ledger.pending = None;
        self.ledger.keep(self.context)
    }

    pub(super) fn note_pending(&mut self, change: impl FnOnce(&mut Pending)) -> Result<(), Fault> {
        self.ledger.pending.as_mut().map(change);
        self.ledger.keep(self.context)
    }

    /// Compares the repository with the ledger, notes what is missing, and returns the ids of snapshots
    /// that cannot be read.
    pub(super) async fn look(&mut self) -> Result<Vec<String>, Fault> {
        let (stored, ids) = (self.restic.snapshots().await?, self.restic.ids().await?);
        self.adopt(&stored);
        for one in &stored {
            if let Some(noted) = self.ledger.noted(&one.id) {
                (noted.id, noted.tree) = (one.id.clone(), one.tree.clone());
            }
        }
        self.miss(&ids);
        self.ledger.keep(self.context)?;
        let unread = |id: &&String| !stored.iter().any(|one| one.id == **id);
        Ok(ids.iter().filter(unread).cloned().collect())
    }

    /// Takes in, once, what an earlier life of this ledger has taken: what carries the job's name and is
    /// no younger than all that this one knows. Whatever else carries it later is a stranger's.
    fn adopt(&mut self, stored: &[Stored]) {
        if std::mem::replace(&mut self.ledger.adopted, true) {
            return;
        }
        let (host, tag) = (self.host(), job_tag(&self.ledger.job));
        let first = self.ledger.snapshots.first().map(|noted| noted.taken.at);
        let ours = stored.iter().filter(|one| one.host == host && one.tags.contains(&tag));
        let older = |one: &&Stored| first.is_none_or(|first| one.taken.at <= first);
        let known = |one: &&Stored| self.ledger.snapshots.iter().any(|noted| noted.is(&one.id));
        let ours: Vec<Noted> =
            ours.filter(older).filter(|one| !known(one)).cloned().map(adopted).collect();
        if !ours.is_empty() {
            self.say(&format!("{} snapshots of an earlier life are taken in", ours.len()));
        }
        self.ledger.snapshots.splice(0..0, ours);
    }

    /// Takes in which snapshots are not among these, and returns whether that is news.
    pub(super) fn miss(&mut self, ids: &[String]) -> bool {
        let now = self.now();
        let mut news = false;
        for noted in &mut self.ledger.snapshots {
            let there = ids.iter().any(|id| noted.is(id));
            news |= there == noted.missing.is_some();
            noted.missing = (!there).then(|| noted.missing.unwrap_or(now));
        }
        news
    }

    /// Refuses to go on with a list of snapshots that somebody else has shortened.
    pub(super) fn refuse_missing(&self) -> Result<(), Fault> {
        let missing: Vec<String> = self.ledger.missing().map(Noted::named).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        let message = match missing.len() {
            1 => format!("snapshot {first} is gone, and nobody here removed it"),
            more => format!("{more} snapshots are gone, and nobody here removed them"),
        };
        let job = &self.ledger.job;
        Err(Fault::refused(message)
            .help(format!(
                "find out who did; `windlass backup verify {job} --accept-missing` strikes what is gone \
                 from the list"
            ))
            .details(missing))
    }

    /// Notes that something stored is damaged, and returns it as a fault.
    pub(super) fn damaged(&mut self, what: &str, lines: Vec<String>) -> Fault {
        let said = lines.first().cloned().unwrap_or_default();
        self.ledger.damage = Some(super::ledger::Found { at: self.now(), said });
        let noted = self.ledger.keep(self.context);
        let fault = Fault::refused(format!("{what} found damage in the repository"))
            .help(format!(
                "nothing is removed from it until `windlass backup verify {} --all` finds it whole; \
                 https://restic.readthedocs.io/en/stable/077_troubleshooting.html says how to repair it",
                self.ledger.job
            ))
            .details(lines);
        noted.err().unwrap_or(fault)
    }

    /// Returns the snapshot that is meant: by the beginning of its id, or the newest.
    pub(super) fn chosen(&self, id: Option<&str>) -> Result<Noted, Fault> {
        let mut there = self.ledger.there();
        let chosen = match id {
            None => there.next_back(),
            Some(id) => there.find(|noted| !id.is_empty() && noted.id.starts_with(id)),
        };
        chosen.cloned().ok_or_else(|| {
            let job = &self.ledger.job;
            let message = match id {
                None => format!("{job} has no snapshot yet"),
                Some(id) => format!("{job} has no snapshot `{id}`"),
            };
            let help = match id {
                None => format!("windlass backup {job}"),
                Some(_) => format!("`windlass backup list {job}` lists them"),
            };
            Fault::futile(message).help(help)
        })
    }

    /// Returns what a new snapshot is known by.
    pub(super) fn label(&self) -> Label {
        let job = job_tag(&self.ledger.job);
        let run = run_tag(self.token.as_str());
        let tags = ["windlass".to_owned(), job, run].into_iter().chain(self.spec.tags.clone());
        Label { tags: tags.collect(), host: Some(self.host()), taken: self.now() }
    }

    fn host(&self) -> String {
        let own = || fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        self.spec.host.clone().unwrap_or_else(|| own().trim().to_owned())
    }

    /// Runs `after`, if there is one.
    pub(super) async fn after(&self, outcome: &str) -> Result<(), Fault> {
        let Some(after) = &self.spec.after else { return Ok(()) };
        let more = [("WINDLASS_OUTCOME", outcome.to_owned())];
        self.run("after", after, &self.context.place(&self.spec.directory.0), &more)
            .await
            .map(|_| ())
    }

    /// Runs one of its commands, and returns the last line that it wrote.
    pub(super) async fn run(
        &self,
        what: &'static str,
        command: &Invocation,
        directory: &Path,
        more: &[(&str, String)],
    ) -> Result<String, Fault> {
        let course = self.course(what, command, directory, more)?;
        self.context.progress.status(&format!("{what}: {command}"));
        let ended = course.run(&mut |line| self.say(line)).await?;
        match ended.exit.is_success() {
            true => Ok(ended.last.last().cloned().unwrap_or_default()),
            false => Err(course.failure(&ended)),
        }
    }

    pub(super) fn course(
        &self,
        what: &'static str,
        command: &Invocation,
        directory: &Path,
        more: &[(&str, String)],
    ) -> Result<Course, Fault> {
        let secrets = self.context.secrets();
        let mut environment: BTreeMap<String, String> = self.context.site.environment.clone();
        for (name, text) in revealed_map(secrets, &self.spec.environment)? {
            environment.insert(name, text.expose().to_owned());
        }
        environment.extend(more.iter().map(|(name, text)| ((*name).to_owned(), text.clone())));
        Ok(Course {
            what,
            invocation: command.clone(),
            directory: directory.to_owned(),
            environment,
            token: self.token.to_string(),
            time_limit: self.spec.time_limit.0,
            grace: GRACE,
            leave_running: false,
            most: 0,
            sieve: Sieve::of(secrets, self.spec.environment.values())?,
        })
    }

    pub(super) fn say(&self, line: &str) {
        self.context.progress.line(line);
    }

    pub(super) fn now(&self) -> Stamp {
        now(self.context)
    }
}

/// How long a command may take to end once it is told to.
const GRACE: Duration = Duration::from_secs(10);

/// What the command carries whose output is stored: it is ended apart from what stores it.
pub(super) fn dump_token(token: &str) -> String {
    format!("{token}-dump")
}

fn job_tag(job: &str) -> String {
    format!("job:{job}")
}

fn run_tag(token: &str) -> String {
    format!("run:{token}")
}

fn adopted(stored: Stored) -> Noted {
    let Stored { id, taken, tree, tags, .. } = stored;
    let (size, added, files) = (0, 0, 0);
    let (reckoned, proof, disproof, missing) = (None, None, None, None);
    Noted { id, taken, reckoned, size, added, files, tags, tree, proof, disproof, missing }
}

/// Removes a folder that is ours, with all that was restored into it.
pub(super) fn clear(folder: &Path) -> Result<(), Fault> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(disk::fault("remove", folder, &error))
        }
        _ => Ok(()),
    }
}

/// Returns a number as programs read it.
pub(super) fn number(number: u64) -> Value {
    Value::Plain(number.to_string())
}
