//! Forgets runs that have had their time, now and then: lines of the queue, what their processes wrote,
//! and in the project what they did, wrote and made.
//!
//! Each thing goes by itself, and what a death leaves half done is found by the next pass. It must not
//! touch a run that is not over.

use std::sync::Arc;
use std::time::Duration;

use runtime::engine::Problem;
use runtime::keep::Keep;
use runtime::store::Millis;
use tokio::time::sleep;

use crate::house::House;
use crate::records::past::{forget, past};
use crate::status::TOLD_WITHIN;
use crate::trouble::{in_words, place};

/// From one pass to the next.
const PAUSE: Duration = Duration::from_hours(1);

/// Whoever looks at a run while it ends is not left without it, whatever the file says.
const LEAST: Millis = 60 * 60 * 1_000;

const DAY: Millis = 24 * LEAST;

/// So many lines of the queue go at once: whoever asks the records waits for one such step.
const AT_ONCE: usize = 50;

/// Forgets until the server is to end.
pub(crate) async fn keep_short(house: Arc<House>) {
    let mut leaving = house.leaving();
    loop {
        tokio::select! {
            () = pass(&house) => {}
            _ = leaving.changed() => return,
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            _ = leaving.changed() => return,
        }
    }
}

/// Looks at every repository once.
pub(crate) async fn pass(house: &Arc<House>) {
    for name in house.settings.file.repositories.keys() {
        let about = format!("forgetting old runs of {}", name.0);
        match of_repository(house, &name.0).await {
            Ok(()) => house.troubles.clear(&about),
            Err(problem) => house.troubles.note(&about, in_words(&problem), house.now()),
        }
    }
}

async fn of_repository(house: &Arc<House>, repository: &str) -> Result<(), Problem> {
    let file = &house.settings.file.keep;
    let keep = Keep { runs: file.runs as usize, younger: (u64::from(file.days) * DAY).max(LEAST) };
    let (name, now) = (repository.to_owned(), house.now());
    let past = house.records.ask(move |records| past(records, &name, &keep, TOLD_WITHIN, now));
    let past = past.await?;
    for some in past.old.chunks(AT_ONCE) {
        for &run in some {
            remove_output(house, run).await?;
        }
        let some = some.to_vec();
        house.records.ask(move |records| forget(records, &some)).await?;
    }
    if !past.old.is_empty() {
        house.has_changed();
    }
    if let Some(engine) = house.engine(repository).await? {
        engine.prune(keep, Some(past.needed), false).await?;
    }
    Ok(())
}

async fn remove_output(house: &House, run: u64) -> Result<(), Problem> {
    let path = house.folder.output(run);
    match tokio::fs::remove_file(&path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(place("remove", &path, error))
        }
        _ => Ok(()),
    }
}
