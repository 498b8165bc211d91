//! `dns.record`: one name and type in a zone.
//!
//! It must not touch other records of the zone, whoever keeps them.

mod rules;
mod spec;

use std::collections::BTreeMap;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Secrets, Token, Value,
};
use tokio::task::spawn_blocking;

pub use spec::{RecordObject, RecordSpec};

use super::data::{RecordType, canonical};
use super::master::store::{self, Folder, Locked};
use super::master::{Record, Zone};
use super::name::{Name, Writer};
use super::spell;
use super::zone::whole_seconds;
use crate::disk;

/// A record.
pub struct DnsRecord;

impl Kind for DnsRecord {
    const NAME: &'static str = "dns.record";
    const EXAMPLE: &'static str = include_str!("example.yml");
    /// A CNAME stands alone at its name (RFC 1034 §3.6.2).
    const SHARED_NAME: Option<fn(&RecordSpec) -> Option<(String, bool)>> = Some(|spec| {
        let (zone, name) = (disk::tidy(&spec.zone), spec.name.to_ascii_lowercase());
        Some((format!("{zone} {name}"), spec.r#type == RecordType::Cname))
    });
    type Spec = RecordSpec;
    type Object = RecordObject;

    fn identity(spec: &RecordSpec) -> Option<String> {
        let (zone, name) = (disk::tidy(&spec.zone), spec.name.to_ascii_lowercase());
        Some(format!("{zone} {name} {}", spec.r#type))
    }

    fn diff(spec: &RecordSpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        let origin = Name::whole(object.text("origin"), super::name::Style::Any);
        let wanted = origin.and_then(|origin| wanted(spec, &origin));
        let mut differences = match wanted {
            Ok(wanted) => Difference::among(object, keys(&disk::tidy(&spec.zone), &wanted)),
            // The name lies in another zone than the record does.
            Err(_) => vec![Difference::new("name", object.get("name").clone(), spec.name.as_str())],
        };
        if object.get("owner") == &Value::Null {
            let from = "nobody: the comment behind it is gone";
            differences.push(Difference::new("owner", from, "this resource"));
        }
        differences
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<RecordSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let ids: Vec<String> = known.iter().map(|known| known.id.clone()).collect();
        let context = context.clone();
        let all = spawn_blocking(move || read(&context, &ids));
        all.await.map_err(|_| Fault::broken("the reading of records broke off"))
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, RecordSpec>,
        _: &Token,
    ) -> Result<Option<Object>, Fault> {
        let address = context.address.to_string();
        let before = change.object().cloned();
        if let Some(spec) = change.wanted().cloned() {
            let path = disk::tidy(&spec.zone);
            let put = move |locked: &Locked| put(locked, &spec, before.as_ref(), &address);
            return store::change(context, &path, Folder::Leave, put).await.map(Some);
        }
        let Some(before) = before else { return Ok(None) };
        let Some(path) = Id::of(&before.id).map(|id| id.path.to_owned()) else { return Ok(None) };
        let delete = move |locked: &Locked| delete(locked, &before, &address);
        store::change(context, &path, Folder::Leave, delete).await
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, RecordSpec>,
        _: &Token,
    ) -> Result<Found, Fault> {
        let look = |locked: &Locked| {
            locked.clear()?;
            locked.load()
        };
        let Some(spec) = change.wanted() else {
            let id = change.object().and_then(|object| Id::of(&object.id));
            let Some(id) = id else { return Ok(Found::Done(None)) };
            let zone = store::change(context, id.path, Folder::Leave, look).await?;
            let there = zone.and_then(|zone| object(&id, &zone)).is_some();
            return Ok(if there { Found::Nothing } else { Found::Done(None) });
        };
        let path = disk::tidy(&spec.zone);
        let zone = store::change(context, &path, Folder::Leave, look).await?;
        let object = zone.and_then(|zone| there(spec, &path, &zone));
        let ours = |object: &Object| {
            change.object().is_some() || object.text("owner") == &*context.address
        };
        let same = |object: &Object| Self::diff(spec, object, context.secrets()).is_empty();
        let done = object.filter(|object| ours(object) && same(object));
        Ok(done.map_or(Found::Nothing, |object| Found::Done(Some(object))))
    }
}

/// How a record is found again: zone file, name below the zone, type.
struct Id<'i> {
    path: &'i str,
    name: &'i str,
    kind: &'i str,
}

impl<'i> Id<'i> {
    fn of(id: &'i str) -> Option<Self> {
        // A path may hold blanks, the others do not.
        let mut parts = id.rsplitn(3, ' ');
        let (kind, name) = (parts.next()?, parts.next()?);
        Some(Self { path: parts.next()?, name, kind })
    }
}

/// What a spec says, in the terms of a zone.
struct Wanted {
    name: Name,
    below: String,
    kind: &'static str,
    values: Vec<String>,
    ttl: Option<u32>,
}

fn wanted(spec: &RecordSpec, origin: &Name) -> Result<Wanted, String> {
    let kind = spec.r#type;
    let name = Name::owner(&spec.name, origin, kind.owner_style())?;
    let below = name.below(origin).ok_or_else(|| format!("{name} is not in the zone {origin}"))?;
    let value = |value: &String| canonical(kind, value, origin, Writer::Person);
    let mut values = spec.values.iter().map(value).collect::<Result<Vec<String>, String>>()?;
    values.sort();
    let ttl = spec.ttl.map(whole_seconds).transpose()?;
    Ok(Wanted { below: below.to_owned(), name, kind: kind.word(), values, ttl })
}

/// The keys as they are compared.
fn keys(path: &str, wanted: &Wanted) -> [(&'static str, Value); 5] {
    [
        ("zone", path.into()),
        ("name", wanted.below.as_str().into()),
        ("type", wanted.kind.into()),
        ("values", wanted.values.clone().into()),
        ("ttl", wanted.ttl.map(spell).into()),
    ]
}

fn read<'i>(context: &Context, ids: &'i [String]) -> Vec<Looked> {
    let mut zones: BTreeMap<&str, Result<Option<Zone>, Fault>> = BTreeMap::new();
    let one = |id: &'i String| {
        let Some(id) = Id::of(id) else { return Ok(None) };
        let load = || store::load(&context.place(id.path), id.path);
        let zone = zones.entry(id.path).or_insert_with(load).as_ref().map_err(Fault::clone)?;
        Ok(zone.as_ref().and_then(|zone| object(&id, zone)))
    };
    ids.iter().map(one).collect()
}

fn there(spec: &RecordSpec, path: &str, zone: &Zone) -> Option<Object> {
    let wanted = wanted(spec, &zone.origin).ok()?;
    object(&Id { path, name: &wanted.below, kind: wanted.kind }, zone)
}

fn object(id: &Id<'_>, zone: &Zone) -> Option<Object> {
    let name = Name::relative(id.name, &zone.origin, super::name::Style::Any).ok()?;
    let set: Vec<&Record> = zone.set(&name, id.kind).collect();
    let first = set.first()?;
    let mut values: Vec<String> = set.iter().map(|record| record.data.clone()).collect();
    values.sort();
    // A line that somebody added has no owner: then the whole set has none.
    let owner = set.iter().map(|record| record.owner.as_deref()).min().flatten();
    Some(Object::new(
        format!("{} {} {}", id.path, id.name, id.kind),
        [
            ("zone", id.path.into()),
            ("name", id.name.into()),
            ("type", id.kind.into()),
            ("values", values.into()),
            ("ttl", first.ttl.map(spell).into()),
            ("fqdn", name.bare().into()),
            ("origin", zone.origin.bare().into()),
            ("owner", owner.into()),
        ],
    ))
}

fn put(
    locked: &Locked,
    spec: &RecordSpec,
    before: Option<&Object>,
    address: &str,
) -> Result<Object, Fault> {
    let path = disk::tidy(&spec.zone);
    let Some(zone) = locked.load()? else {
        return Err(Fault::refused(format!("there is no zone file {path}"))
            .help("refer to the zone, so that it is made first: `zone: ${zone.path}`"));
    };
    let wanted = wanted(spec, &zone.origin).map_err(Fault::refused)?;
    let owned_by = before.map(|object| object.text("owner")).filter(|owner| !owner.is_empty());
    let ours = |record: &Record| {
        let owner = record.owner.as_deref();
        owner == Some(address) || before.is_some() && (owner.is_none() || owner == owned_by)
    };
    rules::check(&zone, &path, &wanted, ours)?;
    let mut next = zone.clone();
    next.records.retain(|record| record.name != wanted.name || record.kind != wanted.kind);
    next.records.extend(wanted.values.iter().map(|value| Record {
        name: wanted.name.clone(),
        kind: wanted.kind.to_owned(),
        ttl: wanted.ttl,
        data: value.clone(),
        owner: Some(address.to_owned()),
        line: 0,
    }));
    let id = Id { path: &path, name: &wanted.below, kind: wanted.kind };
    let object = object(&id, &next);
    locked.save(next);
    object.ok_or_else(|| Fault::broken(format!("{path} does not hold what was put into it")))
}

fn delete(locked: &Locked, before: &Object, address: &str) -> Result<Option<Object>, Fault> {
    let (Some(id), Some(zone)) = (Id::of(&before.id), locked.load()?) else { return Ok(None) };
    let name = Name::relative(id.name, &zone.origin, super::name::Style::Any);
    let name = name.map_err(Fault::broken)?;
    // Another resource may have taken the name over since this one saw it last.
    let ours = |record: &Record| {
        let owner = record.owner.as_deref();
        owner.is_none() || owner == Some(address) || owner == Some(before.text("owner"))
    };
    let mut next = zone.clone();
    next.records.retain(|one| one.name != name || one.kind != id.kind || !ours(one));
    if next.records.len() != zone.records.len() {
        locked.save(next);
    }
    Ok(None)
}
