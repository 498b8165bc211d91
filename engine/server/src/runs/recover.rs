//! What is made good: repositories that are not there yet, and pushes that came in while nobody could be
//! told. A push outlives the server that took it in, so that may come to light after the next one has
//! begun. One that is broken keeps nobody else from being served.
//!
//! Runs that were begun are not its business: whoever begins runs finds them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::engine::Problem;
use tokio::time::sleep;

use crate::house::{Arrival, House};
use crate::records::queue;
use crate::repository::{BRANCHES, heads, host};
use crate::trouble::in_words;

/// What a branch that was seen and is gone points to.
const NOTHING: &str = "0000000000000000000000000000000000000000";

/// How often it is looked whether a hook could tell nobody.
const GLANCE: Duration = Duration::from_millis(250);
/// How often one that is broken is looked at again: somebody may have put it back.
const AGAIN: Duration = Duration::from_secs(5);

/// Makes the repositories that are hosted, and queues what their branches point to and was never seen.
/// Returns those that are broken.
pub(crate) async fn recover(house: &Arc<House>) -> Vec<String> {
    let names = house.settings.file.repositories.keys().map(|name| name.0.clone());
    recovered(house, names.collect()).await
}

/// Looks at those that are broken until they are whole, and at those with a push that nobody was told of,
/// until the server is to end.
pub(crate) async fn mend(house: Arc<House>, broken: Vec<String>) {
    let (mut leaving, mut broken, mut looked) = (house.leaving(), broken, Instant::now());
    loop {
        tokio::select! {
            () = sleep(GLANCE) => {}
            _ = leaving.changed() => return,
        }
        let mut untold = untold(&house.folder.untold());
        untold.retain(|name| house.knows(name));
        let more = recovered(&house, untold).await;
        if looked.elapsed() >= AGAIN {
            broken = recovered(&house, broken).await;
            looked = Instant::now();
        }
        broken.extend(more);
        broken.sort();
        broken.dedup();
    }
}

/// Returns the repositories whose hooks could tell nobody, and forgets it: each is looked at from now on.
fn untold(notes: &Path) -> Vec<String> {
    let notes = fs::read_dir(notes).into_iter().flatten().flatten();
    let taken = notes.filter(|note| fs::remove_file(note.path()).is_ok());
    taken.filter_map(|note| note.file_name().into_string().ok()).collect()
}

async fn recovered(house: &Arc<House>, names: Vec<String>) -> Vec<String> {
    let mut broken = Vec::new();
    for name in names {
        let about = format!("repository {name}");
        match one(house, &name).await {
            Ok(()) => house.troubles.clear(&about),
            Err(problem) => {
                house.troubles.note(&about, in_words(&problem), house.now());
                broken.push(name);
            }
        }
    }
    broken
}

async fn one(house: &Arc<House>, name: &str) -> Result<(), Problem> {
    host(&house.folder.repository(name)).await?;
    let mut known = house.settings.file.repositories.iter();
    let is_hosted = known.any(|(known, about)| known.0 == name && about.follow.is_none());
    if is_hosted { catch_up(house, name).await } else { Ok(()) }
}

async fn catch_up(house: &Arc<House>, name: &str) -> Result<(), Problem> {
    let of = name.to_owned();
    let seen = house.records.ask(move |records| queue::seen(records, &of)).await?;
    let heads = heads(&house.folder.repository(name)).await?;
    let gone = seen.keys().filter(|reference| !heads.iter().any(|(head, _)| head == *reference));
    let gone = gone.map(|reference| (reference.clone(), NOTHING.to_owned()));
    let moved = heads.iter().filter(|(head, hash)| seen.get(head) != Some(hash)).cloned();
    for (reference, new) in gone.chain(moved) {
        debug_assert!(reference.starts_with(BRANCHES));
        let old = seen.get(&reference).cloned().unwrap_or_else(|| NOTHING.to_owned());
        let by = "push".to_owned();
        let arrival = Arrival { repository: name.to_owned(), reference, old, new, by };
        house.arrived(&arrival).await?;
    }
    Ok(())
}
