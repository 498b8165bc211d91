//! Caches: files that a step leaves for later runs, by a key.
//!
//! A cache makes a step faster and nothing else: what is wrong with one is said, and the step runs on. It
//! must not fail a step.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use model::Fault;
use model::context::Progress;
use model::file::pipeline::CacheTask;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::Tasks;
use super::bundle::{Bundle, matching};
use super::sweep::{Sweep, sweep};
use super::task::Doing;
use crate::objects::Objects;

/// So many caches are kept; of those that were used least recently the files go.
const MOST: usize = 40;

/// So much of the hash of the files is part of a key.
const HASH: usize = 16;

/// A cache that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    key: String,
    /// When, in milliseconds since 1970.
    at: u64,
    /// The object with its list of files.
    bundle: String,
}

/// What is to be done with a cache when its step has succeeded.
pub(super) struct Pending {
    key: String,
    paths: Vec<String>,
}

/// What came of looking for a cache.
enum Restored {
    /// It was there, under this key.
    As(String, String),
    Nothing,
    /// It was there and of no use: its key, and why.
    Damaged(String, String),
}

impl Tasks {
    /// Lays out the caches of a step, and returns those that are to be kept anew.
    pub(super) async fn restore_caches(
        &self,
        caches: &[CacheTask],
        folder: &Path,
        doing: Doing<'_>,
    ) -> Result<Vec<Pending>, Fault> {
        let mut pending = Vec::new();
        for cache in caches {
            let (home, from, wanted) =
                (self.engine.project.home.clone(), folder.to_owned(), cache.clone());
            let work = move || {
                let key = key(&from, &wanted)?;
                Ok::<_, Fault>((restore(&home, &from, &key, &wanted), key))
            };
            let (restored, key) =
                spawn_blocking(work).await.map_err(|error| Fault::broken(error.to_string()))??;
            let line = match &restored {
                Restored::As(as_key, files) => format!("— cache {as_key}: {files}"),
                Restored::Nothing => format!("— cache {key}: nothing is kept yet"),
                Restored::Damaged(key, why) => {
                    format!("— warning: the cache {key} is damaged and thrown away: {why}")
                }
            };
            doing.log.line(&line);
            if !matches!(&restored, Restored::As(as_key, _) if *as_key == key) {
                pending.push(Pending { key, paths: cache.paths.clone() });
            }
        }
        Ok(pending)
    }

    /// Keeps what a step that succeeded leaves for later runs.
    pub(super) async fn keep_caches(&self, pending: Vec<Pending>, folder: &Path, doing: Doing<'_>) {
        for Pending { key, paths } in pending {
            let (home, from, as_key) =
                (self.engine.project.home.clone(), folder.to_owned(), key.clone());
            let at = crate::lease::millis(&*self.engine.site.clock);
            let kept = spawn_blocking(move || keep(&home, &from, as_key, &paths, at)).await;
            let line = match kept.map_err(|error| error.to_string()).flatten() {
                Ok(files) => format!("— cache {key}: {files} kept"),
                Err(why) => format!("— warning: the cache {key} is not kept: {why}"),
            };
            doing.log.line(&line);
        }
    }
}

/// The key as it is written, and what the files hold that it depends on.
fn key(folder: &Path, cache: &CacheTask) -> Result<String, Fault> {
    if cache.files.is_empty() {
        return Ok(cache.key.clone());
    }
    let mut hasher = blake3::Hasher::new();
    for pattern in &cache.files {
        let mut found = matching(folder, pattern)?;
        found.retain(|path| path.is_file());
        found.sort_unstable();
        for path in found {
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            let bytes = fs::read(&path)
                .map_err(|error| Fault::refused(format!("{name} cannot be read: {error}")))?;
            hasher.update(name.as_bytes()).update(&[0]);
            hasher.update(blake3::hash(&bytes).as_bytes());
        }
    }
    let digest = hasher.finalize().to_hex();
    Ok(format!("{}-{}", cache.key, &digest[..HASH]))
}

/// Whether a key is this one with the hash of some files, and not another that begins like it.
fn is_of_other_files(other: &str, key: &str) -> bool {
    let hash = other.strip_prefix(key).and_then(|rest| rest.strip_prefix('-'));
    hash.is_some_and(|hash| hash.len() == HASH && hash.bytes().all(|one| one.is_ascii_hexdigit()))
}

fn restore(home: &Path, folder: &Path, key: &str, cache: &CacheTask) -> Restored {
    let mut all = match listed(home) {
        Ok(all) => all,
        Err((path, why)) => {
            _ = fs::remove_file(&path);
            return Restored::Damaged(key.to_owned(), why);
        }
    };
    all.sort_unstable_by_key(|(_, kept)| std::cmp::Reverse(kept.at));
    let first = |fits: &dyn Fn(&str) -> bool| all.iter().find(|(_, kept)| fits(&kept.key));
    let others = || match cache.restore.is_empty() {
        true => first(&|other| is_of_other_files(other, &cache.key)),
        false => cache.restore.iter().find_map(|like| first(&|other| other.starts_with(like))),
    };
    let Some((path, kept)) = first(&|other| other == key).or_else(others) else {
        return Restored::Nothing;
    };
    let objects = Objects::of(home);
    let laid = Bundle::open(&objects, &kept.bundle)
        .map_err(|why| format!("its list of files: {why}"))
        .and_then(|bundle| match bundle.lay(&objects, folder) {
            Ok(()) => Ok(bundle.size()),
            Err(bad) => Err(format!("{}: {}", bad.what, bad.why)),
        });
    match laid {
        Ok(files) => {
            _ = File::options()
                .append(true)
                .open(path)
                .and_then(|file| file.set_modified(SystemTime::now()));
            Restored::As(kept.key.clone(), files)
        }
        Err(why) => {
            _ = fs::remove_file(path);
            Restored::Damaged(kept.key.clone(), why)
        }
    }
}

fn keep(
    home: &Path,
    folder: &Path,
    key: String,
    paths: &[String],
    at: u64,
) -> Result<String, String> {
    let objects = Objects::of(home);
    let bundle = Bundle::gather(&objects, folder, paths).map_err(|fault| fault.message)?;
    let count = bundle.size();
    let written = || -> io::Result<()> {
        let kept = Kept { key: key.clone(), at, bundle: bundle.keep(&objects)? };
        let places = place(home);
        fs::create_dir_all(&places)?;
        let name = blake3::hash(key.as_bytes()).to_hex();
        let fresh = places.join(format!(".{name}.{}", std::process::id()));
        File::create(&fresh)?.write_all(&serde_json::to_vec(&kept)?)?;
        fs::rename(&fresh, places.join(format!("{name}.json")))
    };
    written().map_err(|error| error.to_string())?;
    bound(home);
    Ok(count)
}

fn place(home: &Path) -> PathBuf {
    home.join("caches")
}

/// All caches, each with its file; or the file that cannot be understood, and why.
fn listed(home: &Path) -> Result<Vec<(PathBuf, Kept)>, (PathBuf, String)> {
    let entries = fs::read_dir(place(home)).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let read = |path: PathBuf| {
        let read = fs::read(&path).map_err(|error| error.to_string());
        let kept = read.and_then(|bytes| {
            serde_json::from_slice(&bytes)
                .map_err(|_| "what is known of it cannot be read".to_owned())
        });
        match kept {
            Ok(kept) => Ok((path, kept)),
            Err(why) => Err((path, why)),
        }
    };
    files.map(read).collect()
}

/// Forgets the caches that were used least recently, if there are too many.
fn bound(home: &Path) {
    let mut all = listed(home).unwrap_or_default();
    if all.len() <= MOST {
        return;
    }
    let used = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    all.sort_unstable_by_key(|(path, _)| std::cmp::Reverse(used(path)));
    all[MOST..].iter().for_each(|(path, _)| _ = fs::remove_file(path));
    // What cannot be thrown away now is in the next sweep.
    _ = sweep(home, &Sweep::now());
}

/// Returns the lists of files of all caches that are kept. None: one of them cannot be understood, and what
/// it needs is not known.
pub(super) fn all(home: &Path) -> Option<Vec<String>> {
    Some(listed(home).ok()?.into_iter().map(|(_, kept)| kept.bundle).collect())
}
