//! Orders: a push is in, start a run, end it, do it again, approve what waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use runtime::store::{Cause, RunId};
use serde::Deserialize;
use serde_json::json;

use super::input::body;
use super::shown::run_json;
use crate::house::{Arrival, House, Wanted};
use crate::http::{Answer, Refusal, Request, Who, json as answer_json};
use crate::records::{QueuedRun, State, queue};
use crate::repository::{BRANCHES, check_out, heads, is_hash, says};

/// Finds the run that a path names.
pub(crate) async fn find(
    house: &Arc<House>,
    repository: &str,
    number: &str,
) -> Result<QueuedRun, Refusal> {
    let none = || {
        let message = format!("there is no run {number} of `{repository}`");
        Refusal::not_found(message, "/api/v1/runs lists them")
    };
    let number = number.parse().map_err(|_| none())?;
    let run = house.run(number).await?.ok_or_else(none)?;
    if run.repository == repository { Ok(run) } else { Err(none()) }
}

/// A branch that was pushed to, as `post-receive` hears it.
#[derive(Clone, Debug, Deserialize)]
struct Pushed {
    old: String,
    new: String,
    reference: String,
}

/// A push is in: its runs are queued, and on disk when this answers. Where everybody who pushes is on this
/// machine, they are told where the project lies.
pub(super) async fn pushed(
    house: &Arc<House>,
    request: Request,
    who: &Who,
    name: &str,
) -> Result<Answer, Refusal> {
    if *who != Who::Hook {
        let message = "only the hook of a push may say what was pushed";
        let help = "push, or start a run: POST /api/v1/repositories/NAME/runs";
        return Err(Refusal::new(StatusCode::FORBIDDEN, message, help));
    }
    let pushed: Vec<Pushed> = body(request).await?;
    let mut runs = Vec::new();
    for Pushed { old, new, reference } in pushed {
        let (repository, by) = (name.to_owned(), "push".to_owned());
        let arrival = Arrival { repository, reference, old, new, by };
        runs.extend(house.arrived(&arrival).await?);
    }
    let runs: Vec<_> = runs.iter().map(|run| run_json(house, run)).collect();
    let is_open = house.settings.file.tokens.is_empty();
    let project = is_open.then(|| house.folder.project(name).root.display().to_string());
    Ok(answer_json(&json!({ "runs": runs, "project": project })))
}

/// Which run is wanted.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Start {
    pipeline: String,
    branch: Option<String>,
    commit: Option<String>,
    parameters: BTreeMap<String, String>,
}

/// Starts a pipeline of a branch or commit.
pub(super) async fn start(
    house: &Arc<House>,
    request: Request,
    who: &Who,
    name: &str,
) -> Result<Answer, Refusal> {
    let Start { pipeline, branch, commit, parameters } = body(request).await?;
    if !house.knows(name) {
        return Err(house.unknown(name).into());
    }
    let bare = house.folder.repository(name);
    let branch = branch.unwrap_or_else(|| "main".to_owned());
    let commit = match commit {
        Some(commit) if is_hash(&commit) => commit,
        Some(commit) => {
            let message = format!("`{commit}` is no commit in full");
            return Err(Refusal::bad(message, "write all of its 40 digits"));
        }
        None => {
            let wanted = format!("{BRANCHES}{branch}");
            let found = heads(&bare).await?.into_iter().find(|(head, _)| *head == wanted);
            let (_, commit) = found.ok_or_else(|| {
                let message = format!("`{name}` has no branch `{branch}`");
                Refusal::not_found(message, "push it, or name another one")
            })?;
            commit
        }
    };
    let said = says(&bare, &commit).await?;
    let found = said.pipelines.iter().find(|one| one.name == pipeline || one.file == pipeline);
    let found = found.ok_or_else(|| {
        let message = format!("this commit has no pipeline `{pipeline}`");
        let names = language::suggest::list(said.pipelines.iter().map(|one| one.name.as_str()));
        let help =
            if names.is_empty() { "it has none".to_owned() } else { format!("there are {names}") };
        Refusal::not_found(message, &help)
    })?;
    if let Some(name) = found.secrets.iter().find(|name| parameters.contains_key(*name)) {
        let message = format!("`{name}` is a secret, and what starts a run is kept and shown");
        let help = "set it once in the server's copy of the project (`windlass secret set NAME`), and \
                    let the pipeline say `${secret.NAME}`";
        return Err(Refusal::bad(message, help));
    }
    let (author, title) = (said.author.clone(), said.title.clone());
    let by = format!("order of {}", who.name());
    let wanted = Wanted {
        repository: name.to_owned(),
        pipeline: found.name.clone(),
        file: found.file.clone(),
        cause: Cause { id: String::new(), by, commit, branch, author, title },
        parameters,
        grouped: found.grouped.clone(),
        ..Wanted::default()
    };
    queued(house, wanted).await
}

async fn queued(house: &Arc<House>, wanted: Wanted) -> Result<Answer, Refusal> {
    let id = house.enqueue(wanted).await?;
    let run = house.run(id).await?;
    let run = run.ok_or_else(|| Refusal::not_found("the run is gone", "start it again"))?;
    let mut answer = answer_json(&run_json(house, &run));
    *answer.status_mut() = StatusCode::CREATED;
    Ok(answer)
}

/// Asks for the end of a run.
pub(super) async fn cancel(
    house: &Arc<House>,
    who: &Who,
    run: QueuedRun,
) -> Result<Answer, Refusal> {
    if run.is_over() {
        let message = format!("run {} is over", run.id);
        return Err(Refusal::new(StatusCode::CONFLICT, message, "there is nothing to end"));
    }
    let (id, now, why) = (run.id, house.now(), format!("ended by {}", who.name()));
    house.records.ask(move |records| queue::cancel(records, id, &why, now)).await?;
    house.has_changed();
    let run = house.run(id).await?.unwrap_or(run);
    Ok(answer_json(&run_json(house, &run)))
}

/// What of a run is done again.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Again {
    failed: bool,
    from: Option<String>,
}

/// Does a run, or a part of it, again: at the same commit, as a run of its own.
pub(super) async fn rerun(
    house: &Arc<House>,
    request: Request,
    who: &Who,
    run: QueuedRun,
) -> Result<Answer, Refusal> {
    let Again { failed, from } = body(request).await?;
    if !run.is_over() {
        let message = format!("run {} is not over", run.id);
        return Err(Refusal::new(StatusCode::CONFLICT, message, "wait for its end, or end it"));
    }
    let course = match (from, failed) {
        (Some(step), _) => Some(format!("from {step}")),
        (None, true) => Some("failed".to_owned()),
        (None, false) => None,
    };
    if course.is_some() && run.project_run.is_none() {
        let message = format!("run {} never began, so there is no part of it", run.id);
        return Err(Refusal::new(StatusCode::CONFLICT, message, "do all of it again: send {}"));
    }
    let by = format!("order of {}", who.name());
    let wanted = Wanted {
        repository: run.repository,
        pipeline: run.pipeline,
        file: run.file,
        cause: Cause { id: String::new(), by, ..run.cause },
        parameters: run.parameters,
        grouped: run.grouped,
        course,
        of: Some(run.id),
        superseded: None,
    };
    queued(house, wanted).await
}

/// What is said to a gate.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Said {
    step: Option<String>,
    /// Who says so, where no token does.
    by: Option<String>,
    note: Option<String>,
    reject: bool,
}

/// Says yes or no to what a run waits for, and lets it go on when its turn comes. What is said is durable
/// when this answers, and holds for what was asked, whoever works in the tree by then.
pub(super) async fn approve(
    house: &Arc<House>,
    request: Request,
    who: &Who,
    run: QueuedRun,
) -> Result<Answer, Refusal> {
    let Said { step, by, note, reject } = body(request).await?;
    let conflict = |message: String, help: &str| Refusal::new(StatusCode::CONFLICT, message, help);
    let number = match (run.state, run.project_run) {
        // One that waits for its turn may have other gates, and an answer can be taken back until then.
        (State::Approval | State::Waiting, Some(number)) => RunId(number),
        _ => {
            let message = format!("run {} waits for nobody's approval", run.id);
            return Err(conflict(message, "look at what it does"));
        }
    };
    // What is approved is compared with what lies in the work tree; while another run works there, once
    // this one goes on.
    let tree = house.idle_tree(&run.repository);
    if tree.is_some() {
        check_out(&house.folder, &run.repository, &run.cause.commit).await?;
    }
    let Some(engine) = house.engine(&run.repository).await? else {
        return Err(conflict(format!("nothing is kept of run {}", run.id), "start it again"));
    };
    let by = match who {
        Who::Named(name) => name.clone(),
        Who::Local | Who::Hook => by.unwrap_or_else(|| who.name().to_owned()),
    };
    let said = runtime::engine::Answer { approved: !reject, by, note, at_hand: tree.is_some() };
    engine.answer(number, step.as_deref(), said, &house.settings.approvers()).await?;
    drop(tree);
    let id = run.id;
    house.records.ask(move |records| queue::again(records, id)).await?;
    house.has_changed();
    let run = house.run(id).await?.unwrap_or(run);
    Ok(answer_json(&run_json(house, &run)))
}
