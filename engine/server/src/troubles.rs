//! What goes wrong in the background, until it goes well again: shown by the page and the API, since nobody
//! waits for an answer. It must not hold a secret.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use runtime::store::Millis;
use serde::Serialize;

/// What goes wrong now, by what it is about.
#[derive(Default)]
pub(crate) struct Troubles(Mutex<BTreeMap<String, Trouble>>);

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Trouble {
    /// What it is about, such as `polling shop`.
    pub(crate) about: String,
    /// What went wrong last, and what to do.
    pub(crate) message: String,
    /// How often in a row.
    pub(crate) count: u64,
    /// Since when, in milliseconds since 1970.
    pub(crate) since: Millis,
}

impl Troubles {
    /// Notes that something went wrong, again or for the first time.
    pub(crate) fn note(&self, about: &str, message: String, now: Millis) {
        let mut all = self.all();
        let begin =
            || Trouble { about: about.to_owned(), message: String::new(), count: 0, since: now };
        let trouble = all.entry(about.to_owned()).or_insert_with(begin);
        trouble.message = message;
        trouble.count += 1;
    }

    /// Notes that it went well.
    pub(crate) fn clear(&self, about: &str) {
        self.all().remove(about);
    }

    /// Returns what goes wrong now.
    pub(crate) fn list(&self) -> Vec<Trouble> {
        self.all().values().cloned().collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
