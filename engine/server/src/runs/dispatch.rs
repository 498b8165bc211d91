//! Begins runs as their turn comes, and takes up again those that a death of the server left.
//!
//! One task; each run that is under way has a task of its own beside it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use runtime::engine::Problem;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::attend::attend;
use super::choose::choose;
use crate::house::House;
use crate::records::{QueuedRun, State, queue};
use crate::trouble::in_words;

/// How long to wait when the records could not be read: the disk is full, say.
const AGAIN: Duration = Duration::from_secs(2);

/// What goes wrong where they cannot be read.
const QUEUE: &str = "the queue";

/// Begins runs until it is told to stop, and then waits for those that are under way.
pub(crate) async fn dispatch(house: Arc<House>, mut stop: watch::Receiver<bool>) {
    let mut changes = house.changes();
    let mut under_way: JoinSet<String> = JoinSet::new();
    let mut busy: BTreeSet<String> = BTreeSet::new();
    while !*stop.borrow_and_update() {
        changes.borrow_and_update();
        match next(&house, &busy).await {
            Ok(runs) => {
                house.troubles.clear(QUEUE);
                for run in runs {
                    busy.insert(run.repository.clone());
                    under_way.spawn(attended(Arc::clone(&house), run));
                }
            }
            Err(problem) => {
                house.troubles.note(QUEUE, in_words(&problem), house.now());
                sleep(AGAIN).await;
                // Nobody says that it can be read again.
                continue;
            }
        }
        tokio::select! {
            _ = changes.changed() => {}
            _ = stop.changed() => {}
            Some(ended) = under_way.join_next(), if !under_way.is_empty() => {
                // One that panicked is taken up again: its repository is named by nobody else.
                match ended {
                    Ok(repository) => _ = busy.remove(&repository),
                    Err(_) => busy.clear(),
                }
            }
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn attended(house: Arc<House>, run: QueuedRun) -> String {
    let repository = run.repository.clone();
    attend(&house, run).await;
    house.has_changed();
    repository
}

/// Runs that were begun before this process come first: they are under way whether there is place or not.
async fn next(house: &House, busy: &BTreeSet<String>) -> Result<Vec<QueuedRun>, Problem> {
    let places = usize::from(house.settings.file.runs);
    let busy = busy.clone();
    let chosen = house.records.ask(move |records| {
        let open = queue::open(records)?;
        let begun = queue::begun(records, &open)?;
        let left =
            |run: &&QueuedRun| run.state == State::Running && !busy.contains(&run.repository);
        let mut runs: Vec<QueuedRun> = open.iter().filter(left).cloned().collect();
        let mut busy = busy.clone();
        busy.extend(runs.iter().map(|run| run.repository.clone()));
        let places = places.saturating_sub(busy.len());
        runs.extend(choose(&open, &busy, &begun, places).into_iter().cloned());
        Ok(runs)
    });
    chosen.await
}
