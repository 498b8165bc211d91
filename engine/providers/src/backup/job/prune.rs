//! `prune`: removes what no window keeps, and gives its room back.
//!
//! What it would leave is read before anything goes. It must not remove what nobody here took, and
//! nothing at all while something is missing or damaged.

use language::Spec;
use model::{Action, Conduct, Context, Fault, On, Tree, Value};

use super::BackupJob;
use super::guard::{Judged, kept};
use super::keep::Keep;
use super::ledger::{Ledger, Noted, minutes};
use super::opened::{Opened, number};
use super::spec::JobSpec;
use crate::backup::archive::{Archive, Damage};

/// Removes what no window keeps.
pub(super) struct Prune;

/// What `prune` is told.
#[derive(Clone, Copy, Debug, Spec)]
pub struct PruneArgs {
    /// It only says what it would remove.
    #[spec(default = "false")]
    pub dry_run: bool,
}

/// Why each snapshot that is there is kept, in the order of taking; nothing: it may be removed.
pub(super) async fn judged(
    ledger: &mut Ledger,
    keep: Option<&Keep>,
    now: jiff::Timestamp,
    archive: &impl Archive,
) -> Vec<(Noted, Vec<&'static str>)> {
    let there: Vec<Noted> = ledger.there().cloned().collect();
    let judge = |noted: &Noted| Judged {
        taken: noted.taken,
        reckoned: noted.point().reckoned,
        proven: noted.proof.is_some(),
    };
    let words = match keep {
        None => vec![vec!["everything is kept"]; there.len()],
        Some(keep) => {
            let mut judged: Vec<Judged> = there.iter().map(judge).collect();
            let words = kept(&mut judged, keep, now, archive.keeps_oldest().await);
            for (noted, judged) in ledger.there_mut().zip(&judged) {
                noted.reckoned = Some(judged.reckoned);
            }
            words
        }
    };
    there.into_iter().zip(words).collect()
}

impl Action for Prune {
    type Kind = BackupJob;
    const VERB: &'static str = "prune";
    const CONDUCT: Conduct = Conduct::Repeats;
    type Args = PruneArgs;

    async fn perform(
        &self,
        context: &Context,
        on: On<'_, JobSpec>,
        args: &PruneArgs,
    ) -> Result<Tree, Fault> {
        let mut job = Opened::settled(context, on).await?;
        if let Some(unreadable) = job.look().await?.first() {
            let line = format!("the snapshot {} cannot be read", &unreadable[..8]);
            return Err(job.damaged("a look at the list", vec![line]));
        }
        job.refuse_missing()?;
        refuse_damaged(&job)?;
        let now = job.now().at;
        let judged = judged(&mut job.ledger, job.spec.keep.as_ref(), now, &job.restic).await;
        let going: Vec<&Noted> =
            judged.iter().filter(|(_, why)| why.is_empty()).map(|(noted, _)| noted).collect();
        tell(&job, &judged, args.dry_run);
        let removed = going.len();
        if !args.dry_run && removed > 0 {
            let ids: Vec<String> = going.iter().map(|noted| noted.id.clone()).collect();
            prove_rest(&mut job, &judged).await?;
            remove(&mut job, ids).await?;
        }
        let names = |gone: bool| {
            let named = judged.iter().filter(|(_, why)| why.is_empty() == gone);
            Value::List(named.map(|(noted, _)| Value::text(&*noted.id)).collect())
        };
        Ok(Tree::from([
            ("dry_run".to_owned(), args.dry_run.into()),
            ("removed".to_owned(), names(true)),
            ("kept".to_owned(), names(false)),
            ("count".to_owned(), number(removed as u64)),
        ]))
    }
}

fn refuse_damaged(job: &Opened<'_>) -> Result<(), Fault> {
    let Some(damage) = &job.ledger.damage else { return Ok(()) };
    let (at, job) = (minutes(damage.at), &job.ledger.job);
    Err(Fault::refused(format!("the repository was found damaged at {at}, so nothing is removed"))
        .help(format!("repair it; `windlass backup verify {job} --all` finds it whole again"))
        .details([damage.said.clone()]))
}

fn tell(job: &Opened<'_>, judged: &[(Noted, Vec<&'static str>)], dry_run: bool) {
    if job.spec.keep.is_none() {
        return job.say("nothing is removed: the job has no `keep`");
    }
    for (noted, why) in judged.iter().rev() {
        let what = match (why.is_empty(), dry_run) {
            (true, true) => "would be removed".to_owned(),
            (true, false) => "is removed".to_owned(),
            (false, _) => format!("is kept: {}", why.join(", ")),
        };
        job.say(&format!("{} {what}", noted.named()));
    }
}

/// Reads the newest proven snapshot of those that stay, or if none is proven the newest, from its first
/// byte to its last: what goes may be the only other copy of it.
async fn prove_rest(
    job: &mut Opened<'_>,
    judged: &[(Noted, Vec<&'static str>)],
) -> Result<(), Fault> {
    let stays = || judged.iter().filter(|(_, why)| !why.is_empty()).map(|(noted, _)| noted);
    let proven = stays().rfind(|noted| noted.proof.is_some());
    let Some(one) = proven.or(stays().next_back()) else {
        return Err(Fault::broken("nothing would be left, so nothing is removed"));
    };
    job.context.progress.status(&format!("reading {}, before anything goes", one.named()));
    if let Some(Damage(lines)) = job.restic.read_whole(&one.id).await? {
        let what = format!("reading snapshot {}", one.named());
        return Err(job.damaged(&what, lines));
    }
    Ok(())
}

async fn remove(job: &mut Opened<'_>, ids: Vec<String>) -> Result<(), Fault> {
    job.ledger.removing.clone_from(&ids);
    job.begin("prune", false, None)?;
    job.context.progress.status("removing snapshots");
    let removed = job.restic.forget(&ids).await;
    job.struck().await?;
    removed?;
    job.context.progress.status("giving room back");
    let cleared = job.restic.clear().await;
    job.end()?;
    cleared
}
