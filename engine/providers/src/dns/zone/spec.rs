//! The keys and attributes of `dns.zone`.

use language::{Duration, Keys, Spec};

use crate::dns::name::{HostName, Hostmaster, ZoneName};
use crate::dns::serial::Serials;

/// The longest time that a zone can hold (RFC 2181 §8).
const LONGEST: u64 = (1 << 31) - 1;

/// A zone of the DNS as a master file (RFC 1035), for any name server to load. The whole file is
/// Windlass's own: records come from `dns.record`, and what is written into it by hand is found as
/// drift and removed by the next apply.
#[derive(Clone, Debug, Spec)]
#[spec(check = check)]
pub struct ZoneSpec {
    /// The file.
    #[spec(replaces)]
    pub path: String,
    /// The name of the zone: `shop.test`.
    pub name: ZoneName,
    /// The servers that answer for the zone: names in it (`ns1`, with a `dns.record` for its address)
    /// or elsewhere (`ns1.example.net.`).
    pub name_servers: Vec<HostName>,
    /// The server with the original; without it the first of `name_servers`.
    pub primary: Option<HostName>,
    /// The mail address of who answers for the zone; without it `hostmaster@` and the zone's name.
    pub hostmaster: Option<Hostmaster>,
    /// How long resolvers keep records that name no time of their own.
    #[spec(default = "1h")]
    pub ttl: Duration,
    /// How often secondaries ask whether the zone has changed.
    #[spec(default = "4h")]
    pub refresh: Duration,
    /// How soon they ask again after a failure.
    #[spec(default = "1h")]
    pub retry: Duration,
    /// When they stop answering without having reached the primary.
    #[spec(default = "14d")]
    pub expire: Duration,
    /// How long resolvers remember that a name does not exist (RFC 2308).
    #[spec(default = "5m")]
    pub minimum: Duration,
    /// How versions are numbered. The number goes up with each change of the content, never without
    /// one, and never back.
    #[spec(default = "date")]
    pub serials: Serials,
    /// Remove the file even with records in it; else a zone that is not empty refuses to go.
    #[spec(default = "false")]
    pub purge: bool,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct ZoneObject {
    /// The name of the zone with its last dot: `shop.test.`.
    #[spec(follows = "name")]
    pub origin: String,
    /// Records that no resource keeps: somebody wrote them into the file.
    pub by_hand: Vec<String>,
}

fn check(spec: &ZoneSpec, keys: &mut Keys<'_, '_, '_>) {
    crate::disk::check_own(keys, "path", &spec.path);
    if spec.name_servers.is_empty() {
        keys.refuse("name_servers", "a zone needs a name server, better two (RFC 1035 §2.2)");
    }
    let times = [
        ("ttl", spec.ttl),
        ("refresh", spec.refresh),
        ("retry", spec.retry),
        ("expire", spec.expire),
        ("minimum", spec.minimum),
    ];
    for (key, time) in times {
        if let Err(why) = whole_seconds(time) {
            keys.refuse(key, why);
        } else if time.0.is_zero() && ["refresh", "retry", "expire"].contains(&key) {
            keys.refuse(key, "this is no time at all: `1s` is the least");
        }
    }
    if spec.retry.0 >= spec.refresh.0 {
        keys.refuse("retry", "`retry` must be shorter than `refresh` (RFC 1912 §2.2)");
    }
    if spec.expire.0 <= spec.refresh.0 + spec.retry.0 {
        let why = "`expire` must be longer than `refresh` and `retry` together (RFC 1912 §2.2)";
        keys.refuse("expire", why);
    }
    let names = spec.name_servers.iter().map(|server| &server.0);
    if let Some(twice) = crate::dns::twice(names) {
        keys.refuse("name_servers", format!("`{twice}` stands here twice"));
    }
}

/// Returns a time as zones have it.
pub(crate) fn whole_seconds(time: Duration) -> Result<u32, String> {
    let (seconds, rest) = (time.0.as_secs(), time.0.subsec_nanos());
    if rest != 0 || seconds > LONGEST {
        return Err(format!("a zone holds whole seconds, {LONGEST} (68 years) at the most"));
    }
    Ok(seconds as u32)
}
