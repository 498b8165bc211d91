//! A route as the front tells of it, as an object: what it serves, and what came of the last cutover.
//!
//! It must not speak to the front.

use std::net::SocketAddr;

use front::{Counts, Cutover, CutoverStage, Looked, Settings};
use jiff::Timestamp;
use model::{Object, Tree, Value};

use super::spec::{RouteSpec, RouteTimeouts, words};

/// The fact under which the front keeps what the object holds.
const KEYS: &str = "keys";

/// Returns the keys that make a difference, each with its value as it is kept.
pub(super) fn keys(spec: &RouteSpec) -> [(&'static str, Value); 11] {
    let tls = spec.tls.as_ref().map(|tls| {
        let files = [("certificate", &tls.certificate), ("key", &tls.key)];
        tree(files.map(|(name, path)| (name, Value::text(path.0.as_str()))))
    });
    let health = &spec.health;
    let health = tree([
        ("http", health.http.as_ref().map(|path| path.0.as_str()).into()),
        ("interval", health.interval.to_string().into()),
        ("timeout", health.timeout.to_string().into()),
        ("fall", health.fall.into()),
        ("rise", health.rise.into()),
    ]);
    let hosts = spec.hosts.iter().map(|host| Value::text(host.0.as_str())).collect();
    [
        ("listen", spec.listen.0.to_string().into()),
        ("hosts", Value::List(hosts)),
        ("path", spec.path.0.as_str().into()),
        ("to", targets(&spec.targets())),
        ("redirect", spec.redirect.map(|redirect| redirect.to_string()).into()),
        ("version", spec.version().into()),
        ("tls", tls.into()),
        ("health", spec.redirect.is_none().then_some(health).into()),
        ("max_body", spec.max_body.map(|size| size.to_string()).into()),
        ("timeouts", timeouts(spec).into()),
        ("trusted_proxies", trusted(spec).into()),
    ]
}

/// Nothing where there are none, as for routes that were made before there could be any.
fn trusted(spec: &RouteSpec) -> Option<Value> {
    let all: Vec<Value> =
        spec.trusted_proxies.iter().map(|network| Value::text(network.0.to_string())).collect();
    (!all.is_empty()).then_some(Value::List(all))
}

/// Nothing where they are as ever, as for routes that were made before there were any.
fn timeouts(spec: &RouteSpec) -> Option<Tree> {
    let RouteTimeouts { answer, stall, silence } = &spec.timeouts;
    let usual = Settings::default();
    let is_usual =
        [(answer, usual.answer_ms), (stall, usual.stall_ms), (silence, usual.silence_ms)]
            .iter()
            .all(|(time, usual)| time.0.as_millis() == u128::from(*usual));
    let all = [("answer", answer), ("stall", stall), ("silence", silence)];
    (!is_usual).then(|| tree(all.map(|(name, time)| (name, time.to_string().into()))))
}

fn targets(addresses: &[SocketAddr]) -> Value {
    (!addresses.is_empty()).then(|| words(addresses)).into()
}

/// Returns what the front is to tell again.
pub(super) fn facts(spec: &RouteSpec) -> Result<(String, String), serde_json::Error> {
    let mut kept: Tree = keys(spec).map(|(key, value)| (key.to_owned(), value)).into();
    kept.insert("url".to_owned(), url(spec).into());
    Ok((KEYS.to_owned(), serde_json::to_string(&kept)?))
}

/// Returns a route as an object.
pub(super) fn object(looked: &Looked, state: &str) -> Object {
    let kept = looked.spec.facts.get(KEYS).and_then(|kept| serde_json::from_str(kept).ok());
    let mut attributes: Tree = kept.unwrap_or_default();
    let office = looked.office.as_ref();
    // What is so, and not what was asked for: somebody else may have changed it.
    let targets: Vec<_> = looked.targets.iter().map(|target| target.address).collect();
    let own = [
        ("state", state.into()),
        ("to", self::targets(&targets)),
        ("version", office.map(|office| office.version.as_str()).into()),
    ];
    attributes.extend(own.map(|(key, value): (&str, Value)| (key.to_owned(), value)));
    attributes.extend(told(looked).map(|(key, value)| (key.to_owned(), value)));
    Object { id: looked.spec.name.clone(), attributes }
}

/// What came of the last cutover.
fn told(looked: &Looked) -> [(&'static str, Value); 10] {
    let cutover = looked.cutover.as_ref().filter(|cutover| cutover.from.is_some());
    let counts = cutover.and_then(|cutover| Some(&cutover.receipt.as_ref()?.counts));
    let count = |of: fn(&Counts) -> u64| Value::from(counts.map(of));
    let again = cutover.filter(|cutover| is_to_go_back_to(looked, cutover));
    [
        ("outcome", cutover.map(|cutover| outcome(&cutover.stage)).into()),
        ("cut_over", cutover.map(|cutover| time(cutover.at_ms)).into()),
        ("previous_version", cutover.and_then(|cutover| cutover.from.clone()).into()),
        ("previous_to", again.map_or(Value::Null, |cutover| targets(&cutover.from_targets))),
        ("served", count(|counts| counts.served)),
        ("lost", count(|counts| counts.lost)),
        ("late", count(|counts| counts.late)),
        ("errors", count(|counts| counts.errors)),
        ("slowest_ms", count(|counts| counts.slowest_ms)),
        ("receipt", cutover.and_then(receipt).into()),
    ]
}

/// Whether the version before is one to go back to.
fn is_to_go_back_to(looked: &Looked, cutover: &Cutover) -> bool {
    let quarantined = |version: &String| looked.quarantined.iter().any(|q| q.version == *version);
    cutover.stage == CutoverStage::Held && !cutover.from.as_ref().is_some_and(quarantined)
}

fn outcome(stage: &CutoverStage) -> String {
    match stage {
        CutoverStage::Watched => "watched".to_owned(),
        CutoverStage::Held => "held".to_owned(),
        CutoverStage::Reverted { why } => format!("reverted: {why}"),
        CutoverStage::Overtaken => "overtaken by another change".to_owned(),
    }
}

/// Returns what was done on both sides of a cutover, in a line.
pub(super) fn receipt(cutover: &Cutover) -> Option<String> {
    let before = cutover.receipt.as_ref()?;
    let of = |counts: &Counts| {
        let Counts { served, lost, late, errors, slowest_ms, .. } = counts;
        format!(
            "served {served}, lost {lost} (late {late}), errors {errors}, slowest {slowest_ms} ms"
        )
    };
    let within = language::Duration(std::time::Duration::from_millis(cutover.watch.for_ms)).words();
    Some(format!(
        "{} {}; {} within {within}: {}",
        before.version,
        of(&before.counts),
        cutover.version,
        of(&cutover.seen),
    ))
}

/// Returns a time as people read it, from milliseconds since 1970.
pub(super) fn time(ms: u64) -> String {
    let time = Timestamp::from_millisecond(ms.cast_signed()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Where it can be seen on this machine.
fn url(spec: &RouteSpec) -> String {
    let (scheme, usual) = if spec.tls.is_some() { ("https", 443) } else { ("http", 80) };
    let listen = spec.listen.0;
    let host = match spec.hosts.first() {
        Some(host) => host.0.replace("*.", "www."),
        None if listen.ip().is_unspecified() => "localhost".to_owned(),
        None if listen.is_ipv6() => format!("[{}]", listen.ip()),
        None => listen.ip().to_string(),
    };
    let port = if listen.port() == usual { String::new() } else { format!(":{}", listen.port()) };
    let path = if spec.path.0.ends_with('/') { "" } else { "/" };
    format!("{scheme}://{host}{port}{}{path}", spec.path.0)
}

fn tree<const N: usize>(entries: [(&str, Value); N]) -> Tree {
    let entries = entries.into_iter().filter(|(_, value)| *value != Value::Null);
    entries.map(|(key, value)| (key.to_owned(), value)).collect()
}
