//! What a run was started for. It must not know who starts runs.

use serde::{Deserialize, Serialize};

/// What a run was started for: one run for each, however often it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Names it: unique in a store.
    pub id: String,
    /// What happened, in a word: `push`, `schedule`, `webhook`, `rerun`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// The commit that the project stood at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// The branch, without `refs/heads/`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub branch: String,
    /// Who wrote the commit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// The first line of what its author says about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
}

impl Cause {
    /// Returns the commit as people write it: its first seven digits.
    pub fn short_commit(&self) -> &str {
        self.commit.get(..7).unwrap_or(&self.commit)
    }
}
