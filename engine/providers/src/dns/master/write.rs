//! A zone as the text of its master file: the same zone is always the same text.
//!
//! It must not write files.

use std::fmt::Write;

use super::{Record, Zone};
use crate::dns::data::RecordType;

/// What the comments begin with that we read again.
pub const MARK: &str = "windlass: ";

/// Returns the text of a zone.
pub fn write(zone: &Zone) -> String {
    let mut text = String::with_capacity(512 + zone.records.len() * 80);
    // Writing to a String cannot fail.
    _ = start(zone, &mut text);
    let mut records: Vec<&Record> = zone.records.iter().collect();
    records.sort_by(|a, b| order(zone, a).cmp(&order(zone, b)));
    let width = records.iter().map(|record| name(zone, record).len()).max().unwrap_or(1).max(1);
    for record in records {
        _ = line(zone, record, width, &mut text);
    }
    text
}

fn start(zone: &Zone, text: &mut String) -> std::fmt::Result {
    writeln!(text, "; The zone {}, written by Windlass: edits are found, and undone", zone.origin)?;
    writeln!(text, "; by the next apply. Change the stack instead.")?;
    if let Some(keeper) = &zone.keeper {
        let (address, serials) = (clean(&keeper.address), keeper.serials.word());
        writeln!(text, "; {MARK}zone {address}; serials: {serials}; purge: {}", keeper.purge)?;
    }
    writeln!(text, "$ORIGIN {}", zone.origin)?;
    if let Some(ttl) = zone.ttl {
        writeln!(text, "$TTL {ttl}")?;
    }
    let soa = &zone.soa;
    writeln!(text, "@ IN SOA {} {} (", soa.primary, soa.hostmaster)?;
    let numbers = [
        (soa.serial, "serial"),
        (soa.refresh, "refresh"),
        (soa.retry, "retry"),
        (soa.expire, "expire"),
        (soa.minimum, "minimum"),
    ];
    for (number, what) in numbers {
        writeln!(text, "    {number:<10} ; {what}")?;
    }
    writeln!(text, ")")
}

fn line(zone: &Zone, record: &Record, width: usize, text: &mut String) -> std::fmt::Result {
    write!(text, "{:<width$} ", name(zone, record))?;
    if let Some(ttl) = record.ttl {
        write!(text, "{ttl} ")?;
    }
    write!(text, "IN {:<5} {}", record.kind, record.data)?;
    if let Some(owner) = &record.owner {
        write!(text, " ; {MARK}{}", clean(owner))?;
    }
    writeln!(text)
}

fn name<'r>(zone: &Zone, record: &'r Record) -> &'r str {
    record.name.below(&zone.origin).unwrap_or(record.name.bare())
}

/// The servers of the zone first, then by name and type.
fn order<'r>(zone: &Zone, record: &'r Record) -> impl Ord + use<'r> {
    let kind = RecordType::of_word(&record.kind);
    (
        !zone.is_server(record),
        record.name.order(),
        kind.is_none(),
        kind,
        record.kind.as_str(),
        record.data.as_str(),
    )
}

/// An address stands on one line, whatever is in it.
fn clean(address: &str) -> String {
    address.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
