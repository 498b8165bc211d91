#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use language::Leaf;

use super::*;

fn zone(name: &str) -> TimeZone {
    jiff::tz::db().get(name).unwrap()
}

/// The next times that a schedule is due after this one, as clocks there show them, with the offset.
fn due(cron: &str, name: &str, after: &str, count: usize) -> Vec<String> {
    let (cron, zone) = (Cron::parse(cron).unwrap(), zone(name));
    let mut then: Timestamp = after.parse().unwrap();
    let mut next = || {
        then = cron.after(then, &zone).unwrap();
        zone.to_offset(then).to_datetime(then).strftime("%d %H:%M").to_string()
            + &then.to_zoned(zone.clone()).strftime(" %Z").to_string()
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn fixed_times_are_due_as_they_are_written() {
    let days = due("0 3 * * *", "UTC", "2026-11-20T03:00:00Z", 2);
    assert_eq!(days, ["21 03:00 UTC", "22 03:00 UTC"], "later than, not at");
    let seconds = due("0 3 * * *", "UTC", "2026-11-20T02:59:59.999Z", 1);
    assert_eq!(seconds, ["20 03:00 UTC"]);
    let work = due("30 8,16 * * MON-FRI", "Europe/Berlin", "2026-11-20T12:00:00Z", 3);
    assert_eq!(work, ["20 16:30 CET", "23 08:30 CET", "23 16:30 CET"]);
    let last = due("0 0 L * *", "UTC", "2024-02-01T00:00:00Z", 2);
    assert_eq!(last, ["29 00:00 UTC", "31 00:00 UTC"]);
    let leap = due("0 0 29 2 *", "UTC", "2024-02-29T00:00:00Z", 1);
    assert_eq!(leap, ["29 00:00 UTC"], "the next leap day is four years away");
    let either = due("0 0 13 * FRI", "UTC", "2026-11-01T00:00:00Z", 3);
    assert_eq!(either, ["06 00:00 UTC", "13 00:00 UTC", "20 00:00 UTC"], "either, as crontab(5)");
}

/// Berlin, 2026-03-29: 01:59 CET is followed by 03:00 CEST (01:00 UTC).
#[test]
fn in_a_gap_fixed_times_come_at_its_end_and_those_that_go_on_are_left_out() {
    let eve = "2026-03-28T22:00:00Z";
    let nightly = due("30 2 * * *", "Europe/Berlin", eve, 2);
    assert_eq!(nightly, ["29 03:00 CEST", "30 02:30 CEST"]);
    let twice = due("0,30 2 * * *", "Europe/Berlin", eve, 2);
    assert_eq!(twice, ["29 03:00 CEST", "30 02:00 CEST"], "once for all that is left out");
    let beside = due("0 2,3 * * *", "Europe/Berlin", eve, 2);
    assert_eq!(beside, ["29 03:00 CEST", "30 02:00 CEST"], "once where both fall together");
    let hourly = due("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3);
    assert_eq!(hourly, ["29 01:30 CET", "29 03:30 CEST", "29 04:30 CEST"]);
    let on_the_hour = due("0 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", 2);
    assert_eq!(on_the_hour, ["29 03:00 CEST", "29 04:00 CEST"], "at the very end of the gap");
    let half_past_two = due("*/30 2 * * *", "Europe/Berlin", eve, 1);
    assert_eq!(half_past_two, ["30 02:00 CEST"]);
}

/// Berlin, 2026-10-25: 02:59 CEST is followed by 02:00 CET (01:00 UTC).
#[test]
fn in_a_fold_fixed_times_come_once_and_those_that_go_on_twice() {
    let eve = "2026-10-24T22:30:00Z";
    let nightly = due("30 2 * * *", "Europe/Berlin", eve, 2);
    assert_eq!(nightly, ["25 02:30 CEST", "26 02:30 CET"]);
    let after_the_first = due("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1);
    assert_eq!(after_the_first, ["26 02:30 CET"], "asked between the two");
    let hourly = due("30 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 3);
    assert_eq!(hourly, ["25 02:30 CEST", "25 02:30 CET", "25 03:30 CET"]);
    let quarters = due("*/30 2 * * *", "Europe/Berlin", eve, 5);
    let twice = ["25 02:00 CEST", "25 02:30 CEST", "25 02:00 CET", "25 02:30 CET", "26 02:00 CET"];
    assert_eq!(quarters, twice);
}

/// Lord Howe Island changes by half an hour, Samoa left out all of 2011-12-30.
#[test]
fn changes_of_other_lengths_are_the_same() {
    let half = due("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", 2);
    assert_eq!(half, ["04 02:30 +11", "05 02:15 +11"]);
    let samoa = due("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3);
    assert_eq!(samoa, ["29 12:00 -10", "31 00:00 +14", "31 12:00 +14"]);
    let shown = due("0 * 30 12 *", "Pacific/Apia", "2011-12-29T12:00:00Z", 1);
    assert_eq!(shown, ["30 00:00 +14"], "a year later: that day never was");
}

#[test]
fn what_is_wrong_is_told_by_field() {
    let wrong = |text: &str| {
        let Wrong { field, why } = Cron::parse(text).unwrap_err();
        (field, why)
    };
    let fields = ["60 3 * * *", "0 24 * * *", "0 3 32 * *", "0 3 * 13 *", "0 3 * * MOO"];
    for (at, text) in fields.into_iter().enumerate() {
        assert_eq!(wrong(text).0, Some(at), "{text}");
    }
    assert_eq!(
        wrong("0 25 * * *").1,
        "the hour cannot be `25`: it is 0 to 23, `*`, a list `1,2`, a range `1-5` or a step `*/2`"
    );
    for text in ["", "3", "* * * *", "@daily", "0 0 3 * * *", "0 3 * * * Europe/Berlin"] {
        assert_eq!(wrong(text).0, None, "{text}");
    }
    assert!(wrong("0 3 * * * Europe/Berlin").1.contains("under `zone`"));
    assert_eq!(wrong("0 0 31 2 *").1, "there is no such day in four years");
    assert_eq!(wrong("0 0 H * *").0, Some(2), "no hashes: every time can be read from the file");
}

#[test]
fn zones_are_known_by_name() {
    assert_eq!(Zone::parse("Europe/Berlin").unwrap().to_string(), "Europe/Berlin");
    assert_eq!(Zone::parse("UTC").unwrap().to_string(), "UTC");
    assert_eq!(Zone::parse("Europe/Berln").unwrap_err(), "did you mean `Europe/Berlin`?");
    assert!(Zone::parse("CET-1CEST").is_err());
}
