//! One schedule of one pipeline of one repository.

use jiff::Timestamp;
use model::file::pipeline::Schedule;
use runtime::store::Cause;

use crate::house::Wanted;
use crate::repository::{CommitPipeline, CommitSays};

/// One schedule of one pipeline of one repository.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The repository.
    pub(crate) repository: String,
    /// The pipeline.
    pub(crate) pipeline: String,
    /// What the schedule is known by: its fields and its zone.
    pub(crate) name: String,
    /// When it is due, and by which rules.
    pub(crate) schedule: Schedule,
    /// What is wanted whenever it is due, without the id of its cause.
    wanted: Wanted,
}

impl Entry {
    /// Returns the schedules of a commit, which is the head of this branch.
    pub(super) fn all(
        repository: &str,
        branch: &str,
        commit: &str,
        says: &CommitSays,
    ) -> Vec<Self> {
        let cause = Cause {
            by: "schedule".to_owned(),
            commit: commit.to_owned(),
            branch: branch.to_owned(),
            author: says.author.clone(),
            title: says.title.clone(),
            ..Cause::default()
        };
        let of = |pipeline: &CommitPipeline| {
            let wanted = Wanted {
                repository: repository.to_owned(),
                pipeline: pipeline.name.clone(),
                file: pipeline.file.clone(),
                cause: cause.clone(),
                grouped: pipeline.grouped.clone(),
                ..Wanted::default()
            };
            let entry = |schedule: &Schedule| Self {
                repository: repository.to_owned(),
                pipeline: pipeline.name.clone(),
                name: schedule.name(),
                schedule: schedule.clone(),
                wanted: wanted.clone(),
            };
            pipeline.schedules.iter().map(entry).collect::<Vec<_>>()
        };
        says.pipelines.iter().flat_map(of).collect()
    }

    /// Returns the run that is wanted at this time. Its cause names the time, so that there is one run
    /// for it, whatever is forgotten.
    pub(super) fn at(&self, time: Timestamp) -> Wanted {
        let mut wanted = self.wanted.clone();
        wanted.cause.id = format!("schedule {} {time}", self.pipeline);
        wanted
    }

    /// Returns what its times are kept under: repository, pipeline, name.
    pub(super) fn key(&self) -> (String, String, String) {
        (self.repository.clone(), self.pipeline.clone(), self.name.clone())
    }

    /// Returns when it is due next.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.schedule.cron.after(now, self.schedule.zone.zone())
    }
}
