//! `windlass` alone: what can be done here and now, in about ten lines.

use std::collections::BTreeSet;

use runtime::engine::{Engine, PlanRequest, Planned, Problem};
use runtime::project::{FileType, Project};
use runtime::store::{Run, RunKind, RunOutcome, SqliteStore};
use serde_json::json;

use crate::call::{Call, light};
use crate::outside;
use crate::planning::Ahead;
use crate::problem::Exit;
use crate::remarks::{Left, left};
use crate::render::measure::counted;
use crate::render::plan::counts;
use crate::stacks::{Meant, Outline};

pub(crate) fn run(call: &Call) -> Result<Exit, Problem> {
    let project = call.project()?;
    if call.known_project().is_err() {
        call.screen.event("here", json!({ "project": null }));
        call.screen.answer(NOTHING);
        return Ok(Exit::Done);
    }
    // Nothing is made only because somebody looks.
    let known = SqliteStore::path(&project.home).is_file();
    let engine = known.then(|| call.engine()).transpose()?;
    let stacks = stacks(call, &project, engine.as_ref())?;
    let pipelines = stems(&project, FileType::Pipeline);
    let event = json!({
        "project": project.root, "pipelines": pipelines,
        "stacks": stacks.iter().map(|(name, is)| json!({ "name": name, "is": is })).collect::<Vec<_>>(),
    });
    call.screen.event("here", event);
    call.screen.answer(&text(call, &project, &stacks, &pipelines, engine.as_ref())?);
    Ok(Exit::Done)
}

const NOTHING: &str = "There is no project here yet.

  windlass init             a commented first one, in this folder
  windlass explain          the kinds of resources there are
  windlass doctor           whether this machine is ready
  windlass --help           every command
";

fn stems(project: &Project, of: FileType) -> Vec<String> {
    let files = project.files(of).unwrap_or_default();
    files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect()
}

/// More stacks are only counted.
const MOST: usize = 6;

/// Each stack by its name, with its file where that is called otherwise, and in words what is up with it,
/// by what is remembered.
fn stacks(
    call: &Call,
    project: &Project,
    engine: Option<&Engine>,
) -> Result<Vec<(String, String)>, Problem> {
    let files = project.files(FileType::Stack).unwrap_or_default();
    let meant = match files.is_empty() {
        true => Vec::new(),
        false => crate::stacks::meant(call, project, &[])?,
    };
    let read = |one: &Meant| Outline::read(project, &one.file).map(|outline| outline.name);
    let Some(engine) = engine else {
        let named = |one: &Meant| one.titled(&read(one).unwrap_or_default());
        return Ok(meant.iter().map(|one| (named(one), "not applied yet".to_owned())).collect());
    };
    let (runtime, mut ahead, mut seen) = (light()?, Ahead::default(), BTreeSet::new());
    let mut stacks = Vec::new();
    for one in meant.iter().take(MOST) {
        let request = PlanRequest { refresh: false, ..PlanRequest::of(&one.file) };
        let planned = runtime.block_on(engine.plan(&ahead.counted_on(request)));
        let is = match &planned {
            Ok(Planned { plan, .. }) if plan.is_unchanged() => {
                format!("{}, as applied", counted(plan.unchanged, "resource"))
            }
            Ok(Planned { plan, .. }) => counts(plan),
            Err(Problem::Files(wrong)) => {
                format!("{}: windlass check", counted(wrong.diagnostics.errors(), "error"))
            }
            Err(other) => other.message(),
        };
        let name = match planned {
            Ok(Planned { plan, .. }) => {
                ahead.note(engine, &plan);
                plan.stack
            }
            Err(_) => read(one).unwrap_or_default(),
        };
        stacks.push((one.titled(&name), is));
        seen.insert(name);
    }
    for Left { stack, resources } in left(project, &*engine.store, &seen)? {
        let has = counted(resources, "resource");
        let is = format!("{has} and no file: put it back, or windlass destroy {stack}");
        stacks.push((stack, is));
    }
    Ok(stacks)
}

/// Returns what to type to go on with a run whose process is gone. A stack that has no file of its own can
/// only be taken away: it is the trial of a pipeline, or was applied under another name.
pub(super) fn again(call: &Call, project: &Project, run: &Run) -> String {
    match run.kind {
        RunKind::Apply | RunKind::State
            if call.locate(project, &run.subject, FileType::Stack).is_err() =>
        {
            format!("windlass destroy {}", run.subject)
        }
        RunKind::Pipeline => format!("windlass run {} --resume", run.subject),
        RunKind::Action => format!("windlass runs show {}", run.id),
        RunKind::Destroy => format!("windlass destroy {}", run.subject),
        RunKind::Apply | RunKind::State => format!("windlass apply {}", run.subject),
    }
}

fn text(
    call: &Call,
    project: &Project,
    stacks: &[(String, String)],
    pipelines: &[String],
    engine: Option<&Engine>,
) -> Result<String, Problem> {
    let mut text = format!("{}\n", project.root.display());
    let width = stacks.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (at, (name, is)) in stacks.iter().enumerate() {
        let title = if at == 0 { "stacks" } else { "" };
        text.push_str(&format!("  {title:<9}  {name:width$}  {is}\n"));
    }
    let files = stems(project, FileType::Stack).len();
    let more = if engine.is_some() { files.saturating_sub(MOST) } else { 0 };
    if more > 0 {
        text.push_str(&format!("  {:<9}  and {}\n", "", counted(more, "more stack")));
    }
    if !pipelines.is_empty() {
        text.push_str(&format!("  pipelines  {}\n", pipelines.join(", ")));
    }
    for run in engine.map(|engine| engine.store.runs(None, 50)).transpose()?.unwrap_or_default() {
        let (id, ago) = (run.id, outside::moment().ago(run.began));
        let what = format!("{} {}", run.kind.word(), run.subject);
        match run.outcome {
            Some(RunOutcome::Waiting) => text.push_str(&format!(
                "  waiting    {id}: {what}, since {ago}: windlass approve {id}\n"
            )),
            None if engine.is_some_and(|engine| engine.is_at_work(&run).unwrap_or(true)) => {
                text.push_str(&format!("  running    {id}: {what}, since {ago}\n"));
            }
            None => text.push_str(&format!(
                "  left       {id}: {what}, began {ago}, its process is gone: {}\n",
                again(call, project, &run)
            )),
            Some(outcome) if run.parent.is_none() => {
                text.push_str(&format!("  last run   {id}: {what}, {}, {ago}\n", outcome.word()));
                break;
            }
            Some(_) => {}
        }
    }
    text.push('\n');
    match (stacks.is_empty(), pipelines.first()) {
        (true, _) => text.push_str("  windlass init             a commented first stack\n"),
        (false, pipeline) => {
            text.push_str("  windlass plan             what would change\n");
            text.push_str("  windlass apply            make it so\n");
            if let Some(pipeline) = pipeline {
                text.push_str(&format!(
                    "  {:<24}  run a pipeline\n",
                    format!("windlass run {pipeline}")
                ));
            }
        }
    }
    text.push_str("  windlass --help           every command\n");
    Ok(text)
}
