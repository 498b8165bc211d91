//! What is made good at the start: repositories that are not there yet, and pushes that came in while
//! nobody could be told.
//!
//! Runs that were begun are not its business: whoever begins runs finds them.

use std::sync::Arc;

use runtime::engine::Problem;

use crate::house::{Arrival, House};
use crate::records::queue;
use crate::repository::{BRANCHES, heads, host};

/// What a branch that was seen and is gone points to.
const NOTHING: &str = "0000000000000000000000000000000000000000";

/// Makes the repositories that are hosted, and queues what their branches point to and was never seen.
pub(crate) async fn recover(house: &Arc<House>) -> Result<(), Problem> {
    for (name, repository) in &house.settings.file.repositories {
        let bare = house.folder.repository(&name.0);
        host(&bare).await?;
        if repository.follow.is_none() {
            catch_up(house, &name.0).await?;
        }
    }
    Ok(())
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
