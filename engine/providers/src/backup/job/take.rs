//! `backup`: takes a snapshot. One that does not hold everything is none.
//!
//! It must not remove what another has taken.

use std::io;
use std::path::{Path, PathBuf};

use child::Exit;
use model::action::NoArguments;
use model::{Action, Conduct, Context, Fault, On, Tree, Value};

use super::ledger::{Ledger, Noted, Verified, now};
use super::opened::{Opened, dump_token, number};
use super::spec::{JobSpec, What};
use super::{BackupJob, verify};
use crate::backup::archive::{Archive, Dumped, Taken};
use crate::backup::restic::bytes;
use crate::command::Invocation;
use crate::disk;

/// Takes a snapshot.
pub(super) struct Take;

impl Action for Take {
    type Kind = BackupJob;
    const VERB: &'static str = "backup";
    const CONDUCT: Conduct = Conduct::Repeats;
    type Args = NoArguments;

    async fn perform(
        &self,
        context: &Context,
        on: On<'_, JobSpec>,
        _: &NoArguments,
    ) -> Result<Tree, Fault> {
        let mut job = Opened::settled(context, on).await?;
        let taken = take(&mut job).await?;
        let noted = note(&mut job, taken)?;
        let missing = missed(&mut job).await?;
        if is_due(&job) {
            let (part, of) = (verify::next_part(&job), job.spec.verify.parts);
            verify::read(&mut job, part, of).await?;
        }
        Ok(Tree::from([
            ("snapshot".to_owned(), Value::text(noted.id)),
            ("size".to_owned(), number(noted.size)),
            ("added".to_owned(), number(noted.added)),
            ("missing".to_owned(), number(missing as u64)),
        ]))
    }
}

/// Takes a snapshot, between `before` and `after`.
async fn take(job: &mut Opened<'_>) -> Result<Taken, Fault> {
    let paths = paths(job)?;
    job.begin("backup", job.spec.after.is_some(), None)?;
    let taken = match before(job).await {
        Ok(()) => stored(job, &paths).await,
        Err(fault) => Err(fault),
    };
    let after = job.after(if taken.is_ok() { "done" } else { "failed" }).await;
    if taken.is_err() {
        job.end()?;
    }
    match (taken, after) {
        (taken, Ok(())) => taken,
        (Err(fault), Err(_)) => Err(fault),
        (Ok(taken), Err(fault)) => {
            note(job, taken)?;
            Err(Fault { message: format!("the snapshot is taken, but {}", fault.message), ..fault })
        }
    }
}

async fn before(job: &Opened<'_>) -> Result<(), Fault> {
    let Some(before) = &job.spec.before else { return Ok(()) };
    let directory = job.context.place(&job.spec.directory.0);
    job.run("before", before, &directory, &[]).await.map(|_| ())
}

async fn stored(job: &mut Opened<'_>, paths: &[String]) -> Result<Taken, Fault> {
    match &job.spec.what {
        What::Files { exclude, unreadable, .. } => {
            let exclude = [exclude.clone(), own_places(job)].concat();
            let taken = job.restic.store_files(&job.label(), paths, &exclude).await?;
            refuse_unread(job, &taken, unreadable.iter().map(|path| path.0.as_str())).await?;
            Ok(taken)
        }
        What::Dump { dump, file } => dumped(job, dump, file).await,
    }
}

/// Returns what is there to be backed up, as restic is told it: relative where it lies in the project,
/// so that it is restored without the folders above.
fn paths(job: &Opened<'_>) -> Result<Vec<String>, Fault> {
    let What::Files { paths, unreadable, .. } = &job.spec.what else { return Ok(Vec::new()) };
    let allowed = |path: &str| unreadable.iter().any(|one| disk::place(&one.0) == path);
    let mut there = Vec::new();
    for path in paths {
        let path = disk::place(&path.0);
        let path = if path.is_empty() { ".".to_owned() } else { path };
        match std::fs::symlink_metadata(job.context.place(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(disk::fault("look at", job.context.place(&path), &error));
            }
            Err(_) if allowed(&path) => {
                job.say(&format!("({path} is not there, which is allowed)"));
            }
            Err(_) => {
                return Err(Fault::refused(format!(
                    "{path} is not there, so there is no snapshot"
                ))
                .help("make it, take it out of `paths`, or name it under `unreadable`"));
            }
            Ok(_) if path.starts_with("..") => {
                there.push(disk::place(&job.context.place(&path).to_string_lossy()));
            }
            Ok(_) => there.push(path),
        }
    }
    match there.is_empty() {
        true => Err(Fault::refused("nothing of `paths` is there, so there is no snapshot")),
        false => Ok(there),
    }
}

/// What the engine makes for backups is not backed up.
fn own_places(job: &Opened<'_>) -> Vec<String> {
    let home = job.context.site.home.join("backups");
    let mut places = vec![home.join("cache"), home.join("drills")];
    places.extend(Some(PathBuf::from(&job.ledger.location)).filter(|place| place.is_absolute()));
    places.iter().map(|place| place.to_string_lossy().into_owned()).collect()
}

/// A snapshot without what could not be read is removed, unless all of that is allowed.
async fn refuse_unread(
    job: &Opened<'_>,
    taken: &Taken,
    allowed: impl Iterator<Item = &str>,
) -> Result<(), Fault> {
    let place = |path: &str| PathBuf::from(disk::place(&job.context.place(path).to_string_lossy()));
    let allowed: Vec<PathBuf> = allowed.map(place).collect();
    let is_allowed = |path: &PathBuf| allowed.iter().any(|one| path.starts_with(one));
    let mut unread: Vec<PathBuf> = taken.unread.iter().map(|path| place(path)).collect();
    unread.sort();
    unread.dedup();
    unread.retain(|path| !is_allowed(path));
    let Some(first) = unread.first() else { return Ok(()) };
    job.restic.forget(std::slice::from_ref(&taken.id)).await?;
    let first = first.display();
    let message = match unread.len() {
        1 => format!("{first} cannot be read, so there is no snapshot"),
        more => format!("{first} and {} more cannot be read, so there is no snapshot", more - 1),
    };
    Err(Fault::refused(message)
        .help("let it be read by who runs this, or name it under `exclude` or `unreadable`")
        .details(unread.iter().map(|path| path.display().to_string()).take(20)))
}

async fn dumped(job: &mut Opened<'_>, dump: &Invocation, file: &str) -> Result<Taken, Fault> {
    let directory = job.context.place(&job.spec.directory.0);
    let course = job.course("dump", &dump.whole_pipes(), &directory, &[])?;
    let command = child::Command { token: dump_token(job.token.as_str()), ..course.command()? };
    let label = job.label();
    let (context, mut ledger) = (job.context, job.ledger.clone());
    let mut whole = |is: bool| {
        ledger.pending.iter_mut().for_each(|pending| pending.whole = is);
        ledger.keep(context).map_err(|fault| io::Error::other(fault.message))
    };
    let mut last = Vec::new();
    let mut say = |line: &str| {
        let line = course.sieve.strain(line);
        context.progress.line(&line);
        last.push(line);
        if last.len() > 20 {
            last.remove(0);
        }
    };
    job.context.progress.status(&format!("dump: {dump}"));
    let dumped = job.restic.store_dump(&label, &command, file, &mut whole, &mut say).await?;
    let failed = match dumped {
        Dumped::Taken(taken) => return Ok(taken),
        Dumped::NotStarted(error) => course.not_started(&dump.argv()[0], &error),
        Dumped::Failed(Exit::TimedOut) => Fault::refused(format!(
            "the dump did not end within {} (`{dump}`)",
            job.spec.time_limit.words()
        )),
        Dumped::Failed(exit) => Fault::refused(format!("the dump ended with {exit} (`{dump}`)")),
    };
    let fault = Fault { message: format!("{}; there is no snapshot", failed.message), ..failed };
    Err(fault.details(last))
}

/// Notes a snapshot, and says so.
fn note(job: &mut Opened<'_>, taken: Taken) -> Result<Noted, Fault> {
    let Taken { id, size, added, files, .. } = taken;
    let noted = Noted {
        id,
        taken: now(job.context),
        reckoned: None,
        size,
        added,
        files,
        tags: job.spec.tags.clone(),
        tree: None,
        proof: None,
        disproof: None,
        missing: None,
    };
    job.ledger.add(noted.clone());
    job.end()?;
    let (size, added) = (bytes(size), bytes(added));
    job.say(&format!("snapshot {}: {size}, {added} of it new", noted.named()));
    Ok(noted)
}

/// Says which earlier snapshots are gone, and returns how many.
async fn missed(job: &mut Opened<'_>) -> Result<usize, Fault> {
    let ids = job.restic.ids().await?;
    let settles = !job.ledger.adopted && all_are_known(job.context, &ids);
    job.ledger.adopted |= settles;
    if job.miss(&ids) || settles {
        job.ledger.keep(job.context)?;
    }
    let missing: Vec<String> = job.ledger.missing().map(Noted::named).collect();
    for one in &missing {
        job.say(&format!("snapshot {one} is gone, and nobody here removed it"));
    }
    Ok(missing.len())
}

/// Whether jobs of this project took all of these: then none is of an earlier life, and restic need not be
/// asked for them.
fn all_are_known(context: &Context, ids: &[String]) -> bool {
    let ledgers = Ledger::all(context);
    let known = ledgers.iter().flat_map(|ledger| &ledger.snapshots);
    ids.len() <= known.clone().count() && ids.iter().all(|id| known.clone().any(|one| one.is(id)))
}

/// Whether a part of the repository is to be read again.
fn is_due(job: &Opened<'_>) -> bool {
    let Ledger { verified, snapshots, .. } = &job.ledger;
    let every = job.spec.verify.every.0.as_millis() as i64;
    let since = verified.map(|Verified { at, .. }| at).or(snapshots.first().map(|one| one.taken));
    since.is_some_and(|since| {
        let passed = job.now().at.as_millisecond() - since.at.as_millisecond();
        // A clock that was set back must not put it off for ever.
        passed >= every || passed < -every
    })
}

/// What a job backs up, absolute: nothing is restored there.
pub(super) fn owned(context: &Context, spec: &JobSpec) -> Vec<PathBuf> {
    let What::Files { paths, .. } = &spec.what else { return Vec::new() };
    let place = |path: &Path| PathBuf::from(disk::place(&context.place(path).to_string_lossy()));
    paths.iter().map(|path| place(Path::new(&path.0))).collect()
}
