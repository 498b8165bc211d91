//! `windlass` alone: what can be done here and now, in about ten lines.

use runtime::engine::{Engine, Problem};
use runtime::project::{FileType, Project};
use runtime::store::SqliteStore;
use serde_json::json;

use crate::call::Call;
use crate::outside;
use crate::problem::Exit;

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
    let stacks = stems(&project, FileType::Stack);
    let pipelines = stems(&project, FileType::Pipeline);
    let remembered = remembered(engine.as_ref())?;
    call.screen.event(
        "here",
        json!({
            "project": project.root, "stacks": stacks, "pipelines": pipelines,
            "remembered": remembered.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        }),
    );
    call.screen.answer(&text(&project, &stacks, &pipelines, &remembered, engine.as_ref())?);
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

fn remembered(engine: Option<&Engine>) -> Result<Vec<(String, usize)>, Problem> {
    let Some(engine) = engine else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for stack in engine.store.stacks()? {
        found.push((stack.clone(), engine.store.rows(&stack)?.len()));
    }
    found.retain(|(_, count)| *count > 0);
    Ok(found)
}

fn text(
    project: &Project,
    stacks: &[String],
    pipelines: &[String],
    remembered: &[(String, usize)],
    engine: Option<&Engine>,
) -> Result<String, Problem> {
    let mut text = format!("{}\n", project.root.display());
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    text.push_str(&format!("  stacks     {}\n", list(stacks)));
    if !pipelines.is_empty() {
        text.push_str(&format!("  pipelines  {}\n", list(pipelines)));
    }
    for (stack, count) in remembered {
        text.push_str(&format!("  applied    {stack}, {count} resources\n"));
    }
    if let Some(engine) = engine
        && let Some(run) = engine.store.runs(None, 1)?.first()
    {
        let outcome = run.outcome.map_or("unfinished", |outcome| outcome.word());
        let (id, kind, when) = (run.id, run.kind.word(), outside::moment().ago(run.began));
        text.push_str(&format!("  last run   {id}: {kind} {}, {outcome}, {when}\n", run.subject));
    }
    text.push('\n');
    match (stacks.is_empty(), pipelines.first()) {
        (true, _) => text.push_str("  windlass init             a commented first stack\n"),
        (false, pipeline) => {
            text.push_str("  windlass plan             what would change\n");
            text.push_str("  windlass apply            make it so\n");
            if let Some(pipeline) = pipeline {
                text.push_str(&format!("  {:<24}  run a pipeline\n", format!("windlass run {pipeline}")));
            }
        }
    }
    text.push_str("  windlass --help           every command\n");
    Ok(text)
}
