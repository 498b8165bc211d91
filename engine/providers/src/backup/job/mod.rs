//! `backup.job`: what is backed up, where to, and how long it is kept.
//!
//! Applying it only notes it, and destroying it leaves its snapshots: the work is done by its actions
//! (`backup`, `verify`, `prune`, `drill`, `restore`, `list`), each in a file of its own.

mod guard;
mod keep;
mod ledger;
#[cfg(test)]
mod like_restic;
mod list;
mod opened;
mod prune;
mod reckoning;
mod restore;
mod spec;
mod take;
mod verify;

use model::action::ErasedAction;
use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Order, Reads, Secrets,
    Token, Tree, Value,
};

pub use keep::{Keep, Within};
pub use prune::PruneArgs;
pub use restore::{DrillArgs, RestoreArgs};
pub use spec::{Drill, JobObject, JobSpec, Verification, What};
pub use verify::VerifyArgs;

pub(super) use keep::Stamp;
use ledger::Ledger;

use super::repository::Defined;
use crate::text::sealed_map;

/// A job that backs something up.
pub struct BackupJob;

impl Kind for BackupJob {
    const NAME: &'static str = "backup.job";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const NAMED_BY_ADDRESS: bool = true;
    const ORDER: Order = Order::DestroyFirst;
    const READS: Reads = Reads::Nothing;
    type Spec = JobSpec;
    type Object = JobObject;

    fn diff(spec: &JobSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        Difference::among(object, keys(spec, secrets))
    }

    async fn read(&self, _: &Context, known: &[Known<JobSpec>]) -> Result<Vec<Looked>, Fault> {
        // The engine does not ask: there is nothing outside of the state.
        Ok(known.iter().map(|_| Ok(None)).collect())
    }

    fn actions() -> Vec<ErasedAction> {
        vec![
            ErasedAction::of(take::Take),
            ErasedAction::of(verify::Verify),
            ErasedAction::of(prune::Prune),
            ErasedAction::of(restore::Drill),
            ErasedAction::of(restore::Restore),
            ErasedAction::of(list::List),
        ]
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, JobSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let name = || format!("{}/{}", context.stack, context.address);
        let job = change.object().map_or_else(name, |object| object.text("job").to_owned());
        let Some(spec) = change.wanted() else {
            let location = change.object().map_or("", |object| object.text("repository"));
            return retire(context, &job, location).map(|()| None);
        };
        refuse_windows(context, spec)?;
        let known = Ledger::of(context, &job, &spec.repository)?.unwrap_or_default();
        let (location, owns) = (spec.repository.clone(), take::owned(context, spec));
        let token = token.as_str().to_owned();
        let ledger = Ledger { job: job.clone(), location, token, owns, retired: false, ..known };
        ledger.keep(context)?;
        let mut object = Object::new(&*job, keys(spec, context.secrets()));
        object.attributes.insert("job".to_owned(), Value::text(job));
        Ok(Some(object))
    }

    async fn find(&self, _: &Context, _: Change<'_, JobSpec>, _: &Token) -> Result<Found, Fault> {
        // Noting it once more does no harm.
        Ok(Found::Nothing)
    }
}

/// A job that is gone owns nothing; its snapshots stay, and are known if it comes back.
fn retire(context: &Context, job: &str, location: &str) -> Result<(), Fault> {
    let Some(ledger) = Ledger::of(context, job, location)? else { return Ok(()) };
    context.progress.line(&format!("(its snapshots stay in {location})"));
    Ledger { retired: true, ..ledger }.keep(context)
}

/// Where others can add snapshots, windows that count are not to be trusted.
fn refuse_windows(context: &Context, spec: &JobSpec) -> Result<(), Fault> {
    let Some(repository) = Defined::at(context, &spec.repository)? else {
        let location = &spec.repository;
        return Err(Fault::refused(format!("no repository that was applied is at {location}"))
            .help("refer to one: `repository: ${local.location}`"));
    };
    match &spec.keep {
        Some(keep) if keep.counts_any() && repository.spec()?.append_only => Err(Fault::refused(
            "others can add to this repository, so `keep` may only say `within`",
        )
        .help("say `within`, or take `append_only` from the repository")),
        _ => Ok(()),
    }
}

fn keys(spec: &JobSpec, secrets: &dyn Secrets) -> [(&'static str, Value); 16] {
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::text);
    let command = |command: &Option<crate::command::Invocation>| {
        command.as_ref().map_or(Value::Null, crate::command::Invocation::value)
    };
    let list = |items: &[String]| Value::from(items.iter().map(String::as_str).collect::<Vec<_>>());
    let places = |paths: &[language::FilePath]| {
        Value::from(paths.iter().map(|path| path.0.as_str()).collect::<Vec<_>>())
    };
    let none = || Value::Null;
    let (paths, exclude, unreadable, dump, file) = match &spec.what {
        What::Files { paths, exclude, unreadable } => {
            (places(paths), list(exclude), places(unreadable), none(), none())
        }
        What::Dump { dump, file } => (none(), none(), none(), dump.value(), Value::text(&**file)),
    };
    [
        ("repository", Value::text(&*spec.repository)),
        ("paths", paths),
        ("exclude", exclude),
        ("unreadable", unreadable),
        ("dump", dump),
        ("file", file),
        ("before", command(&spec.before)),
        ("after", command(&spec.after)),
        ("environment", sealed_map(secrets, &spec.environment)),
        ("directory", Value::text(&*spec.directory.0)),
        ("time_limit", Value::text(spec.time_limit.to_string())),
        ("tags", list(&spec.tags)),
        ("host", text(&spec.host)),
        ("keep", keep_value(spec.keep.as_ref())),
        ("verify", verify_value(&spec.verify)),
        ("drill", drill_value(&spec.drill)),
    ]
}

fn keep_value(keep: Option<&Keep>) -> Value {
    let Some(keep) = keep else { return Value::Null };
    let number = |number: Option<u32>| number.map(|number| Value::Plain(number.to_string()));
    let windows = [
        ("last", number(keep.last)),
        ("daily", number(keep.daily)),
        ("weekly", number(keep.weekly)),
        ("monthly", number(keep.monthly)),
        ("yearly", number(keep.yearly)),
        ("within", keep.within.map(|within| Value::text(within.to_string()))),
    ];
    let said = windows.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Map(said.collect::<Tree>())
}

fn verify_value(verify: &Verification) -> Value {
    Value::Map(Tree::from([
        ("every".to_owned(), Value::text(verify.every.to_string())),
        ("parts".to_owned(), Value::Plain(verify.parts.to_string())),
    ]))
}

fn drill_value(drill: &Drill) -> Value {
    let scratch = drill.scratch.as_ref().map_or(Value::Null, |path| Value::text(&*path.0));
    let checks = drill.checks.iter().map(crate::command::Invocation::value).collect();
    Value::Map(Tree::from([
        ("checks".to_owned(), Value::List(checks)),
        ("scratch".to_owned(), scratch),
    ]))
}
