//! When something is due: five fields as in crontab(5), in a time zone.
//!
//! `cronexpr` reads the fields and matches them against days and times; what happens where the clocks
//! change stands in [`Cron::after`]. It must not look at a clock: the time is handed in.

mod wrong;
mod zone;

use std::fmt;
use std::sync::LazyLock;

use cronexpr::{Crontab, FallbackTimezoneOption, MakeTimestamp, ParseOptions};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use language::shape::ScalarShape;
use language::{Code, Decoder, Node, Shape, Spec, suggest};

pub use zone::Zone;

const SHAPE: &ScalarShape = &ScalarShape::new("a schedule", &["string"])
    .many("schedules")
    .like(&["0 3 * * *", "*/15 8-18 * * MON-FRI"])
    .literal();

/// A schedule: minute, hour, day of the month, month, day of the week.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    table: Crontab,
    /// Neither the minute nor the hour begins with `*`.
    fixed: bool,
}

impl Cron {
    /// Reads the five fields.
    ///
    /// # Errors
    /// Which field is wrong, and why.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let text = fields.join(" ");
        let [minute, hour, ..] = fields[..] else { return Err(Wrong::count(&fields)) };
        if fields.len() != 5 {
            return Err(Wrong::count(&fields));
        }
        let table = table(&text).ok_or_else(|| Wrong::field(&fields))?;
        let fixed = !minute.starts_with('*') && !hour.starts_with('*');
        let cron = Self { text, table, fixed };
        match cron.next(*SOME_DAY) {
            Some(_) => Ok(cron),
            None => Err(Wrong::never()),
        }
    }

    /// Returns when it is due next, later than `then`; None: at no time in the four years to come.
    ///
    /// Where the clocks change it does what Vixie's cron does (cron(8), "Daylight Saving Time and other
    /// time changes"), without its limit of three hours. A schedule of fixed times is due once on each
    /// day that it names: at the end of the gap if the time is left out, at the first of both if it comes
    /// twice. One whose minute or hour begins with `*` goes by what the clock shows: it is not due at
    /// times that are left out, and due again at those that come twice.
    pub fn after(&self, then: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.fixed { self.fixed_after(then, zone) } else { self.shown_after(then, zone) }
    }

    fn fixed_after(&self, then: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut shown = zone.to_datetime(then);
        loop {
            shown = self.next(shown)?;
            // In the second half of a fold, times that were due in the first half are passed over.
            let due = instant(shown, zone)?;
            if due > then {
                return Some(due);
            }
        }
    }

    fn shown_after(&self, then: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut offset = zone.to_offset(then);
        let mut shown = offset.to_datetime(then);
        let mut changes = zone.following(then);
        loop {
            let due = offset.to_timestamp(self.next(shown)?).ok()?;
            match changes.next() {
                // The clocks change before, or at that time: what is shown then is looked at anew.
                Some(change) if change.timestamp() <= due => {
                    offset = change.offset();
                    let before = offset.to_datetime(change.timestamp());
                    shown = before.checked_sub(jiff::SignedDuration::from_secs(1)).ok()?;
                }
                _ => return Some(due),
            }
        }
    }

    /// The next time that fits, as clocks show it.
    fn next(&self, shown: DateTime) -> Option<DateTime> {
        let then = TimeZone::UTC.to_timestamp(shown).ok()?;
        self.table.find_next(MakeTimestamp(then)).ok().map(|due| due.datetime())
    }
}

/// A day from which four years hold a 29 February.
static SOME_DAY: LazyLock<DateTime> = LazyLock::new(|| DateTime::constant(2024, 1, 1, 0, 0, 0, 0));

/// Returns when clocks show this time; the end of the gap if they never do, the first of two.
fn instant(shown: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(shown).ok()
        }
        AmbiguousOffset::Gap { after, .. } => {
            let earlier = after.to_timestamp(shown).ok()?;
            zone.following(earlier).next().map(|change| change.timestamp())
        }
    }
}

fn table(text: &str) -> Option<Crontab> {
    let mut options = ParseOptions::default();
    options.fallback_timezone_option = FallbackTimezoneOption::UTC;
    cronexpr::parse_crontab_with(text, options).ok()
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl Spec for Cron {
    fn shape() -> Shape {
        Shape::Scalar(SHAPE)
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let text = decoder.text(node, SHAPE)?;
        let note = |wrong: Wrong| {
            let message = format!("{} is not {}", suggest::quoted(&text), SHAPE.name);
            let mut error = decoder.error(Code::BadValue, node, message);
            if let (Some(span), Some(label)) = (wrong.place(&text, node), error.labels.first_mut())
            {
                label.span = span;
            }
            decoder.note(error.label(wrong.why));
        };
        Self::parse(&text).map_err(note).ok()
    }
}

pub use wrong::Wrong;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
