//! Repositories that live elsewhere: asked in an interval, and whenever a webhook says that it is worth it.
//!
//! Both ways lead to the same look, and what a look finds goes through [`House::arrived`]: so a commit
//! that came by webhook and by poll has one run, a webhook that was lost is repaired by the next poll, and
//! a webhook that lies finds nothing. Looks at one remote come one after the other. What is fetched lies
//! under the branches of the bare repository before anybody hears of it: after a death in between, the
//! start of the server finds branches that nobody was told of. It must not run anything.

mod pace;
mod remote;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::SecretText;
use model::file::server::Follow;
use runtime::engine::Problem;
use runtime::store::Millis;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::git::told;
use crate::house::{Arrival, House};
use crate::records::queue;
use crate::repository::{BRANCHES, heads};
use remote::Remote;

/// The most hints that are kept while a look is under way. What is left out is found by the next look.
const MOST_HINTS: usize = 64;

/// Who follows what, and how that goes.
#[derive(Default)]
pub(crate) struct Follows(Mutex<BTreeMap<String, Arc<Followed>>>);

/// One repository that is followed.
#[derive(Default)]
pub(crate) struct Followed {
    hints: Mutex<VecDeque<Hint>>,
    hinted: Notify,
    standing: Mutex<Standing>,
}

/// What a webhook says that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The branch, without `refs/heads/`.
    pub(crate) branch: String,
    /// The commit that was pushed; None: the branch is gone.
    pub(crate) commit: Option<String>,
}

/// How following goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    /// How often it was asked since the server began.
    pub(crate) looks: u64,
    /// When it was asked last, and answered, in milliseconds since 1970.
    pub(crate) answered: Option<Millis>,
    /// How many looks in a row have failed.
    pub(crate) failures: u32,
    /// Why the last one did.
    pub(crate) trouble: Option<String>,
    /// When it is asked next.
    pub(crate) next: Option<Millis>,
}

impl Follows {
    /// Returns one that is followed; it is there from the first question on.
    pub(crate) fn of(&self, repository: &str) -> Arc<Followed> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(repository.to_owned()).or_default())
    }
}

impl Followed {
    /// Says that there is something new: a look begins at once, or after the one that is under way.
    pub(crate) fn hint(&self, hint: Hint) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if !hints.contains(&hint) && hints.len() < MOST_HINTS {
            hints.push_back(hint);
        }
        drop(hints);
        self.hinted.notify_one();
    }

    /// Returns how following it goes.
    pub(crate) fn standing(&self) -> Standing {
        self.note().clone()
    }

    fn note(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hints(&self) -> Vec<Hint> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Forgets what has been looked into.
    fn forget(&self, done: &[Hint]) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        hints.retain(|hint| !done.contains(hint));
    }
}

/// Follows a repository until the server ends.
pub(crate) async fn follow(
    house: Arc<House>,
    name: String,
    follow: Follow,
    token: Option<SecretText>,
) {
    let followed = house.follows.of(&name);
    let mut leaving = house.leaving();
    loop {
        let environment = &house.begin().environment;
        let remote = Remote { follow: &follow, token: token.as_ref(), environment };
        let hints = followed.hints();
        let looked = tokio::select! {
            biased;
            _ = leaving.changed() => return,
            looked = look(&house, &name, &remote, &hints) => looked,
        };
        // What a look that failed was told is the next one's to find.
        if looked.is_ok() {
            followed.forget(&hints);
        }
        let failures = note(&house, &name, &followed, &looked);
        let random = u64::from_str_radix(&house.random(), 16).unwrap_or_default();
        let wait = pace::wait(follow.poll.0, failures, random);
        let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        followed.note().next = Some(house.now().saturating_add(milliseconds));
        tokio::select! {
            biased;
            _ = leaving.changed() => return,
            () = followed.hinted.notified() => {}
            () = sleep(wait) => {}
        }
    }
}

/// Notes how a look went, and returns how many have failed in a row.
fn note(house: &House, name: &str, followed: &Followed, looked: &Result<(), Problem>) -> u32 {
    let about = format!("following {name}");
    let mut standing = followed.note();
    standing.looks += 1;
    match looked {
        Ok(()) => {
            standing.answered = Some(house.now());
            (standing.failures, standing.trouble) = (0, None);
            house.troubles.clear(&about);
        }
        Err(problem) => {
            let words = crate::trouble::in_words(problem);
            standing.failures += 1;
            standing.trouble = Some(words.clone());
            house.troubles.note(&about, words, house.now());
        }
    }
    standing.failures
}

/// One look: fetches what is new and says so. What was said before is known from the records and not from
/// the branches, so that what failed in between is said by the next look.
async fn look(
    house: &Arc<House>,
    name: &str,
    remote: &Remote<'_>,
    hints: &[Hint],
) -> Result<(), Problem> {
    let bare = house.folder.repository(name);
    let (there, here) = tokio::try_join!(remote.branches(&bare), heads(&bare))?;
    let here: BTreeMap<String, String> = here.into_iter().collect();
    let is_new = |(branch, commit): &&(String, String)| here.get(branch) != Some(commit);
    let new: Vec<String> = there.iter().filter(is_new).map(|(branch, _)| branch.clone()).collect();
    if !new.is_empty() {
        remote.fetch(&bare, &new).await?;
    }
    let fetched: BTreeMap<String, String> = heads(&bare).await?.into_iter().collect();
    let asked = name.to_owned();
    let seen = house.records.ask(move |records| queue::seen(records, &asked)).await?;
    for (branch, _) in &there {
        let old = seen.get(branch).map_or("", String::as_str);
        if let Some(tip) = fetched.get(branch).filter(|tip| *tip != old) {
            arrive(house, name, branch, old, tip, hints).await?;
        }
    }
    for branch in fetched.keys().chain(seen.keys()) {
        let is_there = there.iter().any(|(name, _)| name == branch);
        if !is_there && remote.follows(branch) {
            told(&bare, ["update-ref", "-d", branch]).await?;
            house.arrived(&arrival(name, branch, "", "", "poll")).await?;
        }
    }
    Ok(())
}

/// Says that a branch has moved: to the commits of which webhooks told, if they lie on the way, so that
/// each push has its run, and to where it is now.
async fn arrive(
    house: &Arc<House>,
    name: &str,
    branch: &str,
    old: &str,
    tip: &str,
    hints: &[Hint],
) -> Result<(), Problem> {
    let bare = house.folder.repository(name);
    let short = branch.strip_prefix(BRANCHES).unwrap_or(branch);
    let of_branch = hints.iter().filter(|hint| hint.branch == short);
    let (mut from, mut by) = (old.to_owned(), "poll");
    for commit in of_branch.filter_map(|hint| hint.commit.as_ref()) {
        if commit == tip {
            by = "webhook";
        } else if lies_between(&bare, &from, commit, tip).await {
            house.arrived(&arrival(name, branch, &from, commit, "webhook")).await?;
            from.clone_from(commit);
        }
    }
    house.arrived(&arrival(name, branch, &from, tip, by)).await.map(|_| ())
}

fn arrival(name: &str, branch: &str, old: &str, new: &str, by: &str) -> Arrival {
    Arrival {
        repository: name.to_owned(),
        reference: branch.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        by: by.to_owned(),
    }
}

/// Whether a commit is new since the old one, and leads to the tip.
async fn lies_between(bare: &Path, old: &str, commit: &str, tip: &str) -> bool {
    let mut asked = vec!["rev-list".to_owned(), "--ancestry-path".to_owned(), tip.to_owned()];
    asked.push(format!("^{commit}"));
    asked.push("--max-count=1".to_owned());
    let leads = told(bare, &asked).await.is_ok_and(|found| !found.trim().is_empty());
    if old.is_empty() || !leads {
        return false;
    }
    let new = told(bare, ["rev-list", "--max-count=1", commit, &format!("^{old}")]).await;
    new.is_ok_and(|found| found.trim() == commit)
}
