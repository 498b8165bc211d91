//! When pipelines are due next, as `windlass check` says it.
//!
//! It must not look at a clock.

use std::path::PathBuf;

use jiff::Timestamp;
use model::file::pipeline::Schedule;
use serde_json::{Value, json};

use super::line::Line;
use super::measure::width;
use super::style::{Ink, Style};

/// A schedule of a pipeline file.
type Of = (PathBuf, Schedule);

/// Returns a line for each schedule: `pipelines/backup.yml  due next 2026-11-22 03:00 CET, by 0 3 * * *`.
pub(crate) fn due(schedules: &[Of], now: Timestamp, style: Style) -> String {
    let longest = schedules.iter().map(|(file, _)| width(&file.display().to_string())).max();
    let mut out = String::new();
    for (file, schedule) in schedules {
        let mut line = Line::new(style, 0);
        line.put(Ink::Plain, &file.display().to_string()).to(longest.unwrap_or_default() + 2);
        match next(schedule, now, "%Y-%m-%d %H:%M %Z") {
            Some(next) => line.put(Ink::Plain, "due next ").put(Ink::Bold, &next),
            None => line.put(Ink::Plain, "not due in four years"),
        };
        line.put(Ink::Plain, &format!(", by {}", schedule.cron));
        line.end_in(&mut out);
    }
    out
}

/// The same for programs.
pub(crate) fn due_json(schedules: &[Of], now: Timestamp) -> Value {
    let one = |(file, schedule): &Of| {
        json!({
            "file": file.display().to_string(),
            "cron": schedule.cron.to_string(),
            "zone": schedule.zone.to_string(),
            "next": next(schedule, now, "%Y-%m-%dT%H:%M:%S%:z"),
        })
    };
    schedules.iter().map(one).collect()
}

fn next(schedule: &Schedule, now: Timestamp, form: &str) -> Option<String> {
    let zone = schedule.zone.zone();
    let next = schedule.cron.after(now, zone)?;
    Some(next.to_zoned(zone.clone()).strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

    use language::Leaf;
    use model::cron::{Cron, Zone};

    use super::*;

    #[test]
    fn each_is_told_in_its_own_zone() {
        let schedule = |cron: &str, zone: &str| {
            let zone = Zone::parse(zone).unwrap();
            Schedule { zone, ..Schedule::plain(Cron::parse(cron).unwrap()) }
        };
        let schedules = [
            ("pipelines/backup.yml".into(), schedule("0 3 * * *", "Europe/Berlin")),
            ("pipelines/report.yml".into(), schedule("*/15 8-18 * * MON-FRI", "UTC")),
        ];
        let now: Timestamp = "2026-11-21T11:00:00Z".parse().unwrap();
        insta::assert_snapshot!(due(&schedules, now, Style::plain(100)), @"
        pipelines/backup.yml  due next 2026-11-22 03:00 CET, by 0 3 * * *
        pipelines/report.yml  due next 2026-11-23 08:00 UTC, by */15 8-18 * * MON-FRI
        ");
        let told = due_json(&schedules, now).to_string();
        assert!(told.contains(r#""next":"2026-11-22T03:00:00+01:00""#), "{told}");
    }
}
