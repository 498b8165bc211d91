//! Which route takes a request: of those of the socket that it came by, else of those of any socket; then
//! the host as written, else the longest wildcard, else any; then the longest prefix. The path is compared
//! as it came: the front decodes nothing and passes on what it saw.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Route;
use crate::settings::Settings;

/// Where a route takes requests, and which.
#[derive(Debug)]
pub(crate) struct Place {
    /// The socket that requests come by; nothing: any.
    pub(crate) listen: Option<SocketAddr>,
    /// As written: `shop.test`, `*.shop.test`, or nothing for any.
    pub(crate) host: String,
    pub(crate) prefix: String,
    /// The longest body that a request may have.
    pub(crate) body: Option<u64>,
    pub(crate) timeouts: Timeouts,
    /// Proxies before this front, whose `X-Forwarded-*` and `Forwarded` are believed.
    pub(crate) trusted: Vec<IpNet>,
    pub(crate) route: Arc<Route>,
}

impl Place {
    pub(crate) fn trusts(&self, from: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&from))
    }
}

/// How long each part of a request may take, in milliseconds; nothing: as long as [`Settings`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// See [`Settings::answer_ms`].
    pub answer_ms: Option<u64>,
    /// See [`Settings::stall_ms`]; how long a client may take nothing of an answer is its connection's.
    pub stall_ms: Option<u64>,
    /// See [`Settings::silence_ms`].
    pub silence_ms: Option<u64>,
}

impl Timeouts {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn answer(&self, settings: &Settings) -> Duration {
        self.answer_ms.map_or_else(|| settings.answer(), Duration::from_millis)
    }

    pub(crate) fn stall(&self, settings: &Settings) -> Duration {
        self.stall_ms.map_or_else(|| settings.stall(), Duration::from_millis)
    }

    pub(crate) fn silence(&self, settings: &Settings) -> Duration {
        self.silence_ms.map_or_else(|| settings.silence(), Duration::from_millis)
    }
}

/// All routes, by the socket that requests come by. There are a few of these, and any.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(Option<SocketAddr>, Hosts)>);

/// By host: `shop.test`; `.shop.test` for `*.shop.test`; empty for any. The longest prefix comes first.
#[derive(Debug, Default)]
struct Hosts(HashMap<Box<str>, Vec<Arc<Place>>>);

impl Table {
    pub(crate) fn new(places: impl IntoIterator<Item = Place>) -> Self {
        let mut all: Vec<(Option<SocketAddr>, Hosts)> = vec![];
        for place in places {
            let host = place.host.to_ascii_lowercase();
            let host = host.strip_prefix('*').unwrap_or(&host).into();
            let at = all.iter().position(|(listen, _)| *listen == place.listen);
            let at = at.unwrap_or_else(|| {
                all.push((place.listen, Hosts::default()));
                all.len() - 1
            });
            all[at].1.0.entry(host).or_default().push(Arc::new(place));
        }
        // Any comes last.
        all.sort_by_key(|(listen, _)| listen.is_none());
        for places in all.iter_mut().flat_map(|(_, hosts)| hosts.0.values_mut()) {
            places.sort_by_key(|place| Reverse(place.prefix.len()));
        }
        Self(all)
    }

    /// Returns what takes requests that come by a socket, for a host (with or without port) and a path.
    pub(crate) fn find(&self, by: SocketAddr, host: &str, path: &str) -> Option<&Arc<Place>> {
        let host = without_port(host);
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return self.of_lower(by, &host.to_ascii_lowercase(), path);
        }
        self.of_lower(by, host, path)
    }

    fn of_lower(&self, by: SocketAddr, host: &str, path: &str) -> Option<&Arc<Place>> {
        let mut heard = self.0.iter().filter(|(listen, _)| listen.is_none_or(|own| own == by));
        heard.find_map(|(_, hosts)| hosts.find(host, path))
    }
}

impl Hosts {
    fn find(&self, host: &str, path: &str) -> Option<&Arc<Place>> {
        let of = |host: &str| self.0.get(host)?.iter().find(|place| covers(&place.prefix, path));
        let dots = host.match_indices('.').map(|(at, _)| &host[at..]);
        of(host).or_else(|| dots.filter(|_| !host.is_empty()).find_map(of)).or_else(|| of(""))
    }
}

/// Returns the host alone, also without the dot that may end it.
fn without_port(host: &str) -> &str {
    let name = match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => &host[..at],
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

/// `/api` covers `/api`, `/api/x` and `/api?x`, not `/apis`.
fn covers(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| {
        prefix.is_empty()
            || prefix.ends_with('/')
            || rest.is_empty()
            || rest.starts_with(['/', '?'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [(&str, &str, &str); 6] = [
        ("any", "", "/"),
        ("any-api", "", "/api"),
        ("shop", "shop.test", "/"),
        ("shop-cart", "Shop.test", "/cart/"),
        ("wild", "*.shop.test", "/"),
        ("wilder", "*.eu.shop.test", "/"),
    ];

    fn found(host: &str, path: &str) -> Option<&'static str> {
        let routes = PLACES.map(|_| Arc::new(Route::new()));
        let place = |((_, host, prefix), route): (&(&str, &str, &str), &Arc<Route>)| {
            let (host, prefix) = ((*host).into(), (*prefix).into());
            place_of(None, host, prefix, route.clone())
        };
        let table = Table::new(PLACES.iter().zip(&routes).map(place));
        let found = &table.find(socket(80), host, path)?.route;
        let at = routes.iter().position(|route| Arc::ptr_eq(route, found));
        at.map(|at| PLACES[at].0)
    }

    #[test]
    fn host_goes_before_wildcard_before_any_and_the_longest_prefix_wins() {
        let cases = [
            ("shop.test", "/", "shop"),
            ("SHOP.test:8080", "/x", "shop"),
            ("shop.test.", "/x", "shop"),
            ("shop.test", "/cart/1", "shop-cart"),
            ("shop.test", "/cart", "shop"),
            ("a.shop.test", "/", "wild"),
            ("a.b.shop.test", "/", "wild"),
            ("a.eu.shop.test", "/", "wilder"),
            ("eu.shop.test", "/", "wild"),
            ("other.test", "/api", "any-api"),
            ("other.test", "/api/x", "any-api"),
            ("other.test", "/api?x", "any-api"),
            ("other.test", "/apis", "any"),
            ("xshop.test", "/", "any"),
            ("[::1]:80", "/", "any"),
            ("", "/", "any"),
        ];
        for (host, path, name) in cases {
            assert_eq!(found(host, path), Some(name), "{host} {path}");
        }
    }

    #[test]
    fn what_no_prefix_covers_is_nobodys() {
        let route = Arc::new(Route::new());
        let (host, prefix) = (String::new(), "/api".into());
        let place = place_of(None, host, prefix, route);
        assert!(Table::new([place]).find(socket(80), "shop.test", "/").is_none());
    }

    #[test]
    fn a_route_takes_what_comes_by_its_own_socket_and_goes_before_one_of_any() {
        let routes = [0; 2].map(|_| Arc::new(Route::new()));
        let places = [None, Some(socket(80))].into_iter().zip(&routes).map(|(listen, route)| {
            let (host, prefix) = (String::new(), "/".into());
            place_of(listen, host, prefix, route.clone())
        });
        let table = Table::new(places);
        let found = |port| table.find(socket(port), "shop.test", "/").map(|place| &place.route);
        assert!(found(80).is_some_and(|route| Arc::ptr_eq(route, &routes[1])));
        assert!(found(81).is_some_and(|route| Arc::ptr_eq(route, &routes[0])));
    }

    fn place_of(
        listen: Option<SocketAddr>,
        host: String,
        prefix: String,
        route: Arc<Route>,
    ) -> Place {
        Place {
            listen,
            host,
            prefix,
            body: None,
            timeouts: Timeouts::default(),
            trusted: vec![],
            route,
        }
    }

    fn socket(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }
}
