//! What `--json` writes: the vocabulary of events, described in `events.md`, which `windlass explain
//! json` prints. Programs rely on it: keys may be added, none may change.
//!
//! It must not print.

use model::event::{Ending, Outcome};
use model::plan::{Action, Item, Plan, Step, Work};
use model::value::Piece;
use model::{Fault, Tree, Value};
use runtime::engine::Report;
use serde_json::{Value as Json, json};

/// The page that describes all of it.
pub(crate) const PAGE: &str = include_str!("events.md");

/// Returns a value as programs expect it: text is text, a secret is `{"secret": NAME}`, what is known
/// later is `{"later": REFERENCE}`, and text with such parts is `{"parts": [...]}`.
pub(crate) fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => json!(text),
        Value::Plain(text) => serde_json::from_str::<Json>(text)
            .ok()
            .filter(|json| json.is_number() || json.is_boolean())
            .unwrap_or_else(|| json!(text)),
        Value::Parts(pieces) => match &pieces[..] {
            [piece @ (Piece::Secret { .. } | Piece::Later(_))] => part(piece),
            pieces => json!({ "parts": pieces.iter().map(part).collect::<Vec<_>>() }),
        },
        Value::Sealed(hash) => json!({ "sealed": hash }),
        Value::List(items) => items.iter().map(self::value).collect(),
        Value::Map(map) => tree(map),
    }
}

fn part(piece: &Piece) -> Json {
    match piece {
        Piece::Literal(text) => json!(text),
        Piece::Secret { name, .. } => json!({ "secret": name }),
        Piece::Later(path) => json!({ "later": path }),
    }
}

/// Returns a map of values.
pub(crate) fn tree(tree: &Tree) -> Json {
    Json::Object(tree.iter().map(|(key, item)| (key.clone(), value(item))).collect())
}

/// Returns what a plan would do: everything but the steps, which only an apply can read.
pub(crate) fn plan(plan: &Plan) -> Json {
    let output = |change: &model::plan::OutputChange| {
        json!({
            "name": change.name,
            "from": change.from.as_ref().map(value),
            "to": change.to.as_ref().map(value),
        })
    };
    let count = |wanted: &dyn Fn(Action) -> bool| plan.count(wanted);
    json!({
        "stack": plan.stack,
        "changed": !plan.is_unchanged(),
        "create": count(&|action| action == Action::Create),
        "update": count(&|action| action == Action::Update),
        "replace": count(&|action| matches!(action, Action::Replace { .. })),
        "delete": count(&|action| action == Action::Delete),
        "forget": count(&|action| action == Action::Forget),
        "remember": count(&|action| action == Action::Remember),
        "unchanged": plan.unchanged,
        "items": plan.items.iter().map(item).collect::<Vec<_>>(),
        "outputs": plan.outputs.iter().map(output).collect::<Vec<_>>(),
        "refused": plan.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// Returns one line of a plan.
pub(crate) fn item(item: &Item) -> Json {
    let reason = |reason: &model::plan::Reason| {
        json!({
            "key": reason.key,
            "from": value(&reason.from),
            "to": value(&reason.to),
            "forces_replacement": reason.forces,
            "file": reason.at.as_ref().map(|at| &at.file),
            "line": reason.at.as_ref().map(|at| at.line),
        })
    };
    json!({
        "address": item.address,
        "kind": item.kind,
        "action": action(item.action),
        "reasons": item.reasons.iter().map(reason).collect::<Vec<_>>(),
        "note": item.note,
        "drifted": item.drifted,
    })
}

/// Returns the word for what happens to a resource.
pub(crate) fn action(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace { .. } => "replace",
        Action::Delete => "delete",
        Action::Forget => "forget",
        Action::Remember => "remember",
    }
}

/// Returns a step by name and kind.
pub(crate) fn step(step: &Step) -> Json {
    json!({ "step": step.name, "kind": kind(step) })
}

/// Returns the kind of a step's resource, or what a step of a pipeline does.
pub(crate) fn kind(step: &Step) -> &str {
    match &step.work {
        Work::Put(put) => &put.want.kind,
        Work::Delete { .. } => "delete",
        Work::Forget { .. } => "forget",
        Work::Join => "join",
        Work::Outputs(_) => "outputs",
        Work::Task(task) => task.does.word(),
    }
}

/// Returns how a step ended.
pub(crate) fn ending(ending: &Ending) -> Json {
    match ending {
        Ending::Done { what, .. } => json!({ "ending": "done", "outcome": outcome(*what) }),
        Ending::Failed { fault } => json!({ "ending": "failed", "fault": self::fault(fault) }),
        Ending::Errored { fault } => json!({ "ending": "errored", "fault": self::fault(fault) }),
        Ending::Lost => json!({ "ending": "lost" }),
        Ending::Blocked { by } => json!({ "ending": "blocked", "by": by }),
        Ending::Skipped => json!({ "ending": "skipped" }),
    }
}

/// Returns the word for what a step did.
pub(crate) fn outcome(what: Outcome) -> &'static str {
    match what {
        Outcome::Created => "created",
        Outcome::Updated => "updated",
        Outcome::Replaced => "replaced",
        Outcome::Deleted => "deleted",
        Outcome::Forgotten => "forgotten",
        Outcome::Remembered => "remembered",
        Outcome::Kept => "kept",
        Outcome::Nothing => "nothing",
        Outcome::Succeeded => "succeeded",
        Outcome::Earlier => "earlier",
    }
}

/// Returns why something was not done.
pub(crate) fn fault(fault: &Fault) -> Json {
    json!({
        "nature": fault.nature,
        "message": fault.message,
        "help": fault.help,
        "details": fault.details,
    })
}

/// Returns a gate that waits for a person.
fn held(held: &runtime::pipeline::Held) -> Json {
    let asked = &held.question;
    json!({
        "step": held.step,
        "approvers": asked.approvers,
        "message": asked.message,
        "asked_ms": asked.at,
        "until_ms": asked.until,
        "why": held.why,
    })
}

/// Returns what came of a run.
pub(crate) fn report(report: &Report) -> Json {
    let done: serde_json::Map<String, Json> =
        report.done.iter().map(|(what, count)| (outcome(*what).to_owned(), json!(count))).collect();
    let trouble = |trouble: &runtime::engine::StepReport| {
        let mut json = json!({ "step": trouble.address, "kind": trouble.kind });
        let how = trouble.ending.as_ref().map_or_else(|| json!({ "ending": null }), ending);
        if let (Some(json), Json::Object(how)) = (json.as_object_mut(), how) {
            json.extend(how);
        }
        json
    };
    json!({
        "run": report.run,
        "subject": report.subject,
        "outcome": report.outcome,
        "done": done,
        "waiting": report.held.iter().map(held).collect::<Vec<_>>(),
        "not_done": report.troubles.iter().map(trouble).collect::<Vec<_>>(),
        "took_ms": report.took,
    })
}
