//! `restore` into a folder that is named, and `drill`: a restore that is tried and leaves a proof.
//!
//! Both restore beside, and move what is whole. They must not write over anything, nor into what a job
//! or a resource owns.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use language::Spec;
use language::scalar::FilePath;
use model::fault::Nature;
use model::{Action, Conduct, Context, Digest, Fault, On, Tree, Value};

use super::BackupJob;
use super::ledger::{Found, Ledger, Noted};
use super::opened::{Opened, clear};
use super::spec::JobSpec;
use crate::backup::archive::{Archive, Damage};
use crate::disk;

/// Restores a snapshot.
pub(super) struct Restore;

/// Tries a restore.
pub(super) struct Drill;

/// What `restore` is told.
#[derive(Clone, Debug, Spec)]
pub struct RestoreArgs {
    /// The folder, which must be empty or not there: relative to the project, or absolute.
    pub to: FilePath,
    /// The beginning of a snapshot's id; without it the newest.
    pub snapshot: Option<String>,
}

/// What `drill` is told.
#[derive(Clone, Debug, Spec)]
pub struct DrillArgs {
    /// The beginning of a snapshot's id; without it the newest.
    pub snapshot: Option<String>,
}

impl Action for Restore {
    type Kind = BackupJob;
    const VERB: &'static str = "restore";
    const CONDUCT: Conduct = Conduct::Once;
    type Args = RestoreArgs;

    async fn perform(
        &self,
        context: &Context,
        on: On<'_, JobSpec>,
        args: &RestoreArgs,
    ) -> Result<Tree, Fault> {
        let mut job = Opened::settled(context, on).await?;
        let to = target(&job, &args.to.0)?;
        // The repository is asked where the ledger does not know.
        if !job.ledger.adopted || job.chosen(args.snapshot.as_deref()).is_err() {
            job.look().await?;
        }
        let noted = job.chosen(args.snapshot.as_deref())?;
        let beside = disk::unfinished(&to, job.token);
        job.begin("restore", false, Some(beside.clone()))?;
        let restored = restored(&mut job, &noted, &beside).await;
        let moved = restored.and_then(|()| {
            let moved = fs::rename(&beside, &to).and_then(|()| disk::settle(disk::folder_of(&to)));
            moved.map_err(|error| disk::fault("write", &to, &error))
        });
        clear(&beside)?;
        job.end()?;
        moved?;
        job.say(&format!("snapshot {} is restored in {}", noted.named(), to.display()));
        Ok(Tree::from([
            ("snapshot".to_owned(), Value::text(noted.id)),
            ("to".to_owned(), Value::text(to.to_string_lossy())),
        ]))
    }
}

impl Action for Drill {
    type Kind = BackupJob;
    const VERB: &'static str = "drill";
    const CONDUCT: Conduct = Conduct::Repeats;
    type Args = DrillArgs;

    async fn perform(
        &self,
        context: &Context,
        on: On<'_, JobSpec>,
        args: &DrillArgs,
    ) -> Result<Tree, Fault> {
        let mut job = Opened::settled(context, on).await?;
        job.look().await?;
        let noted = job.chosen(args.snapshot.as_deref())?;
        let scratch = scratch(&job);
        job.begin("drill", false, Some(scratch.clone()))?;
        clear(&scratch)?;
        let proof = tried(&mut job, &noted, &scratch).await;
        clear(&scratch)?;
        let at = job.now();
        let said = match &proof {
            Ok(said) => said.clone(),
            Err(fault) => fault.message.clone(),
        };
        if let Some(one) = job.ledger.noted(&noted.id) {
            let found = Some(Found { at, said: said.clone() });
            match proof.is_ok() {
                true => (one.proof, one.disproof) = (found, None),
                // What once was proven and can no longer be restored is no proof of anything.
                false => (one.proof, one.disproof) = (None, found),
            }
        }
        job.end()?;
        proof?;
        job.say(&format!("snapshot {} is proven by a restore: {said}", noted.named()));
        Ok(Tree::from([
            ("snapshot".to_owned(), Value::text(noted.id)),
            ("proof".to_owned(), Value::text(said)),
        ]))
    }
}

/// Restores into a new folder that its owner alone can look into until it is in its place.
async fn restored(job: &mut Opened<'_>, noted: &Noted, to: &Path) -> Result<(), Fault> {
    let made = disk::make_folder(disk::folder_of(to)).and_then(|()| disk::make_one(to, 0o700));
    made.map_err(|error| disk::fault("make", to, &error))?;
    job.context.progress.status(&format!("restoring {}", noted.named()));
    match job.restic.restore(&noted.id, to).await? {
        None => Ok(()),
        Some(Damage(lines)) => Err(job.damaged("the restore", lines)),
    }
}

/// Restores and runs the checks, and returns what the last one said.
async fn tried(job: &mut Opened<'_>, noted: &Noted, scratch: &Path) -> Result<String, Fault> {
    restored(job, noted, scratch).await?;
    let mut said = "restored whole; no checks were asked for".to_owned();
    let more = [
        ("RESTORED", scratch.to_string_lossy().into_owned()),
        ("WINDLASS_SNAPSHOT", noted.id.clone()),
        ("WINDLASS_PROJECT", job.context.site.project.to_string_lossy().into_owned()),
    ];
    for check in &job.spec.drill.checks {
        let last = job.run("check", check, scratch, &more).await?;
        said = if last.is_empty() { "the checks passed".to_owned() } else { last };
    }
    Ok(said)
}

/// A folder of the job's own.
fn scratch(job: &Opened<'_>) -> PathBuf {
    let own = || job.context.site.home.join("backups/drills");
    let folder =
        job.spec.drill.scratch.as_ref().map_or_else(own, |path| job.context.place(&path.0));
    folder.join(format!(".windlass-drill-{}", Digest::of(job.ledger.job.as_bytes())))
}

/// Returns where a restore is to go, if nothing and nobody is there.
fn target(job: &Opened<'_>, path: &str) -> Result<PathBuf, Fault> {
    let own = disk::own_place(job.context, path);
    let to = followed(&own.map_err(|fault| Fault { nature: Nature::Futile, ..fault })?);
    let overlaps =
        |(owned, _): &&(PathBuf, String)| to.starts_with(owned) || owned.starts_with(&to);
    if let Some((owned, whose)) = owners(job).iter().find(overlaps) {
        let why = if *owned == to {
            format!("it is {whose}")
        } else {
            format!("{} is {whose}", owned.display())
        };
        return Err(Fault::futile(format!(
            "{} is production: {why}, and a restore onto it is refused",
            to.display()
        ))
        .help("restore into a folder of its own, look at it, and move over what you need"));
    }
    let first = match fs::read_dir(&to) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(to),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(occupied(&to, "it is a file"));
        }
        Err(error) => return Err(disk::fault("read", &to, &error)),
    };
    match first {
        None => Ok(to),
        Some(entry) => {
            let name = entry.map(|entry| entry.file_name().to_string_lossy().into_owned());
            Err(occupied(&to, &format!("it holds `{}`", name.unwrap_or_default())))
        }
    }
}

fn occupied(to: &Path, why: &str) -> Fault {
    Fault::futile(format!("{} is occupied: {why}", to.display()))
        .help("name a folder that is empty or not there; nothing is written over")
}

/// Returns a path by way of the links above it.
fn followed(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    match there {
        Some((above, real)) => path.strip_prefix(above).map_or(path.into(), |rest| {
            if rest.as_os_str().is_empty() { real } else { real.join(rest) }
        }),
        None => path.into(),
    }
}

/// Every place that a job or a resource owns, and whose it is.
fn owners(job: &Opened<'_>) -> Vec<(PathBuf, String)> {
    let mut owners = Vec::new();
    let jobs = Ledger::all(job.context);
    for ledger in jobs.iter().filter(|ledger| !ledger.retired) {
        let whose = || format!("what {} backs up", ledger.job);
        owners.extend(ledger.owns.iter().map(|path| (followed(path), whose())));
    }
    for claim in job.claims {
        let folder = claim.strip_prefix("backup.repository folder:");
        let file = claim.strip_prefix(disk::SPACE).and_then(|path| path.strip_prefix(' '));
        let whose = if folder.is_some() { "a repository" } else { "a resource's of a stack" };
        if let Some(path) = folder.or(file) {
            owners.push((followed(&job.context.place(path)), whose.to_owned()));
        }
    }
    owners
}
