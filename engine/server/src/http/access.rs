//! Who may come in.
//!
//! Without tokens everybody on this machine may, and nobody who comes by a proxy or by a name that only
//! leads here. With tokens nobody may without one. A browser brings a token, or this machine, along to
//! whatever page it shows: what another page has it send is refused in either case. Tokens are compared
//! as hashes, whose comparison takes the same time wherever they differ.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::header::{
    AUTHORIZATION, FORWARDED, HOST, HeaderName, HeaderValue, ORIGIN, VIA, WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, Method, StatusCode};
use model::file::server::is_this_machine;

use super::answer::Refusal;
use super::body::Answer;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Somebody on this machine, where that is enough.
    Local,
    /// The owner of a token, by its name.
    Named(String),
    /// The hook of a push that this server took in.
    Hook,
}

impl Who {
    /// Returns who it is, for people.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Local => "somebody on this machine",
            Self::Named(name) => name,
            Self::Hook => "a push",
        }
    }
}

/// What decides who comes in.
pub(crate) struct Door<'d> {
    /// Hashes of tokens, by name.
    pub(crate) tokens: &'d BTreeMap<String, blake3::Hash>,
    /// What hooks of this server know.
    pub(crate) hook: &'d str,
    /// Whether it listens on this machine alone.
    pub(crate) is_local: bool,
}

/// What a browser says of the page that a request is from (Fetch Metadata, 2.2).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// What proxies say of those behind them.
const BY_PROXY: [HeaderName; 6] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

impl Door<'_> {
    /// Returns who asks, or why they may not.
    pub(crate) fn open(&self, method: &Method, headers: &HeaderMap) -> Result<Who, Refusal> {
        let who = self.known(headers)?;
        if who == Who::Local {
            self.refuse_strangers(headers)?;
        }
        refuse_other_pages(method, headers)?;
        Ok(who)
    }

    fn known(&self, headers: &HeaderMap) -> Result<Who, Refusal> {
        let Some(token) = token(headers) else {
            let nobody = || who_are_you("who are you? A token is asked for here");
            return if self.tokens.is_empty() { Ok(Who::Local) } else { Err(nobody()) };
        };
        let hash = blake3::hash(token.as_bytes());
        if hash == blake3::hash(self.hook.as_bytes()) {
            return Ok(Who::Hook);
        }
        // All of them are compared: how long it takes says nothing of which it was.
        let mut known = None;
        for (name, own) in self.tokens {
            known = if *own == hash { Some(name) } else { known };
        }
        match known {
            Some(name) => Ok(Who::Named(name.clone())),
            None if self.tokens.is_empty() => Ok(Who::Local),
            None => Err(who_are_you("this token is not known here")),
        }
    }

    /// Whoever is sent here by a proxy, or by a name that was bound to this machine, may be anybody.
    fn refuse_strangers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = text(headers, &HOST);
        if self.is_local && !is_this_machine(host) {
            let message = format!("this server answers to this machine alone, not as `{host}`");
            let help =
                "use http://127.0.0.1 or http://localhost, or write `tokens` into windlass.yml";
            return Err(Refusal::new(StatusCode::FORBIDDEN, message, help));
        }
        match BY_PROXY.iter().find(|name| headers.contains_key(*name)) {
            None => Ok(()),
            Some(name) => {
                let message =
                    format!("this came by a proxy (`{name}`), so anybody may have sent it");
                let help = "write `tokens` into windlass.yml, then send one of them";
                Err(Refusal::new(StatusCode::FORBIDDEN, message, help))
            }
        }
    }
}

/// A page elsewhere can have a browser send requests here, with all that the browser knows.
fn refuse_other_pages(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let (host, origin) = (text(headers, &HOST), text(headers, &ORIGIN));
    let is_other = |origin: &str| origin.split_once("://").is_none_or(|(_, from)| from != host);
    // A link that somebody follows only reads.
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let sends = !reads && matches!(text(headers, &FETCH_SITE), "cross-site" | "same-site");
    if !(sends || !origin.is_empty() && is_other(origin)) {
        return Ok(());
    }
    let page = if origin.is_empty() { "another page" } else { origin };
    let message = format!("{page} may not do this");
    let help = "send the request by yourself, without `Origin`";
    Err(Refusal::new(StatusCode::FORBIDDEN, message, help))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    // What is no text is nobody's name.
    headers.get(name).map_or("", |value| value.to_str().unwrap_or("?"))
}

/// The token of a request: as a bearer (RFC 6750), or as a password (RFC 7617) as `git` asks for one.
fn token(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    // `https://TOKEN@host` sends it as the user.
    Some(if password.is_empty() { user.to_owned() } else { password.to_owned() })
}

fn who_are_you(message: &str) -> Refusal {
    let help = "send `Authorization: Bearer TOKEN`, or the token as password; windlass.yml names who \
                has one, under `tokens`";
    Refusal::new(StatusCode::UNAUTHORIZED, message, help)
}

/// Asks for a password, which `git` and browsers then ask their person for.
pub(crate) fn challenged(mut answer: Answer) -> Answer {
    if answer.status() == StatusCode::UNAUTHORIZED {
        let ask = HeaderValue::from_static("Basic realm=\"windlass\", charset=\"UTF-8\"");
        answer.headers_mut().insert(WWW_AUTHENTICATE, ask);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse().expect("a name"), value.parse().expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn without_tokens_this_machine_comes_in_and_pages_of_others_do_not() {
        let tokens = BTreeMap::new();
        let door = Door { tokens: &tokens, hook: "hook", is_local: true };
        let asks = |pairs: &[(&str, &str)]| door.open(&Method::GET, &headers(pairs)).ok();
        assert_eq!(asks(&[("host", "127.0.0.1:7400")]), Some(Who::Local));
        assert_eq!(asks(&[("host", "[::1]:7400")]), Some(Who::Local));
        for bound in ["evil.example:7400", "127.evil.example:7400", "127.0.0.1.evil.example", ""] {
            assert_eq!(asks(&[("host", bound)]), None, "{bound} may lead here, and elsewhere");
        }
        for proxy in BY_PROXY {
            let by = [("host", "127.0.0.1:7400"), (proxy.as_str(), "192.0.2.7")];
            assert_eq!(asks(&by), None, "anybody may be behind a proxy");
        }
        let own = [("host", "localhost:7400"), ("origin", "http://localhost:7400")];
        assert_eq!(asks(&own), Some(Who::Local));
        let other = [("host", "localhost:7400"), ("origin", "https://evil.example")];
        assert_eq!(asks(&other), None);
        assert_eq!(asks(&[("host", "x"), ("authorization", "Bearer hook")]), Some(Who::Hook));
    }

    #[test]
    fn with_tokens_nobody_comes_in_without_one() {
        let tokens = BTreeMap::from([("ci".to_owned(), blake3::hash(b"very-secret"))]);
        let door = Door { tokens: &tokens, hook: "hook", is_local: false };
        let asks =
            |value: &str| door.open(&Method::GET, &headers(&[("authorization", value)])).ok();
        let ci = Some(Who::Named("ci".to_owned()));
        assert_eq!(asks("Bearer very-secret"), ci);
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert_eq!(asks(&basic("anyone:very-secret")), ci);
        assert_eq!(asks(&basic("very-secret:")), ci);
        assert_eq!(asks("Bearer very-secre"), None);
        assert_eq!(asks(&basic("ci:")), None);
        let none = door.open(&Method::GET, &headers(&[("host", "127.0.0.1")])).err();
        assert_eq!(none.map(|refusal| refusal.status), Some(StatusCode::UNAUTHORIZED));
    }

    #[test]
    fn a_token_that_a_browser_keeps_is_not_lent_to_other_pages() {
        let tokens = BTreeMap::from([("ci".to_owned(), blake3::hash(b"very-secret"))]);
        let door = Door { tokens: &tokens, hook: "hook", is_local: false };
        let sends = |method: Method, more: (&str, &str)| {
            let own = [("host", "ci.test"), ("authorization", "Bearer very-secret"), more];
            door.open(&method, &headers(&own)).map_err(|refusal| refusal.status)
        };
        let ci = Ok(Who::Named("ci".to_owned()));
        assert_eq!(sends(Method::POST, ("origin", "https://ci.test")), ci);
        assert_eq!(sends(Method::POST, ("sec-fetch-site", "same-origin")), ci);
        assert_eq!(sends(Method::GET, ("sec-fetch-site", "cross-site")), ci, "a link");
        for more in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(sends(Method::POST, more), Err(StatusCode::FORBIDDEN), "{more:?}");
        }
    }
}
