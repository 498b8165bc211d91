//! When a pipeline is started by the time.
//!
//! It must not reckon: [`crate::cron`] does, and `server` decides what is started.

use language::{Keys, Spec};

use crate::cron::{Cron, Zone};

/// When a pipeline is started by the time, by `windlass serve`.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub enum Schedules {
    /// Minute, hour, day of the month, month and day of the week, in UTC: `"0 3 * * *"` is every night at
    /// three.
    Plain(Cron),
    /// The same with a time zone and what happens where runs meet or were missed.
    One(Schedule),
    /// Several.
    Many(Vec<Schedule>),
}

/// When a pipeline is started by the time.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
#[spec(check = check_schedule)]
pub struct Schedule {
    /// Minute, hour, day of the month, month and day of the week, as in crontab(5): `"0 3 * * *"`,
    /// `"*/15 8-18 * * MON-FRI"`.
    pub cron: Cron,
    /// The time zone. Where its clocks change, a fixed time is due once on each day that it names: at the
    /// end of the gap if the clocks leave it out, at the first of both if they show it twice.
    #[spec(default = "UTC")]
    pub zone: Zone,
    /// What happens if it is due while a run that a schedule of this pipeline has started is at work or
    /// waits its turn.
    #[spec(default = "skip")]
    pub overlap: Overlap,
    /// What happens to times that came while nobody was there to see them.
    #[spec(default = "latest")]
    pub catch_up: CatchUp,
}

/// What happens if a schedule is due while its last run is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Overlap {
    /// This time is left out.
    Skip,
    /// It runs once the other one is done.
    Queue,
    /// The other one is ended, and this one runs.
    Cancel,
}

/// What happens to times that were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum CatchUp {
    /// It runs once for all of them.
    Latest,
    /// It runs once for each of them, and for the last 24 if there are more.
    All,
    /// They are left out.
    None,
}

fn check_schedule(schedule: &Schedule, keys: &mut Keys<'_, '_, '_>) {
    if schedule.catch_up == CatchUp::All && schedule.overlap != Overlap::Queue {
        keys.refuse(
            "catch_up",
            "runs that are made up for come all at once: this wants `overlap: queue`",
        );
    }
}

impl Schedules {
    /// Returns each schedule with everything that is left out put in.
    pub fn all(&self) -> Vec<Schedule> {
        match self {
            Self::Plain(cron) => vec![Schedule::plain(cron.clone())],
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }
}

impl Schedule {
    /// Returns a schedule with everything else left out.
    pub fn plain(cron: Cron) -> Self {
        let (zone, overlap, catch_up) = (Zone::utc(), Overlap::Skip, CatchUp::Latest);
        Self { cron, zone, overlap, catch_up }
    }

    /// Returns what it is known by: two schedules of a pipeline with the same times are one.
    pub fn name(&self) -> String {
        format!("{} {}", self.cron, self.zone)
    }
}
