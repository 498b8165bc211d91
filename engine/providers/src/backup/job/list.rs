//! `list`: the snapshots of a job as the ledger knows them, and whether they are there.
//!
//! It only looks: what it misses is noted by who works.

use jiff::Timestamp;
use model::action::NoArguments;
use model::{Action, Conduct, Context, Fault, On, Tree, Value};

use super::BackupJob;
use super::ledger::{Found, Noted};
use super::opened::{Opened, number};
use super::prune::judged;
use super::spec::JobSpec;
use crate::backup::archive::Archive;

/// Lists snapshots.
pub(super) struct List;

impl Action for List {
    type Kind = BackupJob;
    const VERB: &'static str = "list";
    const CONDUCT: Conduct = Conduct::Looks;
    type Args = NoArguments;

    async fn perform(
        &self,
        context: &Context,
        on: On<'_, JobSpec>,
        _: &NoArguments,
    ) -> Result<Tree, Fault> {
        let mut job = Opened::of(context, on)?;
        let now = job.now();
        let ids = job.restic.ids().await?;
        for noted in &mut job.ledger.snapshots {
            let there = ids.iter().any(|id| noted.is(id));
            let being_removed = job.ledger.removing.iter().any(|id| noted.is(id));
            noted.missing = (!there && !being_removed).then_some(noted.missing.unwrap_or(now));
        }
        let judged = judged(&mut job.ledger, job.spec.keep.as_ref(), now.at, &job.restic).await;
        let kept = |noted: &Noted| {
            let mut judged = judged.iter();
            judged.find(|(one, _)| one.id == noted.id).map_or(Vec::new(), |(_, why)| why.clone())
        };
        let rows = job.ledger.snapshots.iter().rev().map(|noted| row(noted, kept(noted)));
        let mut said = Tree::from([
            ("job".to_owned(), Value::text(&*job.ledger.job)),
            ("repository".to_owned(), Value::text(&*job.ledger.location)),
            ("snapshots".to_owned(), Value::List(rows.collect())),
            ("damage".to_owned(), found(job.ledger.damage.as_ref())),
        ]);
        if let Some(verified) = job.ledger.verified {
            said.insert("verified_ms".to_owned(), millis(verified.at.at));
        }
        Ok(said)
    }
}

fn row(noted: &Noted, kept: Vec<&'static str>) -> Value {
    Value::Map(Tree::from([
        ("id".to_owned(), Value::text(&*noted.id)),
        ("taken_ms".to_owned(), millis(noted.taken.at)),
        ("kept_as".to_owned(), kept.into()),
        ("size".to_owned(), number(noted.size)),
        ("tags".to_owned(), noted.tags.iter().map(String::as_str).collect::<Vec<_>>().into()),
        ("tree".to_owned(), noted.tree.as_deref().map_or(Value::Null, Value::text)),
        ("proof".to_owned(), found(noted.proof.as_ref())),
        ("disproof".to_owned(), found(noted.disproof.as_ref())),
        ("missing".to_owned(), noted.missing.is_some().into()),
    ]))
}

fn found(found: Option<&Found>) -> Value {
    found.map_or(Value::Null, |found| {
        let said = Value::text(&*found.said);
        Value::Map(Tree::from([
            ("at_ms".to_owned(), millis(found.at.at)),
            ("said".to_owned(), said),
        ]))
    })
}

fn millis(at: Timestamp) -> Value {
    Value::Plain(at.as_millisecond().to_string())
}
