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
use crate::repository::{BRANCHES, says};

pub(crate) use entry::Entry;
use records::Known;

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
    let known = match house.records.ask(records::known).await {
        Ok(known) => known,
        Err(problem) => return house.troubles.note("schedules", problem.message(), house.now()),
    };
    house.troubles.clear("schedules");
    let now = now(house);
    for name in house.settings.file.repositories.keys() {
        match of_repository(house, &name.0, &known, now).await {
            Ok(()) => house.troubles.clear(&about(&name.0)),
            Err(problem) => house.troubles.note(&about(&name.0), problem.message(), house.now()),
        }
    }
}

async fn of_repository(
    house: &Arc<House>,
    name: &str,
    known: &Known,
    now: Timestamp,
) -> Result<(), Problem> {
    let branch = first_branch(&house.settings.file, name);
    let head = (name.to_owned(), format!("{BRANCHES}{branch}"));
    let Some(commit) = known.heads.get(&head) else { return Ok(()) };
    let mut read = house.timetable.head(name);
    if read.commit != *commit {
        let says = says(&house.folder.repository(name), commit).await?;
        let entries = Entry::all(name, branch, commit, &says).into();
        read = Head { commit: commit.clone(), entries };
        house.timetable.note(name, read.clone());
        let before = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        house.records.ask(move |records| records::prune(records, before)).await?;
    }
    for entry in read.entries.iter() {
        see_to(house, entry, known.seen.get(&entry.key()).copied(), now).await?;
    }
    Ok(())
}

/// Starts what one schedule wants, which was seen to until some time.
async fn see_to(
    house: &Arc<House>,
    entry: &Entry,
    seen: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Problem> {
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
