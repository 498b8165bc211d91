//! Who may come in.
//!
//! Without tokens everybody on this machine may: then requests that a browser was tricked into are
//! refused by their `Host` and `Origin`. With tokens nobody may without one. Tokens are compared as
//! hashes, whose comparison takes the same time wherever they differ.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use hyper::{HeaderMap, StatusCode};

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

impl Door<'_> {
    /// Returns who asks, or why they may not.
    pub(crate) fn open(&self, headers: &HeaderMap) -> Result<Who, Refusal> {
        if let Some(token) = token(headers) {
            let hash = blake3::hash(token.as_bytes());
            if hash == blake3::hash(self.hook.as_bytes()) {
                return Ok(Who::Hook);
            }
            // All of them are compared: how long it takes says nothing of which it was.
            let mut known = None;
            for (name, own) in self.tokens {
                if *own == hash {
                    known = Some(name.clone());
                }
            }
            if let Some(name) = known {
                return Ok(Who::Named(name));
            }
            if !self.tokens.is_empty() {
                return Err(who_are_you("this token is not known here"));
            }
        }
        if !self.tokens.is_empty() {
            return Err(who_are_you("who are you? A token is asked for here"));
        }
        self.local(headers).map(|()| Who::Local)
    }

    /// A page elsewhere can have a browser send requests here, under a name of its own.
    fn local(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let host = text(HOST).unwrap_or_default();
        if self.is_local && !is_here(host) {
            let message = format!("this server answers to this machine alone, not as `{host}`");
            let help =
                "use http://127.0.0.1 or http://localhost, or write `tokens` into windlass.yml";
            return Err(Refusal::new(StatusCode::FORBIDDEN, message, help));
        }
        match text(ORIGIN) {
            Some(origin) if origin.split_once("://").is_none_or(|(_, from)| from != host) => {
                let message = format!("a page of {origin} may not do this");
                let help = "send the request by yourself, without `Origin`";
                Err(Refusal::new(StatusCode::FORBIDDEN, message, help))
            }
            _ => Ok(()),
        }
    }
}

fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "[::1]" | "") || name.starts_with("127.")
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

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (name.parse().expect("a name"), value.parse().expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn without_tokens_this_machine_comes_in_and_pages_of_others_do_not() {
        let tokens = BTreeMap::new();
        let door = Door { tokens: &tokens, hook: "hook", is_local: true };
        let asks = |pairs: &[(&'static str, &str)]| door.open(&headers(pairs)).ok();
        assert_eq!(asks(&[("host", "127.0.0.1:7400")]), Some(Who::Local));
        assert_eq!(asks(&[("host", "[::1]:7400")]), Some(Who::Local));
        assert_eq!(asks(&[("host", "evil.example:7400")]), None, "a name that was bound anew");
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
        let asks = |value: &str| door.open(&headers(&[("authorization", value)])).ok();
        let ci = Some(Who::Named("ci".to_owned()));
        assert_eq!(asks("Bearer very-secret"), ci);
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert_eq!(asks(&basic("anyone:very-secret")), ci);
        assert_eq!(asks(&basic("very-secret:")), ci);
        assert_eq!(asks("Bearer very-secre"), None);
        assert_eq!(asks(&basic("ci:")), None);
        let none = door.open(&headers(&[("host", "127.0.0.1")])).err();
        assert_eq!(none.map(|refusal| refusal.status), Some(StatusCode::UNAUTHORIZED));
    }
}
