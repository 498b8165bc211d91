//! The keys and attributes of `backup.job`.

use std::collections::BTreeMap;

use language::scalar::FilePath;
use language::{Keys, Period, Spec, Text};

use super::keep::Keep;
use crate::command::Invocation;

/// What is backed up, where to, and how long it is kept. The work itself is done by `windlass backup`,
/// `windlass restore` and the steps of pipelines that are called the same.
#[derive(Clone, Debug, Spec)]
#[spec(check = check)]
pub struct JobSpec {
    /// The repository, by its place: `${local.location}`.
    pub repository: String,
    /// What is backed up.
    #[spec(flatten)]
    pub what: What,
    /// Is run before, such as what brings files into a state that fits together. If it fails, nothing
    /// is backed up.
    pub before: Option<Invocation>,
    /// Is run afterwards, however it went: `$WINDLASS_OUTCOME` is `done` or `failed`. After a crash the
    /// next action of this job runs it.
    pub after: Option<Invocation>,
    /// What is in the environment of its commands, beside the engine's own: the way in for secrets.
    #[spec(default = "{}")]
    pub environment: BTreeMap<String, Text>,
    /// Where its commands run: relative to the project, or absolute.
    #[spec(default = ".")]
    pub directory: FilePath,
    /// How long each of its commands may take, and each call of restic.
    #[spec(default = "12h")]
    pub time_limit: Period,
    /// Further tags of its snapshots in the repository.
    #[spec(default = "[]")]
    pub tags: Vec<String>,
    /// The host's name in its snapshots; without it that of this machine.
    pub host: Option<String>,
    /// What `prune` leaves; without it everything. It never removes the last snapshot that is proven
    /// by a restore, nor what a wrong clock would cost.
    pub keep: Option<Keep>,
    /// How often the repository is read again.
    #[spec(default = "{}")]
    pub verify: Verification,
    /// How a restore is tried.
    #[spec(default = "{}")]
    pub drill: Drill,
}

/// What is backed up.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub enum What {
    /// Files and folders.
    Files {
        /// Relative to the project, or absolute. One that is not there fails the job.
        paths: Vec<FilePath>,
        /// What is left out: names, or patterns such as `*.tmp` and `data/cache/**`.
        #[spec(default = "[]")]
        exclude: Vec<String>,
        /// Files that may be unreadable or not there. Any other such file fails the job, and it leaves
        /// no snapshot.
        #[spec(default = "[]")]
        unreadable: Vec<FilePath>,
    },
    /// What a command writes to its standard output, such as the dump of a database. If it ends with
    /// another code than 0 or is killed, there is no snapshot. A text is for a shell in which a pipe
    /// fails if any part of it does.
    Dump {
        /// The command.
        dump: Invocation,
        /// The name of its file in the snapshot.
        #[spec(default = "dump")]
        file: String,
    },
}

/// How often the repository is read again.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
#[spec(check = check_verification)]
pub struct Verification {
    /// After a backup a part of what is stored is read if the last time is longer ago.
    #[spec(default = "7d")]
    pub every: Period,
    /// It is read in so many parts, each time the next: 10 reads a tenth.
    #[spec(default = "10")]
    pub parts: u32,
}

/// How a restore is tried.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub struct Drill {
    /// Are run in the folder with what was restored, which is `$RESTORED` too; the project's folder is
    /// `$WINDLASS_PROJECT`. Each must end with 0;
    /// the last line that the last of them writes is kept with the proof.
    #[spec(default = "[]")]
    pub checks: Vec<Invocation>,
    /// The folder in which a scratch folder is made, and cleared afterwards; without it one of
    /// Windlass's own. Choose one with enough room.
    pub scratch: Option<FilePath>,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct JobObject {
    /// Its name in the repository: `shop/database`.
    #[spec(follows = "")]
    pub job: String,
}

fn check(spec: &JobSpec, keys: &mut Keys<'_, '_, '_>) {
    match &spec.what {
        What::Files { paths, .. } if paths.is_empty() => {
            keys.refuse("paths", "name what is to be backed up");
        }
        What::Dump { file, .. } if file.is_empty() || file.contains('/') => {
            keys.refuse("file", "a name without `/`");
        }
        _ => {}
    }
    for tag in &spec.tags {
        if tag.is_empty() || tag.contains(',') || tag.starts_with("job:") || tag.starts_with("run:")
        {
            keys.refuse("tags", "no `,` in a tag, and not `job:` or `run:` at its beginning");
        }
    }
}

fn check_verification(verify: &Verification, keys: &mut Keys<'_, '_, '_>) {
    if !(1..=256).contains(&verify.parts) {
        keys.refuse("parts", "1 to 256");
    }
}
