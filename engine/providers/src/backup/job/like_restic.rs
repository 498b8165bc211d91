//! Windows mean what restic means by them: random policies over random times, beside the program itself.
//!
//! It is a test, and it is not run where restic is missing.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use language::Leaf;

use super::keep::{Keep, Stamp, Within, windows};

const SNAPSHOTS: usize = 24;
const POLICIES: usize = 20;

/// Random enough, and the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn restic(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("restic");
    command.args(arguments).args(["--no-cache", "--quiet"]).current_dir(folder);
    let command = command.env("RESTIC_REPOSITORY", "store").env("RESTIC_PASSWORD", "of-a-test");
    let output = command.env("TZ", "Europe/Berlin").output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Hours, days, weeks and months before a day on which the clocks change.
fn times(dice: &mut Dice) -> Vec<String> {
    let end: Timestamp = "2026-03-29T12:00:00Z".parse().unwrap_or_default();
    let time = |at| {
        let spread: u64 = [48, 24 * 14, 24 * 90, 24 * 1_000][at % 4];
        let minutes = dice.below(spread * 60) as i64;
        let time = end.checked_sub(jiff::Span::new().minutes(minutes)).unwrap_or_default();
        let berlin = jiff::tz::TimeZone::get("Europe/Berlin").unwrap_or(jiff::tz::TimeZone::UTC);
        time.to_zoned(berlin).strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    (0..SNAPSHOTS).map(time).collect()
}

fn policy(dice: &mut Dice) -> (Keep, Vec<String>) {
    let mut keep = Keep::default();
    let mut arguments = Vec::new();
    let windows = [
        (&mut keep.last, "last"),
        (&mut keep.daily, "daily"),
        (&mut keep.weekly, "weekly"),
        (&mut keep.monthly, "monthly"),
        (&mut keep.yearly, "yearly"),
    ];
    for (place, name) in windows {
        if dice.below(2) == 0 {
            let count = dice.below(6) as u32 + 1;
            *place = Some(count);
            arguments.push(format!("--keep-{name}={count}"));
        }
    }
    if arguments.is_empty() || dice.below(3) == 0 {
        let all = ["5h", "3d", "1m", "2m10d", "1y", "1y3m2d1h"];
        let text = all[dice.below(all.len() as u64) as usize];
        keep.within = Within::parse(text).ok();
        arguments.push(format!("--keep-within={text}"));
    }
    (keep, arguments)
}

#[test]
fn windows_mean_what_restic_means_by_them() {
    let Ok(folder) = tempfile::tempdir() else { return };
    let folder = folder.path();
    if Command::new("restic").arg("version").output().is_err() {
        // Past the capture of the test's output.
        let says = b"\nNOT RUN: restic is missing: apt-get install restic\n";
        return std::io::stderr().write_all(says).unwrap_or_default();
    }
    let mut dice = Dice(20_261_121);
    restic(folder, &["init"]);
    std::fs::write(folder.join("file"), "x").unwrap_or_default();
    for time in times(&mut dice) {
        restic(folder, &["backup", "--time", &time, "file"]);
    }
    let listed = restic(folder, &["snapshots", "--json"]).unwrap_or_default();
    let mut listed: Vec<(String, Stamp)> = stamps(&listed);
    listed.sort_by_key(|(_, taken)| taken.at);
    assert_eq!(listed.len(), SNAPSHOTS);
    let oldest = keeps_oldest(&restic(folder, &["version"]).unwrap_or_default());
    for _ in 0..POLICIES {
        let (keep, arguments) = policy(&mut dice);
        let taken: Vec<Stamp> = listed.iter().map(|(_, taken)| *taken).collect();
        let words = windows(&taken, &keep, Timestamp::now(), oldest);
        let kept = listed.iter().zip(&words).filter(|(_, words)| !words.is_empty());
        let kept: BTreeSet<&str> = kept.map(|((id, _), _)| id.as_str()).collect();
        let mut asked = vec!["forget", "--dry-run", "--no-lock", "--json", "--group-by", ""];
        asked.extend(arguments.iter().map(String::as_str));
        let theirs = restic(folder, &asked).unwrap_or_default();
        let theirs: serde_json::Value = serde_json::from_str(&theirs).unwrap_or_default();
        let theirs: BTreeSet<&str> = theirs[0]["keep"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["id"].as_str())
            .collect();
        assert_eq!(kept, theirs, "{arguments:?}");
    }
}

fn keeps_oldest(version: &str) -> bool {
    let number = version.split_whitespace().nth(1).unwrap_or_default();
    let mut parts = number.split('.').filter_map(|part| part.parse::<u32>().ok());
    (parts.next(), parts.next()) >= (Some(0), Some(16))
}

fn stamps(listed: &str) -> Vec<(String, Stamp)> {
    let listed: serde_json::Value = serde_json::from_str(listed).unwrap_or_default();
    let one = |one: &serde_json::Value| {
        let taken = one["time"].as_str()?.to_owned().try_into().ok()?;
        Some((one["id"].as_str()?.to_owned(), taken))
    };
    listed.as_array().into_iter().flatten().filter_map(one).collect()
}
