//! The same as [`Cron::after`], reckoned slowly: minute by minute, as Vixie's cron lives through a change of
//! the clocks. It keeps in mind how far the clock had come; what a jump leaves out is made up for at once,
//! and what comes again is passed over. Schedules that begin with `*` see only what the clock shows.

use std::collections::BTreeSet;

use fastrand::Rng;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Cron;

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// A schedule of minutes and hours, read by hand.
struct Slow {
    minutes: Vec<i8>,
    hours: Vec<i8>,
    fixed: bool,
}

impl Slow {
    fn of(minute: &str, hour: &str) -> Self {
        let fixed = !minute.starts_with('*') && !hour.starts_with('*');
        Self { minutes: values(minute, 60), hours: values(hour, 24), fixed }
    }

    fn fits(&self, shown: DateTime) -> bool {
        self.minutes.contains(&shown.minute()) && self.hours.contains(&shown.hour())
    }

    fn due(&self, zone: &TimeZone, from: Timestamp, until: Timestamp) -> BTreeSet<Timestamp> {
        let mut due = BTreeSet::new();
        let mut then = from;
        let mut reached = zone.to_datetime(from);
        while then < until {
            then += MINUTE;
            let shown = zone.to_datetime(then);
            let lived = if self.fixed {
                let mut lived = false;
                while reached < shown {
                    reached += MINUTE;
                    lived |= self.fits(reached);
                }
                lived
            } else {
                self.fits(shown)
            };
            if lived {
                due.insert(then);
            }
        }
        due
    }
}

fn values(field: &str, most: i8) -> Vec<i8> {
    let all = 0..most;
    match field {
        "*" => all.collect(),
        _ if field.starts_with("*/") => {
            let step: i8 = field[2..].parse().unwrap_or(1);
            all.filter(|value| value % step == 0).collect()
        }
        _ => field.split(',').filter_map(|value| value.parse().ok()).collect(),
    }
}

fn field(random: &mut Rng, most: u8) -> String {
    match random.u8(0..5) {
        0 => "*".to_owned(),
        1 => format!("*/{}", random.u8(1..most)),
        2 => format!("{},{}", random.u8(0..most), random.u8(0..most)),
        _ => random.u8(0..most).to_string(),
    }
}

/// Zones whose clocks change by an hour, by two, by half an hour, at midnight, by a whole day, and twice in
/// a month.
const CHANGES: [(&str, &str); 9] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("Antarctica/Troll", "2026-03-29T01:00:00Z"),
    ("Antarctica/Troll", "2026-10-25T01:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("America/Havana", "2026-03-08T05:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
];

#[test]
fn around_every_change_it_does_what_vixies_cron_lives_through() {
    let mut random = Rng::with_seed(20_261_121);
    for at in 0..400 {
        let (name, change) = CHANGES[at % CHANGES.len()];
        let zone = jiff::tz::db().get(name).expect("a zone");
        let change: Timestamp = change.parse().expect("a time");
        let (minute, hour) = (field(&mut random, 60), field(&mut random, 24));
        let text = format!("{minute} {hour} * * *");
        let cron = Cron::parse(&text).expect("a schedule");
        let from = change - SignedDuration::from_hours(30) + MINUTE * random.i32(0..120);
        let until = from + SignedDuration::from_hours(60);
        let next = |then: &Timestamp| cron.after(*then, &zone);
        let due: BTreeSet<Timestamp> =
            std::iter::successors(next(&from), next).take_while(|due| *due <= until).collect();
        let slow = Slow::of(&minute, &hour).due(&zone, from, until);
        assert_eq!(due, slow, "`{text}` in {name} from {from}");
    }
}

/// Asked at any instant, not only where it was due last, it says the same.
#[test]
fn it_says_the_same_whenever_it_is_asked() {
    let mut random = Rng::with_seed(7);
    for at in 0..200 {
        let (name, change) = CHANGES[at % CHANGES.len()];
        let zone = jiff::tz::db().get(name).expect("a zone");
        let change: Timestamp = change.parse().expect("a time");
        let cron =
            Cron::parse(&format!("{} {} * * *", field(&mut random, 60), field(&mut random, 24)));
        let cron = cron.expect("a schedule");
        let then = change + SignedDuration::from_secs(random.i64(-20_000..20_000));
        let next = cron.after(then, &zone).expect("a time");
        let later = then + SignedDuration::from_secs(random.i64(0..20_000));
        let asked_later = cron.after(later, &zone).expect("a time");
        assert!(next > then, "{cron} in {name}: {next} is not after {then}");
        assert!(later >= next || asked_later == next, "{cron} in {name}: {then}, {later}, {next}");
    }
}
