//! `dns.zone`: the master file of a zone.
//!
//! It must not touch the records that other resources keep in it.

mod spec;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Secrets, Token, Value,
};
use tokio::task::spawn_blocking;

pub(crate) use spec::whole_seconds;
pub use spec::{ZoneObject, ZoneSpec};

use super::data::RecordType;
use super::master::store::{self, Folder, Locked};
use super::master::{Keeper, Record, Soa, Zone};
use super::name::Name;
use super::spell;
use crate::disk;

/// A zone.
pub struct DnsZone;

impl Kind for DnsZone {
    const NAME: &'static str = "dns.zone";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const SPACE: &'static str = disk::SPACE;
    type Spec = ZoneSpec;
    type Object = ZoneObject;

    fn identity(spec: &ZoneSpec) -> Option<String> {
        Some(disk::place(&spec.path))
    }

    fn diff(spec: &ZoneSpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        let wanted = match Wanted::of(spec) {
            Ok(wanted) => keys(&disk::tidy(&spec.path), &wanted.soa, &wanted),
            // The check of the spec says so too; here it only must not pass for the same.
            Err(_) => return vec![Difference::new("name", object.get("name").clone(), "")],
        };
        let mut differences = Difference::among(object, wanted);
        if !matches!(object.get("by_hand"), Value::List(records) if records.is_empty()) {
            let from = object.get("by_hand").clone();
            differences.push(Difference::new("by_hand", from, Value::List(Vec::new())));
        }
        differences
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<ZoneSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let paths: Vec<String> = known.iter().map(|known| known.id.clone()).collect();
        let context = context.clone();
        let read = move |path: &String| {
            let zone = store::load(&context.place(path), path)?;
            Ok(zone.map(|zone| object(path, &zone)))
        };
        let all = spawn_blocking(move || paths.iter().map(read).collect());
        all.await.map_err(|_| Fault::broken("the reading of zones broke off"))
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, ZoneSpec>,
    ) -> Result<Option<String>, Fault> {
        match change {
            Change::Create(spec) => disk::own_place(context, &spec.path).map(|_| None),
            _ => Ok(None),
        }
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, ZoneSpec>,
        _: &Token,
    ) -> Result<Option<Object>, Fault> {
        let address = context.address.to_string();
        let Some(spec) = change.wanted().cloned() else {
            let purge = matches!(change, Change::Delete(Some(spec), _) if spec.purge);
            return delete(context, change.object(), purge).await;
        };
        let path = disk::tidy(&spec.path);
        let before = change.object().cloned();
        let put = move |locked: &Locked| put(locked, &spec, before.as_ref(), &address);
        store::change(context, &path, Folder::Make, put).await.map(Some)
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, ZoneSpec>,
        _: &Token,
    ) -> Result<Found, Fault> {
        let path = match (change.wanted(), change.object()) {
            (Some(spec), _) => disk::tidy(&spec.path),
            (None, object) => object.map(|object| object.id.clone()).unwrap_or_default(),
        };
        let address = context.address.to_string();
        let look = |locked: &Locked| {
            locked.clear()?;
            locked.load()
        };
        let zone = store::change(context, &path, Folder::Leave, look).await?;
        let Some(spec) = change.wanted() else {
            return Ok(if zone.is_none() { Found::Done(None) } else { Found::Nothing });
        };
        // A zone of somebody else is for `apply` to refuse.
        let ours = |zone: &Zone| {
            let keeper = zone.keeper.as_ref();
            change.object().is_some() || keeper.is_some_and(|keeper| keeper.address == address)
        };
        let object = zone.filter(ours).map(|zone| object(&path, &zone));
        let done = object.filter(|object| Self::diff(spec, object, context.secrets()).is_empty());
        Ok(done.map_or(Found::Nothing, |object| Found::Done(Some(object))))
    }
}

/// What a spec says, in the terms of the file.
struct Wanted {
    origin: Name,
    ttl: u32,
    soa: Soa,
    servers: Vec<Name>,
    serials: &'static str,
    purge: bool,
}

impl Wanted {
    fn of(spec: &ZoneSpec) -> Result<Self, String> {
        let origin = spec.name.0.clone();
        let within = |server: &super::name::HostName| server.within(&origin);
        let servers = spec.name_servers.iter().map(within).collect::<Result<Vec<_>, _>>()?;
        let primary = spec.primary.as_ref().map(within).transpose()?;
        let hostmaster = match &spec.hostmaster {
            Some(hostmaster) => hostmaster.0.clone(),
            None => Name::relative("hostmaster", &origin, super::name::Style::Host)?,
        };
        let soa = Soa {
            primary: primary.or(servers.first().cloned()).unwrap_or_default(),
            hostmaster,
            serial: 0,
            refresh: whole_seconds(spec.refresh)?,
            retry: whole_seconds(spec.retry)?,
            expire: whole_seconds(spec.expire)?,
            minimum: whole_seconds(spec.minimum)?,
        };
        let (ttl, serials) = (whole_seconds(spec.ttl)?, spec.serials.word());
        Ok(Self { origin, ttl, soa, servers, serials, purge: spec.purge })
    }
}

/// The keys as they are compared.
fn keys(path: &str, soa: &Soa, wanted: &Wanted) -> [(&'static str, Value); 12] {
    let mut servers: Vec<String> = wanted.servers.iter().map(Name::to_string).collect();
    servers.sort();
    [
        ("path", path.into()),
        ("name", wanted.origin.bare().into()),
        ("name_servers", servers.into()),
        ("primary", soa.primary.to_string().into()),
        ("hostmaster", soa.hostmaster.to_string().into()),
        ("ttl", spell(wanted.ttl).into()),
        ("refresh", spell(soa.refresh).into()),
        ("retry", spell(soa.retry).into()),
        ("expire", spell(soa.expire).into()),
        ("minimum", spell(soa.minimum).into()),
        ("serials", wanted.serials.into()),
        ("purge", wanted.purge.into()),
    ]
}

/// What there is. The serial number stays in the file: every record that changes would change the
/// zone with it, and look like a change that somebody made by hand.
fn object(path: &str, zone: &Zone) -> Object {
    let origin = &zone.origin;
    let keeper = zone.keeper.as_ref();
    let there = Wanted {
        origin: origin.clone(),
        ttl: zone.ttl.unwrap_or(zone.soa.minimum),
        soa: zone.soa.clone(),
        servers: zone.servers().filter_map(server).collect(),
        serials: keeper.map_or("", |keeper| keeper.serials.word()),
        purge: keeper.is_some_and(|keeper| keeper.purge),
    };
    let by_hand: Vec<String> = by_hand(zone).map(|record| record.short(origin)).collect();
    let mut object = Object::new(path, keys(path, &zone.soa, &there));
    let more = [
        ("origin", Value::text(origin.to_string())),
        ("by_hand", by_hand.into()),
        ("keeper", keeper.map(|keeper| keeper.address.clone()).into()),
    ];
    object.attributes.extend(more.map(|(key, value)| (key.to_owned(), value)));
    object
}

fn server(record: &Record) -> Option<Name> {
    Name::whole(&record.data, super::name::Style::Any).ok()
}

/// Records that no resource keeps.
fn by_hand(zone: &Zone) -> impl Iterator<Item = &Record> {
    zone.records.iter().filter(|record| record.owner.is_none() && !zone.is_server(record))
}

fn put(
    locked: &Locked,
    spec: &ZoneSpec,
    before: Option<&Object>,
    address: &str,
) -> Result<Object, Fault> {
    let path = disk::tidy(&spec.path);
    let there = locked.load()?;
    if let Some(zone) = &there
        && before.is_none_or(|before| is_anothers(zone, before, address))
    {
        refuse_foreign(zone, &path, address)?;
    }
    let wanted = Wanted::of(spec).map_err(Fault::refused)?;
    let mut records: Vec<Record> =
        wanted.servers.iter().map(|one| server_record(&wanted, one)).collect();
    // What was written by hand goes only if the plan has shown it.
    let shown = before.map_or(Value::Null, |object| object.get("by_hand").clone());
    let planned = |record: &str| match &shown {
        Value::List(planned) => planned.iter().any(|one| one.as_text() == Some(record)),
        _ => false,
    };
    for record in there.iter().flat_map(|zone| &zone.records) {
        let zone = there.as_ref().map_or(&wanted.origin, |zone| &zone.origin);
        let goes = record.owner.is_none() && planned(&record.short(zone));
        let server = record.kind == "NS" && record.name == *zone;
        if !goes && !server {
            records.push(moved(record, zone, &wanted.origin)?);
        }
    }
    let keeper = Keeper { address: address.to_owned(), serials: spec.serials, purge: spec.purge };
    let Wanted { origin, ttl, soa, .. } = wanted;
    let zone = Zone { keeper: Some(keeper), origin, ttl: Some(ttl), soa, records };
    let object = object(&path, &zone);
    locked.save(zone);
    Ok(object)
}

/// A file that stands there already may be somebody's only copy.
fn refuse_foreign(zone: &Zone, path: &str, address: &str) -> Result<(), Fault> {
    let why = match &zone.keeper {
        Some(keeper) if keeper.address == address => return Ok(()),
        Some(keeper) => format!("{path} is kept by {} already", keeper.address),
        None => format!("{path} is there already, and not written by Windlass"),
    };
    Err(Fault::refused(why).help(format!("move {path} away, or choose another `path`")))
}

fn server_record(wanted: &Wanted, server: &Name) -> Record {
    Record {
        name: wanted.origin.clone(),
        kind: "NS".to_owned(),
        ttl: None,
        data: server.to_string(),
        owner: None,
        line: 0,
    }
}

/// Takes a record over into a zone that has got another name, with what it points to in the zone.
fn moved(record: &Record, from: &Name, to: &Name) -> Result<Record, Fault> {
    let mut record = record.clone();
    if from == to {
        return Ok(record);
    }
    let name = record.name.below(from).unwrap_or("@");
    record.name = Name::relative(name, to, super::name::Style::Any).map_err(Fault::refused)?;
    let target = RecordType::of_word(&record.kind).and_then(|kind| kind.target(&record.data));
    let target = target.and_then(|target| Name::whole(target, super::name::Style::Any).ok());
    if let Some(target) = target
        && let Some(below) = target.below(from)
    {
        let next = Name::relative(below, to, super::name::Style::Any).map_err(Fault::refused)?;
        let fields = record.data.len() - target.to_string().len();
        record.data.replace_range(fields.., &next.to_string());
    }
    Ok(record)
}

async fn delete(
    context: &Context,
    object: Option<&Object>,
    purge: bool,
) -> Result<Option<Object>, Fault> {
    let Some(object) = object.cloned() else { return Ok(None) };
    let address = context.address.to_string();
    let path = object.id.clone();
    let remove = move |locked: &Locked| {
        let zone = match locked.load() {
            Err(_) if purge => None,
            zone => zone?,
        };
        if let Some(zone) = &zone {
            if is_anothers(zone, &object, &address) {
                return Ok(None);
            }
            refuse_full(zone, &object.id, purge)?;
        }
        locked.remove();
        Ok(None)
    };
    store::change(context, &path, Folder::Leave, remove).await
}

/// Another resource has taken the file over since this one saw it last.
fn is_anothers(zone: &Zone, object: &Object, address: &str) -> bool {
    let keeper = zone.keeper.as_ref().map(|keeper| keeper.address.as_str());
    keeper.is_some_and(|keeper| keeper != address && keeper != object.text("keeper"))
}

fn refuse_full(zone: &Zone, path: &str, purge: bool) -> Result<(), Fault> {
    let left: Vec<&Record> = zone.records.iter().filter(|one| !zone.is_server(one)).collect();
    if left.is_empty() || purge {
        return Ok(());
    }
    let few = left.iter().take(5).map(|one| {
        let keeper = one.owner.as_deref().unwrap_or("written by hand");
        format!("{} ({keeper})", one.short(&zone.origin))
    });
    let count = left.len();
    let records = if count == 1 { "record" } else { "records" };
    Err(Fault::refused(format!("{path} still holds {count} {records} of others"))
        .details(few)
        .help("remove them first, or set `purge: true` and apply that before"))
}
