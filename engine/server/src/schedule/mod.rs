//! Pipelines that the time starts: `on: { schedule: … }` at the head of a repository's first branch.
//!
//! Until when each schedule was seen to is durable and moves in one transaction with the runs that it
//! starts, so that a death in between repeats nothing and loses nothing. A schedule that is new starts
//! with now: what came before it was never wanted. It must not wait for runs.

mod due;
mod entry;
mod records;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runtime::engine::Problem;
use tokio::time::sleep;

use crate::house::House;
use crate::outside::first_branch;
use crate::repository::{BRANCHES, heads, says};

pub(crate) use entry::Entry;

/// The longest that nobody looks at the clock: it may have been set, or the machine have slept.
const NAP: Duration = Duration::from_secs(20);

/// How far in the future a time may lie until which everything was seen to: more than that, and the clock
/// was wrong then.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// How long a schedule that is gone is remembered, should it come back.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The schedules of all repositories, as their heads say it.
#[derive(Default)]
pub(crate) struct Timetable(Mutex<BTreeMap<String, Head>>);

/// What the head of a repository says.
#[derive(Clone, Default)]
struct Head {
    commit: String,
    entries: Arc<[Entry]>,
}

impl Timetable {
    /// Returns all schedules.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heads.values().flat_map(|head| head.entries.iter().cloned()).collect()
    }

    fn head(&self, repository: &str) -> Head {
        let heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heads.get(repository).cloned().unwrap_or_default()
    }

    fn note(&self, repository: &str, head: Head) {
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heads.insert(repository.to_owned(), head);
    }
}

/// Starts what is due, until the server ends.
pub(crate) async fn keep_time(house: Arc<House>) {
    let (mut changes, mut leaving) = (house.changes(), house.leaving());
    loop {
        pass(&house).await;
        let nap = nap(&house.timetable.entries(), now(&house));
        tokio::select! {
            biased;
            _ = leaving.changed() => return,
            // A head may have moved.
            moved = changes.changed() => if moved.is_err() { return },
            () = sleep(nap) => {}
        }
    }
}

/// Looks at every schedule once.
pub(crate) async fn pass(house: &Arc<House>) {
    let now = now(house);
    let names: Vec<String> = house.settings.file.repositories.keys().map(|n| n.0.clone()).collect();
    for name in &names {
        if let Err(problem) = of_repository(house, name, now).await {
            house.troubles.note(&about(name), problem.message(), house.now());
        } else {
            house.troubles.clear(&about(name));
        }
    }
}

async fn of_repository(house: &Arc<House>, name: &str, now: Timestamp) -> Result<(), Problem> {
    let bare = house.folder.repository(name);
    let branch = first_branch(&house.settings.file, name);
    let reference = format!("{BRANCHES}{branch}");
    let head = heads(&bare).await?.into_iter().find(|(head, _)| *head == reference);
    let Some((_, commit)) = head else { return Ok(()) };
    let mut known = house.timetable.head(name);
    if known.commit != commit {
        let entries = Entry::all(name, branch, &commit, &says(&bare, &commit).await?);
        known = Head { commit, entries: entries.into() };
        house.timetable.note(name, known.clone());
        let before = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        house.records.ask(move |records| records::prune(records, before)).await?;
    }
    for entry in known.entries.iter() {
        see_to(house, entry, now).await?;
    }
    Ok(())
}

/// Starts what one schedule wants.
async fn see_to(house: &Arc<House>, entry: &Entry, now: Timestamp) -> Result<(), Problem> {
    let asked = entry.clone();
    let seen = house.records.ask(move |records| records::seen(records, &asked)).await?;
    // What lies far ahead was noted by a clock that was wrong.
    let seen = seen.filter(|seen| seen.duration_since(now) <= AHEAD);
    let times = seen.map(|seen| due::due(&entry.schedule, seen, now)).unwrap_or_default();
    let is_old = seen.is_none_or(|seen| now.duration_since(seen) > AHEAD);
    if times.is_empty() && !is_old {
        return Ok(());
    }
    let wanted: Vec<_> = times.into_iter().map(|time| entry.at(time)).collect();
    let (entry, at) = (entry.clone(), house.now());
    let fire = move |records: &mut _| records::fire(records, &entry, &wanted, now, at);
    if house.records.ask(fire).await? > 0 {
        house.has_changed();
    }
    Ok(())
}

fn about(repository: &str) -> String {
    format!("schedules of {repository}")
}

fn now(house: &House) -> Timestamp {
    Timestamp::try_from(house.clock().now()).unwrap_or_default()
}

fn nap(entries: &[Entry], now: Timestamp) -> Duration {
    let next = entries.iter().filter_map(|entry| entry.next(now)).min();
    let left = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
    left.map_or(NAP, |left| (left + Duration::from_millis(1)).min(NAP))
}
