//! Which requests are refused, and what a backend gets to see of the others.
//!
//! hyper refuses what cannot be parsed in one way only; this refuses what would be understood in another
//! way further on (RFC 9112, 3.2, 6.1 and 11.2; RFC 9113, 8.2 and 8.3).

use std::net::IpAddr;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, Uri};
use hyper::{Method, StatusCode, Version};

use super::line::Line;

/// A status and what is wrong.
pub(crate) type Refusal = (StatusCode, &'static str);

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
/// What only this front says. Some backends take `_` for `-`: such names are dropped.
const OURS: [HeaderName; 5] =
    [FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, REAL_IP, header::FORWARDED];

/// What concerns one connection alone, beside what `Connection` names.
pub(crate) const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Returns the host that a request is for, or why it is refused.
pub(crate) fn host(parts: &Parts) -> Result<String, Refusal> {
    let bad = |why| (StatusCode::BAD_REQUEST, why);
    if parts.method == Method::CONNECT {
        return Err((StatusCode::NOT_IMPLEMENTED, "this is no proxy for CONNECT"));
    }
    let server_wide = parts.method == Method::OPTIONS && parts.uri.path() == "*";
    if !server_wide && !parts.uri.path().starts_with('/') {
        return Err(bad("the path must begin with a slash"));
    }
    if parts.uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(bad("the scheme must be http or https"));
    }
    let mut codings = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    let coding = codings.next();
    if coding.is_some_and(|c| !c.as_bytes().eq_ignore_ascii_case(b"chunked"))
        || codings.next().is_some()
    {
        return Err((StatusCode::NOT_IMPLEMENTED, "the one transfer coding known is chunked"));
    }
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let written = hosts.next();
    if hosts.next().is_some() {
        return Err(bad("more than one Host"));
    }
    let written = written.map(|host| host.to_str().map_err(|_| bad("bad Host"))).transpose()?;
    let host = match (parts.uri.authority(), written) {
        (None, None) if parts.version == Version::HTTP_10 => return Ok(String::new()),
        (None, Some("")) => return Ok(String::new()),
        (None, None) => return Err(bad("no Host")),
        (Some(_), None) if parts.version == Version::HTTP_11 => return Err(bad("no Host")),
        (Some(authority), Some(host))
            if parts.version == Version::HTTP_2
                && !authority.as_str().eq_ignore_ascii_case(host) =>
        {
            return Err(bad("Host is not :authority"));
        }
        // RFC 9112, 3.2.2: an absolute form goes before Host.
        (Some(authority), _) => authority.as_str(),
        (None, Some(host)) => host,
    };
    match host.parse::<Authority>() {
        Ok(authority) if !host.contains('@') && !authority.host().is_empty() => Ok(host.to_owned()),
        _ => Err(bad("bad Host")),
    }
}

/// Returns whether a request asks for a WebSocket. Other upgrades are not passed on: a backend that agrees
/// to `h2c` would be spoken to past this front.
pub(crate) fn wants_websocket(parts: &Parts) -> bool {
    parts.version == Version::HTTP_11
        && names(&parts.headers, &header::CONNECTION)
            .any(|name| name.eq_ignore_ascii_case("upgrade"))
        && parts
            .headers
            .get(header::UPGRADE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Returns whether a client says that it sends nothing after this request (RFC 9112, 9.6).
pub(crate) fn is_last(parts: &Parts) -> bool {
    let mut said = names(&parts.headers, &header::CONNECTION);
    match parts.version {
        Version::HTTP_11 => said.any(|name| name.eq_ignore_ascii_case("close")),
        Version::HTTP_10 => !said.any(|name| name.eq_ignore_ascii_case("keep-alive")),
        _ => false,
    }
}

/// Makes a request what the backend is to see: HTTP/1.1, origin form, one Host, and who asks.
pub(crate) fn pass_on(parts: &mut Parts, host: &str, line: &Line, trusted: bool) {
    let websocket = wants_websocket(parts);
    if parts.version != Version::HTTP_11 {
        parts.headers.remove(header::EXPECT);
    }
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    if parts.uri.authority().is_some() {
        let path = parts.uri.path_and_query().cloned();
        parts.uri = path.map_or(Uri::from_static("/"), Uri::from);
    }
    let headers = &mut parts.headers;
    strip(headers);
    if websocket {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    drop_lookalikes(headers);
    if headers.get(header::HOST).is_none_or(|value| value != host) {
        headers.insert(header::HOST, text(host));
    }
    say_who(headers, host, line, trusted);
    join_cookies(headers);
}

/// Takes away what concerns one connection alone.
pub(crate) fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = names(headers, &header::CONNECTION)
            .filter_map(|name| name.parse().ok())
            .filter(|name| *name != header::HOST && *name != header::CONTENT_LENGTH)
            .collect();
        named.iter().for_each(|name| while headers.remove(name).is_some() {});
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

fn names<'a>(headers: &'a HeaderMap, list: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(list).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn drop_lookalikes(headers: &mut HeaderMap) {
    let like_ours = |name: &&HeaderName| {
        name.as_str().contains('_')
            && OURS.iter().any(|ours| name.as_str().replace('_', "-") == ours.as_str())
    };
    let found: Vec<HeaderName> = headers.keys().filter(like_ours).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

/// Who asks, for what host and by which scheme, as backends are told of it. A line keeps the last one: most
/// clients ask for one host.
pub(crate) struct Introduction {
    host: HeaderValue,
    from: HeaderValue,
    forwarded: HeaderValue,
}

impl Introduction {
    fn of(line: &Line, host: &str) -> Self {
        let from = line.from.to_string();
        let node = match line.from {
            IpAddr::V4(_) => from.clone(),
            IpAddr::V6(_) => format!("\"[{from}]\""),
        };
        let forwarded = format!("for={node};host=\"{host}\";proto={}", line.scheme());
        Self { host: text(host), from: text(&from), forwarded: text(&forwarded) }
    }
}

/// Says who asks: as `X-Forwarded-*` and as `Forwarded` (RFC 7239).
/// What a client says about that is believed only where it is a trusted proxy.
fn say_who(headers: &mut HeaderMap, host: &str, line: &Line, trusted: bool) {
    let mut kept = line.introduction.borrow_mut();
    if kept.as_ref().is_none_or(|kept| kept.host != host) {
        *kept = None;
    }
    let Introduction { host, from, forwarded } =
        kept.get_or_insert_with(|| Introduction::of(line, host));
    let others = [
        (FORWARDED_HOST, host.clone()),
        (FORWARDED_PROTO, HeaderValue::from_static(line.scheme())),
        (REAL_IP, from.clone()),
    ];
    if trusted {
        append(headers, FORWARDED_FOR, from);
        append(headers, header::FORWARDED, forwarded);
        for (name, value) in others {
            headers.entry(name).or_insert(value);
        }
    } else {
        headers.insert(FORWARDED_FOR, from.clone());
        headers.insert(header::FORWARDED, forwarded.clone());
        for (name, value) in others {
            headers.insert(name, value);
        }
    }
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: &HeaderValue) {
    let all = headers.get_all(&name).into_iter().chain([value]);
    let all: Vec<&str> = all.filter_map(|value| value.to_str().ok()).collect();
    let all = text(&all.join(", "));
    headers.insert(name, all);
}

/// HTTP/2 may send a cookie in parts; HTTP/1.1 has one line (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).into_iter().nth(1).is_some() {
        let all: Vec<&[u8]> =
            headers.get_all(header::COOKIE).into_iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
            headers.insert(header::COOKIE, joined);
        }
    }
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}
