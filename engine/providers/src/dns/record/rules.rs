//! What a record must not be beside the others of its zone.
//!
//! It must not know what the values of one record may be: that stands in [`crate::dns::data`].

use model::Fault;

use super::Wanted;
use super::spec::reverse;
use crate::dns::data::RecordType;
use crate::dns::master::{Record, Zone};

/// Refuses a set of records that does not fit into its zone.
pub(super) fn check(
    zone: &Zone,
    path: &str,
    wanted: &Wanted,
    ours: impl Fn(&Record) -> bool,
) -> Result<(), Fault> {
    place(zone, wanted)?;
    taken(zone, path, wanted, ours)?;
    alone(zone, path, wanted)?;
    aliases(zone, path, wanted)
}

fn is(wanted: &Wanted, kind: RecordType) -> bool {
    wanted.kind == kind.word()
}

/// The name must be one that such a record can have in this zone.
fn place(zone: &Zone, wanted: &Wanted) -> Result<(), Fault> {
    if is(wanted, RecordType::Ptr) {
        reverse(&wanted.name).map_err(Fault::refused)?;
    }
    // `www.shop.test` without a last dot, in the zone shop.test.
    let twice = format!(".{}.{}", zone.origin.bare(), zone.origin.bare());
    if format!(".{}", wanted.name.bare()).ends_with(&twice) {
        let name = wanted.below.strip_suffix(zone.origin.bare()).unwrap_or_default();
        let name = name.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or("@");
        return Err(Fault::refused(format!("this would be called {}", wanted.name))
            .help(format!("write `name: {name}`, or end the name with a dot")));
    }
    if wanted.name == zone.origin {
        for kind in [RecordType::Cname, RecordType::Ns] {
            if is(wanted, kind) {
                return Err(Fault::refused(format!("the zone itself cannot have {kind} here"))
                    .help("its servers stand in `name_servers` of the zone; it has no alias"));
            }
        }
    }
    Ok(())
}

/// Somebody else's record of this name and type is not overwritten.
fn taken(
    zone: &Zone,
    path: &str,
    wanted: &Wanted,
    ours: impl Fn(&Record) -> bool,
) -> Result<(), Fault> {
    let Some(other) = zone.set(&wanted.name, wanted.kind).find(|record| !ours(record)) else {
        return Ok(());
    };
    let what = format!("{} {}", wanted.below, wanted.kind);
    if let Some(owner) = &other.owner {
        return Err(Fault::refused(format!("{what} is kept by {owner} already"))
            .help("put all values of one name and type into one resource"));
    }
    let line = other.line;
    Err(Fault::refused(format!("{what} stands in {path}:{line} already, written by hand"))
        .help(format!("remove line {line}, then apply again")))
}

/// A CNAME stands alone at its name (RFC 1034 §3.6.2).
fn alone(zone: &Zone, path: &str, wanted: &Wanted) -> Result<(), Fault> {
    let alias = is(wanted, RecordType::Cname);
    let conflict = zone.records.iter().find(|record| {
        record.name == wanted.name
            && record.kind != wanted.kind
            && (alias || record.kind == RecordType::Cname.word())
    });
    let Some(other) = conflict else { return Ok(()) };
    let what = format!("{} has the record {}", wanted.below, other.short(&zone.origin));
    let place = format!("{path}:{}, {}", other.line, keeper(other));
    Err(Fault::refused(format!("{what} ({place}), and a CNAME stands alone (RFC 1034 §3.6.2)"))
        .help("give one of them another name, or use A and AAAA records"))
}

/// What serves mail, names or services is no alias (RFC 2181 §10.3).
fn aliases(zone: &Zone, path: &str, wanted: &Wanted) -> Result<(), Fault> {
    if is(wanted, RecordType::Cname) {
        let points_here = |record: &&Record| {
            host_of(&record.kind, &record.data) == Some(wanted.name.to_string().as_str())
        };
        let Some(other) = zone.records.iter().find(points_here) else { return Ok(()) };
        let what = other.short(&zone.origin);
        let place = format!("{path}:{}, {}", other.line, keeper(other));
        return Err(Fault::refused(format!(
            "{what} ({place}) points here, and must not point to a CNAME (RFC 2181 §10.3)"
        ))
        .help("use A and AAAA records for it"));
    }
    for value in &wanted.values {
        let Some(host) = host_of(wanted.kind, value) else { continue };
        let alias = |record: &&Record| {
            record.kind == RecordType::Cname.word() && record.name.to_string() == host
        };
        if let Some(alias) = zone.records.iter().find(alias) {
            return Err(Fault::refused(format!(
                "`{value}` points to a CNAME ({path}:{}, {}), and must not (RFC 2181 §10.3)",
                alias.line,
                keeper(alias),
            ))
            .help(format!("point to {} instead", alias.data)));
        }
    }
    Ok(())
}

/// The host that a record points to, where it must be no alias.
fn host_of<'d>(kind: &str, data: &'d str) -> Option<&'d str> {
    let kind = RecordType::of_word(kind)?;
    let host = matches!(kind, RecordType::Mx | RecordType::Srv | RecordType::Ns);
    kind.target(data).filter(|_| host)
}

fn keeper(record: &Record) -> String {
    match &record.owner {
        Some(owner) => format!("kept by {owner}"),
        None => "written by hand".to_owned(),
    }
}
