//! Commit statuses: whoever hosts a repository that is followed is told how its runs stand.
//!
//! What is to be said follows from the records alone ([`records`]), so a death at any instant repeats a
//! word at most, and saying the same twice changes nothing. An API that asks for patience gets it. It must
//! not hold up a run, and it must not show the token.

mod client;
mod message;
mod pace;
mod place;
mod records;

use std::sync::Arc;
use std::time::Duration;

use model::SecretText;
use runtime::engine::Problem;
use runtime::store::Millis;
use tokio::time::sleep;

use crate::house::House;
use client::Api;
use message::Message;
use pace::Outcome;
use records::Untold;

pub(crate) use place::Place;
pub(crate) use records::TOLD_WITHIN;

/// The longest that nobody looks whether something is to be said.
const NAP: Millis = 60_000;

/// Who is told of the runs of one repository.
pub(crate) struct Teller {
    /// The repository.
    pub(crate) repository: String,
    /// The API.
    pub(crate) place: Place,
    /// What the API lets us in with.
    pub(crate) token: SecretText,
}

/// Tells a provider how runs stand, until the server ends.
pub(crate) async fn tell(house: Arc<House>, teller: Teller) {
    let (mut changes, mut leaving) = (house.changes(), house.leaving());
    let api = Api::new();
    let about = format!("commit statuses of {}", teller.repository);
    // Until when the API has asked not to be asked.
    let mut quiet = 0;
    loop {
        let said = pass(&house, &teller, &api, &mut quiet).await;
        let next = said.unwrap_or_else(|problem| {
            house.troubles.note(&about, problem.message(), house.now());
            house.now() + NAP
        });
        let nap = Duration::from_millis(next.saturating_sub(house.now()).clamp(10, NAP));
        tokio::select! {
            biased;
            _ = leaving.changed() => return,
            moved = changes.changed() => if moved.is_err() { return },
            () = sleep(nap) => {}
        }
    }
}

/// Says everything that is to be said now. Returns when there is more.
async fn pass(
    house: &Arc<House>,
    teller: &Teller,
    api: &Api,
    quiet: &mut Millis,
) -> Result<Millis, Problem> {
    let (name, now) = (teller.repository.clone(), house.now());
    let untold = house.records.ask(move |records| records::untold(records, &name, now)).await?;
    let mut wake = house.now() + NAP;
    for one in &untold {
        let ready = one.next.max(*quiet);
        if ready > house.now() {
            wake = wake.min(ready);
            continue;
        }
        if let Some(next) = say(house, teller, api, one, quiet).await? {
            wake = wake.min(next);
        }
    }
    Ok(wake)
}

/// Says how one run stands. Returns when to try again.
async fn say(
    house: &Arc<House>,
    teller: &Teller,
    api: &Api,
    untold: &Untold,
    quiet: &mut Millis,
) -> Result<Option<Millis>, Problem> {
    let Untold { run, tries, .. } = untold;
    let message = Message::of(&teller.place, run, &house.page_of(run), &teller.token);
    let about = format!("commit statuses of {}", teller.repository);
    let (id, tries, told) = (run.id, *tries, message::told(run));
    match pace::outcome(&api.send(&message).await, tries, house.now()) {
        Outcome::Taken => {
            house.troubles.clear(&about);
            house.records.ask(move |records| records::tell(records, id, &told)).await?;
            Ok(None)
        }
        Outcome::Later { wait, why, all } => {
            let next = house.now() + wait;
            if all {
                *quiet = next;
            }
            let why = format!("{} ({}): {why}", teller.place.api, teller.place.project);
            house.troubles.note(&about, why, house.now());
            let put_off =
                move |records: &mut _| records::put_off(records, id, &told, tries + 1, next);
            house.records.ask(put_off).await?;
            Ok(Some(next))
        }
    }
}
