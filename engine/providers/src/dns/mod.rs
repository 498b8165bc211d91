//! Names: zones as master files (RFC 1035), and the records in them.
//!
//! | module | for |
//! |---|---|
//! | [`zone`] | the kind `dns.zone` |
//! | [`record`] | the kind `dns.record` |
//! | [`name`] | names, strictly read |
//! | [`data`] | types of records and what may stand in them |
//! | [`master`] | the master file: read, written, changed under a lock |
//! | [`serial`] | the number that tells secondaries of a change |
//!
//! It must not answer or ask questions over the network.

pub mod data;
pub mod master;
pub mod name;
pub mod record;
pub mod serial;
pub mod zone;

use std::fmt::Write;

pub use record::DnsRecord;
pub use zone::DnsZone;

/// Returns seconds as people write times: `1h30m`.
pub(crate) fn spell(seconds: u32) -> String {
    let mut text = String::new();
    let mut rest = seconds;
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if rest >= length {
            // Writing to a String cannot fail.
            _ = write!(text, "{}{unit}", rest / length);
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Returns something that stands in a list twice.
pub(crate) fn twice<T: Ord>(items: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = std::collections::BTreeSet::new();
    for item in items {
        if seen.contains(&item) {
            return Some(item);
        }
        seen.insert(item);
    }
    None
}
