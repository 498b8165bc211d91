//! The keys and attributes of `backup.repository`.

use std::collections::BTreeMap;

use language::scalar::FilePath;
use language::{Keys, Secret, Spec, Text};
use model::Context;

use crate::disk;

/// A restic repository. It is made if there is none at its place; what is there is taken as it is.
/// Destroying it only forgets it: what it stores stays.
#[derive(Clone, Debug, Spec)]
#[spec(check = check)]
pub struct RepositorySpec {
    /// Where it lies.
    #[spec(flatten)]
    pub place: Place,
    /// What everything in it is encrypted with. Whoever loses it has lost every backup.
    pub password: Secret,
    /// What restic needs to reach the place: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `OS_…` or
    /// `ST_…`.
    #[spec(default = "{}")]
    pub environment: BTreeMap<String, Text>,
    /// Others who can only add to it are not to be believed: `keep` of its jobs may then only say
    /// `within`, because snapshots that somebody adds must not push others out. That nobody can
    /// delete is up to the storage.
    #[spec(default = "false")]
    pub append_only: bool,
}

/// Where a repository lies, as restic writes it behind the first colon.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub enum Place {
    /// On this machine.
    Folder {
        /// A folder: relative to the project, or absolute.
        folder: FilePath,
    },
    /// On a host that is reached by SSH, without a password.
    Sftp {
        /// `user@host:/srv/restic`, or `//user@host:2222//srv/restic`.
        sftp: String,
    },
    /// In S3, or what speaks its language.
    S3 {
        /// `s3.eu-central-1.amazonaws.com/bucket/folder`, or with `https://`.
        s3: String,
    },
    /// In Swift, the object store of `OpenStack`.
    Swift {
        /// `container:/path`.
        swift: String,
    },
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct RepositoryObject {
    /// Where it lies, as restic has it: what jobs refer to.
    #[spec(follows = "folder, sftp, s3, swift")]
    pub location: String,
    /// Its own id, which it keeps for ever.
    #[spec(follows = "folder, sftp, s3, swift")]
    pub repository_id: String,
}

impl Place {
    /// Returns the key that says it, and its value as it is compared.
    pub(super) fn key(&self) -> (&'static str, String) {
        match self {
            Self::Folder { folder } => ("folder", disk::tidy(&folder.0)),
            Self::Sftp { sftp } => ("sftp", sftp.clone()),
            Self::S3 { s3 } => ("s3", s3.clone()),
            Self::Swift { swift } => ("swift", swift.clone()),
        }
    }

    /// Returns it as restic has it; a folder is absolute.
    pub(in crate::backup) fn location(&self, context: &Context) -> String {
        match self {
            Self::Folder { folder } => {
                context.place(disk::tidy(&folder.0)).to_string_lossy().into_owned()
            }
            other => {
                let (scheme, rest) = other.key();
                format!("{scheme}:{rest}")
            }
        }
    }
}

fn check(spec: &RepositorySpec, keys: &mut Keys<'_, '_, '_>) {
    let (key, rest) = spec.place.key();
    if key != "folder" && rest.starts_with(&format!("{key}:")) {
        keys.refuse(key, format!("without `{key}:` before it: the key says that already"));
    }
    for taken in ["RESTIC_REPOSITORY", "RESTIC_PASSWORD", "RESTIC_PASSWORD_FILE"] {
        if spec.environment.contains_key(taken) {
            keys.refuse("environment", format!("`{taken}` is given by the other keys"));
        }
    }
}
