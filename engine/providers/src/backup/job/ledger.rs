//! What is known of a job's snapshots outside of the repository: who only reads the repository cannot
//! see what is missing in it.
//!
//! One note for each job and repository. What is about to be done is noted before it is, so that a
//! later life knows what an earlier one may have left. It must not ask the repository.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Context, Digest, Fault};
use serde::{Deserialize, Serialize};

use super::keep::Stamp;
use super::reckoning::{Point, reckon};
use crate::note::Note;

const FOLDER: &str = "backups/jobs";

/// What is known of one job.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    pub(super) job: String,
    /// The repository.
    pub(super) location: String,
    /// Of the change that applied it last.
    pub(super) token: String,
    /// What it backs up, absolute: nothing is restored there.
    pub(super) owns: Vec<PathBuf>,
    /// It was destroyed: it owns nothing any more.
    #[serde(default)]
    pub(super) retired: bool,
    /// Snapshots of an earlier life of this note were looked for.
    #[serde(default)]
    pub(super) adopted: bool,
    /// In the order of taking.
    #[serde(default)]
    pub(super) snapshots: Vec<Noted>,
    /// The longest usual step from one to the next, in milliseconds.
    #[serde(default)]
    pub(super) usual_step: i64,
    /// What is being done.
    pub(super) pending: Option<Pending>,
    /// What is being removed.
    #[serde(default)]
    pub(super) removing: Vec<String>,
    /// What was read last, one part of so many.
    pub(super) verified: Option<Verified>,
    /// Something stored was found to be damaged, and was not found whole since.
    pub(super) damage: Option<Found>,
}

/// A snapshot that was taken here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Noted {
    /// Perhaps only its beginning, until the repository is asked for more.
    pub(super) id: String,
    pub(super) taken: Stamp,
    /// The time that windows go by, in milliseconds since 1970; without it that of the clock.
    #[serde(default)]
    pub(super) reckoned: Option<i64>,
    /// Of everything in it, in bytes.
    pub(super) size: u64,
    /// What was not stored before, in bytes.
    pub(super) added: u64,
    pub(super) files: u64,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) tree: Option<String>,
    pub(super) proof: Option<Found>,
    /// Why the last drill of it failed.
    pub(super) disproof: Option<Found>,
    /// When it was missed, and nobody here had removed it.
    pub(super) missing: Option<Stamp>,
}

/// What was found, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) at: Stamp,
    pub(super) said: String,
}

/// What was read last.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Verified {
    pub(super) at: Stamp,
    pub(super) part: u32,
    pub(super) of: u32,
}

/// Something that was begun, and has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    /// What everything that it starts carries; its snapshots have it as a tag.
    pub(super) token: String,
    pub(super) verb: String,
    pub(super) began: Stamp,
    /// Its snapshot, if there is one, holds everything.
    #[serde(default)]
    pub(super) whole: bool,
    /// `after` has to be run.
    #[serde(default)]
    pub(super) after: bool,
    /// A folder to be cleared.
    pub(super) scratch: Option<PathBuf>,
}

impl Ledger {
    /// Returns what is known of a job in a repository; None: it was never applied.
    pub(super) fn of(context: &Context, job: &str, location: &str) -> Result<Option<Self>, Fault> {
        note(context, job, location).read()
    }

    /// Returns those of all jobs that can be read.
    pub(super) fn all(context: &Context) -> Vec<Self> {
        let entries = fs::read_dir(context.site.home.join(FOLDER)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let notes = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
        notes.filter_map(|name| Note::of(context, FOLDER, &name).read().ok().flatten()).collect()
    }

    /// Makes it durable.
    pub(super) fn keep(&self, context: &Context) -> Result<(), Fault> {
        note(context, &self.job, &self.location).write(self)
    }

    /// Returns the snapshots that are there.
    pub(super) fn there(&self) -> impl DoubleEndedIterator<Item = &Noted> {
        self.snapshots.iter().filter(|snapshot| snapshot.missing.is_none())
    }

    pub(super) fn there_mut(&mut self) -> impl Iterator<Item = &mut Noted> {
        self.snapshots.iter_mut().filter(|snapshot| snapshot.missing.is_none())
    }

    /// Returns the snapshots that nobody here removed, and that are gone.
    pub(super) fn missing(&self) -> impl Iterator<Item = &Noted> {
        self.snapshots.iter().filter(|snapshot| snapshot.missing.is_some())
    }

    /// Notes a snapshot that was taken after all others.
    pub(super) fn add(&mut self, noted: Noted) {
        let mut points: Vec<Point> = self.snapshots.iter().map(Noted::point).collect();
        let clock = noted.taken.at.as_millisecond();
        let reckoned = reckon(&mut points, &mut self.usual_step, clock);
        for (noted, point) in self.snapshots.iter_mut().zip(points) {
            noted.reckoned = Some(point.reckoned);
        }
        self.snapshots.push(Noted { reckoned: Some(reckoned), ..noted });
    }

    pub(super) fn noted(&mut self, id: &str) -> Option<&mut Noted> {
        self.snapshots.iter_mut().find(|noted| noted.is(id))
    }
}

impl Noted {
    /// Returns whether an id of the repository, perhaps shortened, is that of this snapshot.
    pub(super) fn is(&self, id: &str) -> bool {
        let shorter = self.id.len().min(id.len());
        shorter >= 8 && self.id.as_bytes()[..shorter] == id.as_bytes()[..shorter]
    }

    pub(super) fn point(&self) -> Point {
        let clock = self.taken.at.as_millisecond();
        Point { clock, reckoned: self.reckoned.unwrap_or(clock) }
    }

    /// Returns it for people: `1a2b3c4d of 2026-11-20 03:00`.
    pub(super) fn named(&self) -> String {
        format!("{} of {}", self.id.get(..8).unwrap_or(&self.id), minutes(self.taken))
    }
}

/// Returns the minute of a time.
pub(super) fn minutes(stamp: Stamp) -> String {
    stamp.in_words().chars().take(16).collect()
}

/// Returns the time now, by the clock and the calendar of who calls.
pub(super) fn now(context: &Context) -> Stamp {
    let at = Timestamp::try_from(context.site.clock.now()).unwrap_or_default();
    let zone = context.site.environment.get("TZ").map(|name| name.trim_start_matches(':'));
    let zone = zone.filter(|name| !name.is_empty()).and_then(|name| TimeZone::get(name).ok());
    Stamp { at, offset: zone.unwrap_or_else(TimeZone::system).to_offset(at) }
}

fn note(context: &Context, job: &str, location: &str) -> Note {
    let name = Digest::of(format!("{job}\0{location}").as_bytes());
    Note::of(context, FOLDER, &name.to_string())
}
