//! Runs that wait for a person: each goes back into the queue once somebody has answered, its time is
//! up, or somebody goes on with it by hand.
//!
//! It must not judge an answer: the engine does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::event::Event;
use runtime::engine::{Engine, Problem};
use runtime::store::{Millis, RunId, RunOutcome};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::seen::{Seen, look};
use crate::house::House;
use crate::records::{QueuedRun, State, queue};
use crate::trouble::{failed, in_words};

/// How often they are looked at.
const GLANCE: Duration = Duration::from_millis(500);

/// What was known of a run when it was put back last.
type Known = HashMap<u64, (usize, Millis)>;

/// Looks at runs that wait for a person, until the server is to end.
pub(crate) async fn watch_gates(house: Arc<House>) {
    let mut leaving = house.leaving();
    let mut known = Known::new();
    loop {
        // What cannot be read now is looked at again.
        _ = glance(&house, &mut known).await;
        tokio::select! {
            () = sleep(GLANCE) => {}
            _ = leaving.changed() => return,
        }
    }
}

async fn glance(house: &Arc<House>, known: &mut Known) -> Result<(), Problem> {
    let open = house.records.ask(queue::open).await?;
    let mut unread = HashMap::new();
    for run in open.into_iter().filter(|run| run.state == State::Approval) {
        match moves(house, &run, known).await {
            Ok(false) => {}
            Ok(true) => {
                let id = run.id;
                house.records.ask(move |records| queue::again(records, id)).await?;
                house.has_changed();
            }
            // Gates of others are none the worse for it.
            Err(problem) => _ = unread.insert(run.repository, in_words(&problem)),
        }
    }
    for name in house.settings.file.repositories.keys() {
        let about = format!("gates of {}", name.0);
        match unread.remove(&name.0) {
            Some(why) => house.troubles.note(&about, why, house.now()),
            None => house.troubles.clear(&about),
        }
    }
    Ok(())
}

async fn moves(house: &Arc<House>, run: &QueuedRun, known: &mut Known) -> Result<bool, Problem> {
    let found = match look(house, run).await? {
        Seen::Waits(found) => found,
        // Who has the lease of its pipeline is at work on another run.
        Seen::AtWork(found, _) if found.outcome == Some(RunOutcome::Waiting) => found,
        _ => return Ok(true),
    };
    let Some(engine) = house.engine(&run.repository).await? else { return Ok(false) };
    let now = house.now();
    let state = spawn_blocking(move || state(&engine, found.id, now)).await;
    let state = state.map_err(|error| failed(error.to_string()))??;
    let before = known.insert(run.id, state).unwrap_or_default();
    Ok(state.0 > before.0 || state.1 > before.1)
}

/// How many answers there are, and the latest time that was up.
fn state(engine: &Engine, run: RunId, now: Millis) -> Result<(usize, Millis), Problem> {
    let events = engine.store.events(run)?;
    let answers = events.iter().filter(|event| matches!(event, Event::Decided { .. })).count();
    let over = engine.gates(run)?.into_iter().map(|gate| gate.question.until);
    Ok((answers, over.filter(|until| *until <= now).max().unwrap_or(0)))
}
