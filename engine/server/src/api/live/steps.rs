//! What happens to a run and its steps, as events: `Last-Event-ID` is how many of the run's own events
//! are known already.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use model::event::{Ending, Event as Happened};
use runtime::engine::{Problem, StepDetails};
use runtime::store::RunId;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::api::shown::{run_json, steps_json};
use crate::house::House;
use crate::http::{ALIVE, Answer, Event, Outlet, events, from};
use crate::records::QueuedRun;
use crate::trouble::failed;

/// How often it is looked whether there is more.
const GLANCE: Duration = Duration::from_millis(100);

/// Answers with what happens to a run, until it is over.
pub(crate) fn run_events(
    house: &Arc<House>,
    run: QueuedRun,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Answer {
    let known = from(headers, query).and_then(|id| id.parse().ok()).unwrap_or(0);
    let (outlet, answer) = events();
    tokio::spawn(follow(Arc::clone(house), run, known, outlet));
    answer
}

async fn follow(house: Arc<House>, run: QueuedRun, mut known: usize, outlet: Outlet) {
    let (mut changes, mut leaving) = (house.changes(), house.leaving());
    changes.mark_changed();
    let (mut run, mut said, mut shown) = (run, Instant::now(), None);
    loop {
        if changes.has_changed().unwrap_or(true) {
            changes.borrow_and_update();
            let Ok(Some(now)) = house.run(run.id).await else { return };
            run = now;
        }
        let Ok(more) = more(&house, &run, known).await else { return };
        known += more.len();
        let mut all = Vec::new();
        let is = run_json(&house, &run);
        if shown.as_ref() != Some(&is) && !run.is_over() {
            all.push(Event { id: None, kind: "run", data: is.clone() });
        }
        all.extend(more);
        if run.is_over() {
            all.push(Event { id: None, kind: "end", data: is.clone() });
        }
        shown = Some(is);
        if !all.is_empty() {
            said = Instant::now();
            if outlet.send(&all).await.is_err() {
                return;
            }
        }
        if run.is_over() {
            return;
        }
        if said.elapsed() > ALIVE {
            if outlet.alive().await.is_err() {
                return;
            }
            said = Instant::now();
        }
        tokio::select! {
            () = sleep(GLANCE) => {}
            _ = changes.changed() => {}
            () = outlet.closed() => return,
            _ = leaving.changed() => return,
        }
    }
}

/// What happened to its steps since so many events.
async fn more(house: &Arc<House>, run: &QueuedRun, known: usize) -> Result<Vec<Event>, Problem> {
    let Some(number) = run.project_run else { return Ok(Vec::new()) };
    let Some(engine) = house.engine(&run.repository).await? else { return Ok(Vec::new()) };
    let happened = spawn_blocking(move || engine.store.events_since(RunId(number), known)).await;
    let happened = happened.map_err(|error| failed(error.to_string()))??;
    Ok((known + 1..).zip(happened).map(|(id, event)| of(id, event)).collect())
}

fn of(id: usize, happened: Happened) -> Event {
    let (kind, data): (_, Value) = match happened {
        Happened::Started { step, .. } => ("step_began", json!({ "step": step })),
        Happened::Ended { step, ending, took, .. } => {
            ("step_ended", ended(step.as_str(), ending, took))
        }
        Happened::Asked { step, question } => (
            "gate_asked",
            json!({
                "step": step, "message": question.message, "approvers": question.approvers,
                "until": question.until,
            }),
        ),
        Happened::Decided { step, decision } => (
            "gate_answered",
            json!({
                "step": step, "approved": decision.approved, "by": decision.by, "note": decision.note,
            }),
        ),
    };
    Event { id: Some(id.to_string()), kind, data }
}

fn ended(step: &str, ending: Ending, took: u64) -> Value {
    let asked = (None, None);
    steps_json(&StepDetails { step: step.to_owned(), ending: Some(ending), took, log: None, asked })
}
