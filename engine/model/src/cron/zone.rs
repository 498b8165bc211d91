//! A time zone by its name.

use std::fmt;

use jiff::tz::TimeZone;
use language::shape::ScalarShape;
use language::{Leaf, suggest};

/// A time zone of the IANA database, as this machine has it, or else as this program does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Returns that in which no clock ever changes.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Returns the zone for reckoning.
    pub fn zone(&self) -> &TimeZone {
        &self.0
    }
}

impl Leaf for Zone {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a time zone", &["string"])
        .many("time zones")
        .like(&["UTC", "Europe/Berlin"])
        .literal();

    fn parse(text: &str) -> Result<Self, String> {
        let known = jiff::tz::db();
        known.get(text).map(Self).map_err(|_| {
            let names: Vec<_> = known.available().collect();
            match suggest::nearest(text, names.iter().map(jiff::tz::TimeZoneName::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write a name of the IANA database, such as Europe/Berlin, or UTC".into(),
            }
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}
