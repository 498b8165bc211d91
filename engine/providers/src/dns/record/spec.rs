//! The keys and attributes of `dns.record`.

use language::{Duration, Keys, Spec};

use crate::dns::data::{NONE, RecordType, canonical};
use crate::dns::name::{Name, Style, Writer};
use crate::dns::twice;
use crate::dns::zone::whole_seconds;

/// One name and type in a zone, with all its values. Its zone is a `dns.zone`, referred to by its
/// file: `zone: ${zone.path}`.
#[derive(Clone, Debug, Spec)]
#[spec(check = check)]
pub struct RecordSpec {
    /// The file of the zone: `${zone.path}`.
    #[spec(replaces)]
    pub zone: String,
    /// The name in the zone: `www`, `@` for the zone itself, `*.apps` for all names below, or whole
    /// with a last dot (`www.shop.test.`).
    #[spec(replaces)]
    pub name: String,
    /// The type: A, AAAA, CNAME, MX, TXT, SRV, CAA, NS or PTR.
    #[spec(replaces)]
    pub r#type: RecordType,
    /// The values, as a master file has them: `192.0.2.1`, `10 mail`, `0 issue "ca.example.net"`. Text
    /// needs no quotes and may be longer than 255 bytes. Names are one label in the zone, or whole
    /// with a last dot. The host `.` says that there is none: MX `0 .` takes no mail.
    pub values: Vec<String>,
    /// How long resolvers keep it; without it as long as the zone says.
    pub ttl: Option<Duration>,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct RecordObject {
    /// The whole name, without a last dot: `www.shop.test`.
    #[spec(follows = "")]
    pub fqdn: String,
}

fn check(spec: &RecordSpec, keys: &mut Keys<'_, '_, '_>) {
    let kind = spec.r#type;
    // What a name is below of is not known yet: every zone has the same rules.
    let origin = Name::default();
    let name = match &spec.name[..] {
        "@" => Ok(()),
        name => Name::owner(name, &origin, kind.owner_style()).map(|_| ()),
    };
    if let Err(why) = name.and_then(|()| name_fits(kind, &spec.name)) {
        keys.refuse("name", why);
    }
    let values = spec.values.iter().map(|value| canonical(kind, value, &origin, Writer::Person));
    match values.collect::<Result<Vec<String>, String>>() {
        Err(why) => keys.refuse("values", why),
        Ok(values) => {
            if let Err(why) = values_fit(kind, &values) {
                keys.refuse("values", why);
            }
        }
    }
    if let Some(Err(why)) = spec.ttl.map(whole_seconds) {
        keys.refuse("ttl", why);
    }
}

fn name_fits(kind: RecordType, name: &str) -> Result<(), String> {
    match (kind, name) {
        (RecordType::Cname, "@") => Err(
            "a CNAME cannot stand at the zone itself, which has other records (RFC 1034 §3.6.2)"
                .to_owned(),
        ),
        (RecordType::Ns, "@") => {
            Err("the servers of the zone itself stand in its `name_servers`".to_owned())
        }
        (RecordType::Srv, name) if !is_service(name) => {
            Err("an SRV record is called `_service._protocol`, such as `_sip._tcp` (RFC 2782)"
                .to_owned())
        }
        (RecordType::Ptr, name) if name.ends_with('.') => {
            let name = Name::whole(name, Style::Any)?;
            reverse(&name)
        }
        _ => Ok(()),
    }
}

fn is_service(name: &str) -> bool {
    let mut labels = name.split('.');
    labels.by_ref().take(2).filter(|label| label.starts_with('_')).count() == 2
}

/// A name that stands for an address (RFC 1035 §3.5, RFC 3596 §2.5).
pub(super) fn reverse(name: &Name) -> Result<(), String> {
    if name.is_reverse() {
        return Ok(());
    }
    Err("a PTR record stands in a zone below in-addr.arpa or ip6.arpa".to_owned())
}

fn values_fit(kind: RecordType, values: &[String]) -> Result<(), String> {
    if values.is_empty() {
        return Err("a record needs a value".to_owned());
    }
    if let Some(twice) = twice(values) {
        return Err(format!("`{twice}` stands here twice"));
    }
    if kind == RecordType::Cname && values.len() > 1 {
        return Err("a name has one CNAME at the most (RFC 2181 §10.1)".to_owned());
    }
    let none = |value: &String| value.rsplit(' ').next() == Some(NONE);
    if kind == RecordType::Mx && values.iter().any(none) && values != ["0 ."] {
        return Err("`0 .` says that no mail is taken, and stands alone (RFC 7505 §3)".to_owned());
    }
    if kind == RecordType::Srv && values.iter().any(none) && values.len() > 1 {
        return Err(
            "the host `.` says that it is not offered, and stands alone (RFC 2782)".to_owned()
        );
    }
    Ok(())
}
