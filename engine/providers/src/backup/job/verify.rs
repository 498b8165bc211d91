//! `verify`: looks whether everything is there, and reads a part of what is stored, each time the next.
//!
//! It must not repair.

use std::fs;
use std::path::Path;

use language::Spec;
use model::{Action, Conduct, Context, Fault, On, Tree};
use sha2::{Digest as _, Sha256};

use super::BackupJob;
use super::ledger::{Noted, Verified};
use super::opened::{Opened, number};
use super::spec::JobSpec;
use crate::backup::archive::{Archive, Damage};

/// Reads a part of what is stored.
pub(super) struct Verify;

/// What `verify` is told.
#[derive(Clone, Copy, Debug, Spec)]
pub struct VerifyArgs {
    /// Everything is read, not only the next part.
    #[spec(default = "false")]
    pub all: bool,
    /// Snapshots that are gone are struck from the list.
    #[spec(default = "false")]
    pub accept_missing: bool,
}

impl Action for Verify {
    type Kind = BackupJob;
    const VERB: &'static str = "verify";
    const CONDUCT: Conduct = Conduct::Repeats;
    type Args = VerifyArgs;

    async fn perform(
        &self,
        context: &Context,
        on: On<'_, JobSpec>,
        args: &VerifyArgs,
    ) -> Result<Tree, Fault> {
        let mut job = Opened::settled(context, on).await?;
        if let Some(unreadable) = job.look().await?.first() {
            let line = format!("the snapshot {} cannot be read", &unreadable[..8]);
            return Err(job.damaged("the verification", vec![line]));
        }
        if args.accept_missing {
            strike(&mut job)?;
        }
        let all = args.all || job.ledger.damage.is_some();
        let of = if all { 1 } else { job.spec.verify.parts };
        let part = if all { 1 } else { next_part(&job) };
        read(&mut job, part, of).await?;
        job.refuse_missing()?;
        Ok(Tree::from([
            ("part".to_owned(), number(part.into())),
            ("of".to_owned(), number(of.into())),
            ("snapshots".to_owned(), number(job.ledger.there().count() as u64)),
        ]))
    }
}

fn strike(job: &mut Opened<'_>) -> Result<(), Fault> {
    let gone: Vec<String> = job.ledger.missing().map(Noted::named).collect();
    for one in gone {
        job.say(&format!("snapshot {one} is struck from the list"));
    }
    job.ledger.snapshots.retain(|noted| noted.missing.is_none());
    job.ledger.keep(job.context)
}

/// Returns the part that is to be read next.
pub(super) fn next_part(job: &Opened<'_>) -> u32 {
    let of = job.spec.verify.parts;
    match job.ledger.verified {
        Some(last) if last.of == of => last.part % of + 1,
        _ => 1,
    }
}

/// Reads one part of so many, and notes what came of it.
pub(super) async fn read(job: &mut Opened<'_>, part: u32, of: u32) -> Result<(), Fault> {
    let what = if of == 1 { "everything".to_owned() } else { format!("part {part} of {of}") };
    job.context.progress.status(&format!("reading {what}"));
    if let Some(key) = altered_key(Path::new(&job.ledger.location)) {
        return Err(
            job.damaged("the verification", vec![format!("the key file {key} was altered")])
        );
    }
    if let Some(Damage(lines)) = job.restic.check(part, of).await? {
        return Err(job.damaged("the verification", lines));
    }
    let at = job.now();
    // That everything was read says nothing about which part is next.
    if of > 1 || job.spec.verify.parts == 1 {
        job.ledger.verified = Some(Verified { at, part, of });
    } else if let Some(last) = &mut job.ledger.verified {
        last.at = at;
    }
    if of == 1 && job.ledger.damage.take().is_some() {
        job.say("the damage that was found before is gone");
    }
    job.ledger.keep(job.context)?;
    job.say(&format!("{what} was read, and is as it was stored"));
    Ok(())
}

/// Returns the name of a key file in a folder whose content is not what its name says. Not all of it is
/// covered by the key itself.
fn altered_key(repository: &Path) -> Option<String> {
    let files = fs::read_dir(repository.join("keys")).ok()?.flatten();
    let altered = files.filter_map(|file| {
        let name = file.file_name().into_string().ok()?;
        let content = fs::read(file.path()).ok()?;
        let hash: String =
            Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        (name.len() == hash.len() && name != hash).then_some(name)
    });
    altered.map(|name| name.chars().take(8).collect()).next()
}
