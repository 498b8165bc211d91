//! What is shown of the server, its repositories and runs.

use std::sync::Arc;

use jiff::Timestamp;
use model::event::Ending;
use reports::Results;
use runtime::engine::{Problem, StepDetails};
use runtime::store::RunId;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::house::House;
use crate::http::{Answer, Refusal, json as answer_json};
use crate::records::{QueuedRun, queue};
use crate::repository::heads;
use crate::schedule::Entry;
use crate::trouble::{failed, in_words};

/// More of a list is not answered at once.
const MOST: usize = 500;

/// The server.
pub(super) fn server(house: &House) -> Value {
    let file = &house.settings.file;
    json!({
        "server": file.server.0,
        "description": file.description,
        "version": env!("CARGO_PKG_VERSION"),
        "url": house.url(),
        "runs_at_once": file.runs,
        "troubles": house.troubles.list(),
        "uptime_ms": house.since.elapsed().as_millis() as u64,
    })
}

/// All repositories.
pub(super) async fn repositories(house: &Arc<House>) -> Result<Answer, Refusal> {
    let names: Vec<String> =
        house.settings.file.repositories.keys().map(|name| name.0.clone()).collect();
    let mut all = Vec::new();
    for name in &names {
        all.push(one_repository(house, name).await?);
    }
    Ok(answer_json(&json!({ "repositories": all })))
}

/// One repository.
pub(super) async fn repository(house: &Arc<House>, name: &str) -> Result<Answer, Refusal> {
    if !house.knows(name) {
        return Err(house.unknown(name).into());
    }
    Ok(answer_json(&one_repository(house, name).await?))
}

async fn one_repository(house: &Arc<House>, name: &str) -> Result<Value, Refusal> {
    let file = &house.settings.file.repositories;
    let about = file.iter().find(|(known, _)| known.0 == name).map(|(_, about)| about);
    let follow = about.and_then(|about| about.follow.as_ref());
    // One that is broken is no reason to show none.
    let (branches, trouble) = match heads(&house.folder.repository(name)).await {
        Ok(branches) => (branches, None),
        Err(problem) => (Vec::new(), Some(in_words(&problem))),
    };
    let branch = |(reference, commit): &(String, String)| {
        let name = reference.strip_prefix(crate::repository::BRANCHES).unwrap_or(reference);
        json!({ "branch": name, "commit": commit })
    };
    let of = name.to_owned();
    let last = house.records.ask(move |records| queue::list(records, Some(&of), None, 1)).await?;
    Ok(json!({
        "repository": name,
        "description": about.and_then(|about| about.description.as_ref()),
        "follows": follow.map(|follow| &follow.url),
        "following": follow.map(|_| house.follows.of(name).standing()),
        "schedules": schedules(house, name),
        "git": format!("{}/{name}.git", house.url()),
        "project": house.folder.project(name).root,
        "branches": branches.iter().map(branch).collect::<Vec<_>>(),
        "trouble": trouble,
        "last_run": last.first().map(|run| run_json(house, run)),
    }))
}

/// The schedules of a repository, and when each is due next.
fn schedules(house: &House, name: &str) -> Value {
    let now = Timestamp::try_from(house.clock().now()).unwrap_or_default();
    let of_repository = |entry: &Entry| entry.repository == name;
    let shown = |entry: Entry| {
        json!({
            "pipeline": entry.pipeline,
            "cron": entry.schedule.cron.to_string(),
            "zone": entry.schedule.zone.to_string(),
            "next": entry.next(now).map(Timestamp::as_millisecond),
        })
    };
    house.timetable.entries().into_iter().filter(of_repository).map(shown).collect()
}

/// Runs, newest first.
pub(super) async fn list(
    house: &Arc<House>,
    repository: Option<&str>,
    before: Option<u64>,
    most: usize,
) -> Result<Answer, Refusal> {
    let repository = repository.map(str::to_owned);
    let most = most.clamp(1, MOST);
    let runs =
        house.records.ask(move |records| queue::list(records, repository.as_deref(), before, most));
    let runs: Vec<Value> = runs.await?.iter().map(|run| run_json(house, run)).collect();
    Ok(answer_json(&json!({ "runs": runs })))
}

/// A run as it stands in lists.
pub(crate) fn run_json(house: &House, run: &QueuedRun) -> Value {
    let mut shown = serde_json::to_value(run).unwrap_or_default();
    let base = format!("/api/v1/runs/{}/{}", run.repository, run.id);
    shown["page"] = json!(house.page_of(run));
    shown["links"] = json!({
        "self": base,
        "events": format!("{base}/events"),
        "log": format!("{base}/log"),
        "output": format!("{base}/output"),
        "results": format!("{base}/results"),
    });
    shown
}

/// A run with its steps.
pub(crate) async fn details(house: &Arc<House>, run: &QueuedRun) -> Result<Value, Refusal> {
    let mut shown = run_json(house, run);
    let steps = steps(house, run).await?;
    shown["steps"] = steps.iter().map(steps_json).collect();
    Ok(shown)
}

/// The steps of a run, so far as they have begun.
pub(crate) async fn steps(
    house: &Arc<House>,
    run: &QueuedRun,
) -> Result<Vec<StepDetails>, Problem> {
    let Some(number) = run.project_run else { return Ok(Vec::new()) };
    let Some(engine) = house.engine(&run.repository).await? else { return Ok(Vec::new()) };
    // What is no longer kept has no steps any more.
    let steps = spawn_blocking(move || engine.run_details(RunId(number)).map(|run| run.steps));
    let steps = steps.await.map_err(|error| failed(error.to_string()))?;
    Ok(steps.unwrap_or_default())
}

/// What the reports of a run say so far, merged over its steps and attempts.
pub(crate) async fn results(house: &Arc<House>, run: &QueuedRun) -> Result<Value, Problem> {
    let engine = house.engine(&run.repository).await?;
    let results = match (run.project_run, engine) {
        (Some(number), Some(engine)) => {
            let results = spawn_blocking(move || engine.results(RunId(number)));
            results.await.map_err(|error| failed(error.to_string()))??
        }
        _ => Results::default(),
    };
    let mut shown = serde_json::to_value(results).map_err(|error| failed(error.to_string()))?;
    let took = shown.as_object_mut().and_then(|shown| shown.remove("took"));
    shown["took_ms"] = took.unwrap_or_default();
    Ok(shown)
}

/// A step.
pub(crate) fn steps_json(step: &StepDetails) -> Value {
    let is_asked = matches!(&step.asked, (Some(_), None));
    let (word, fault) = match &step.ending {
        None if is_asked => ("approval", None),
        None => ("running", None),
        Some(Ending::Done { .. }) => ("done", None),
        Some(Ending::Failed { fault }) => ("failed", Some(fault)),
        Some(Ending::Errored { fault }) => ("errored", Some(fault)),
        Some(Ending::Lost) => ("lost", None),
        Some(Ending::Blocked { .. }) => ("blocked", None),
        Some(Ending::Skipped) => ("skipped", None),
    };
    let by = match &step.ending {
        Some(Ending::Blocked { by }) => Some(by.to_string()),
        _ => None,
    };
    json!({
        "step": step.step,
        "state": word,
        "took_ms": step.took,
        "message": fault.map(|fault| &fault.message),
        "help": fault.and_then(|fault| fault.help.as_ref()),
        "details": fault.map(|fault| &fault.details).filter(|details| !details.is_empty()),
        "waited_for": by,
        "asks": step.asked.0.as_ref().filter(|_| is_asked).map(|asked| &asked.message),
    })
}
