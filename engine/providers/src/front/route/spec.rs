//! The keys and attributes of `front.route`.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use language::shape::ScalarShape;
use language::spec::Leaf;
use language::{Duration, FilePath, HostName, Keys, Period, Size, Spec};

use crate::process::service::HttpPath;

/// Requests that come to an address of this machine, by host and path, and who answers them. The front
/// is a process of the project's own, which this starts. A change of `to` or `version` is a cutover: the
/// new version must be in health, takes every new request from one moment to the next, is watched, and
/// goes again by itself if it is too bad; the old one answers to the end what it has begun.
#[derive(Debug, Spec)]
#[spec(check = check)]
pub struct RouteSpec {
    /// The address and port on which requests come. Several routes may share it.
    pub listen: Socket,
    /// The hosts that are asked for: `shop.test`, or `*.shop.test` for all names below. Without any,
    /// every host that no other route of this address has.
    #[spec(default = "[]")]
    pub hosts: Vec<HostPattern>,
    /// Where the paths begin: `/api` is `/api` and all below it. The longest one wins.
    #[spec(default = "/")]
    pub path: HttpPath,
    /// Who answers: `${web.address}` of a `process.service`, any other address, or a list of them.
    pub to: Option<Targets>,
    /// Instead of `to`: sends everybody on to `https`, at port 443 or the one that is named. The answer is
    /// 308, with the same host, path and query.
    pub redirect: Option<Redirect>,
    /// Which version that is, as receipts and a quarantine name it: `${web.version}`, or a text of your
    /// own, such as a commit. Without it the addresses are the name.
    pub version: Option<String>,
    /// Speaks HTTPS, by HTTP/2 where the client can.
    pub tls: Option<TlsFiles>,
    /// How targets show that they are in health; without it, by being there to be connected to.
    #[spec(default = "{}")]
    pub health: RouteHealth,
    /// The longest body that a request may have; without it any.
    pub max_body: Option<Size>,
    /// How long each part of a request may take.
    #[spec(default = "{}")]
    pub timeouts: RouteTimeouts,
    /// Proxies before this front, such as a load balancer: what they say in `X-Forwarded-*` and `Forwarded`
    /// of who asks, and by HTTPS or not, is handed on. What anybody else says of that is not.
    #[spec(default = "[]")]
    pub trusted_proxies: Vec<Network>,
    /// How long the new version may take to be in health before the change counts as failed. No request
    /// goes to it before.
    #[spec(default = "30s")]
    pub ready_within: Period,
    /// How long a new version is watched; that long again where the front dies meanwhile.
    #[spec(default = "5s")]
    pub watch: Duration,
    /// More lost requests than this while it is watched, and it goes again.
    #[spec(default = "0")]
    pub max_lost: u32,
    /// A larger part of its requests than this lost or answered with 500 or more while it is watched,
    /// and it goes again: after 20 answers at once, and of fewer when the time is over.
    #[spec(default = "1%")]
    pub max_error_rate: Rate,
    /// How long the old version may take for what it has begun; what is left is cut.
    #[spec(default = "30s")]
    pub drain: Duration,
    /// A version that may come all the same: it is in quarantine, or failed the smoke test of a pipeline.
    pub pardon: Option<String>,
    /// The version that this change relieves goes to quarantine. `windlass rollback` says so.
    #[spec(default = "false")]
    pub for_good: bool,
}

/// A network: all addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

impl Leaf for Network {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a network", &["string"])
        .many("networks")
        .like(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.into()));
        }
        let network: IpNet = text.parse().map_err(|_| "write it as `10.0.0.0/8`".to_owned())?;
        match network.trunc() {
            whole if whole == network => Ok(Self(network)),
            whole => {
                Err(format!("an address within {whole}: write the network, or the address alone"))
            }
        }
    }
}

/// How long each part of a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub struct RouteTimeouts {
    /// How long the target may take to begin its answer, once it has all of the request; then it is 504.
    #[spec(default = "60s")]
    pub answer: Period,
    /// How long a client may send nothing of a body (then it is 408), and the target may pause within its
    /// answer.
    #[spec(default = "60s")]
    pub stall: Period,
    /// How long a WebSocket or a stream of events may be silent.
    #[spec(default = "1h")]
    pub silence: Period,
}

/// What it gives. The numbers are those of the last cutover.
#[derive(Debug, Spec)]
pub struct RouteObject {
    /// `running`, `stopped` when no front serves it, `unkept` when nobody would start the front again,
    /// or `closed` when its address could not be opened.
    #[spec(follows = "")]
    pub state: String,
    /// Where it can be seen in a browser on this machine.
    #[spec(follows = "listen, hosts, path, tls")]
    pub url: String,
    /// What came of the last cutover: `held`, or `reverted` with why.
    pub outcome: Option<String>,
    /// When it was.
    pub cut_over: Option<String>,
    /// The version that it relieved.
    pub previous_version: Option<String>,
    /// Where that one was: `windlass rollback` goes back to it as long as no other version has taken its
    /// place. Null once it is in quarantine.
    pub previous_to: Option<String>,
    /// Requests that the relieved version answered in its whole time.
    pub served: Option<u64>,
    /// Requests that it lost.
    pub lost: Option<u64>,
    /// How many of the lost were cut at the end of `drain`.
    pub late: Option<u64>,
    /// How many of the answers had a status of 500 or more.
    pub errors: Option<u64>,
    /// The longest time of an answer, in milliseconds.
    pub slowest_ms: Option<u64>,
    /// All of it in a line, with what the new version did while it was watched.
    pub receipt: Option<String>,
}

/// Who answers.
#[derive(Clone, Debug, Spec)]
pub enum Targets {
    /// One address.
    One(Socket),
    /// Several addresses that are equally good.
    Many(Vec<Socket>),
}

/// The files of a certificate. When they change, the new one is served within a second or two, without
/// an apply; `cert.certificate` changes them in one step.
#[derive(Clone, Debug, Spec)]
pub struct TlsFiles {
    /// The certificate with those of its authorities behind it: `${site.chain_path}`.
    pub certificate: FilePath,
    /// Its private key: `${site.key_path}`.
    pub key: FilePath,
}

/// How targets show that they are in health.
#[derive(Clone, Debug, Spec)]
pub struct RouteHealth {
    /// A path that is answered with a status from 200 to 399; without it they need only be there to be
    /// connected to.
    pub http: Option<HttpPath>,
    /// The time between two checks.
    #[spec(default = "2s")]
    pub interval: Period,
    /// How long an answer may take.
    #[spec(default = "2s")]
    pub timeout: Period,
    /// So many failures in a row take a target out.
    #[spec(default = "3")]
    pub fall: u16,
    /// So many passes in a row put it back.
    #[spec(default = "2")]
    pub rise: u16,
}

/// Where everybody is sent on to: a port of HTTPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirect(pub u16);

impl Leaf for Redirect {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a redirect", &["string"])
        .many("redirects")
        .like(&["https", "https:8443"])
        .pattern(r"^https(:[0-9]{1,5})?$");

    fn parse(text: &str) -> Result<Self, String> {
        let advice = || {
            "write `https`, or `https:PORT` where HTTPS has another port than 443, such as \
             `https:8443`; host, path and query stay as they are"
                .to_owned()
        };
        match text.strip_prefix("https") {
            Some("") => Ok(Self(HTTPS)),
            Some(rest) => {
                let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
                port.filter(|port| *port > 0).map(Self).ok_or_else(advice)
            }
            None => Err(advice()),
        }
    }
}

impl std::fmt::Display for Redirect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            HTTPS => f.write_str("https"),
            port => write!(f, "https:{port}"),
        }
    }
}

/// The usual port of HTTPS.
const HTTPS: u16 = 443;

/// An address and a port of TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket(pub SocketAddr);

impl Leaf for Socket {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("an address and a port", &["string"])
        .many("addresses and ports")
        .like(&["127.0.0.1:8080", "0.0.0.0:443", "[::1]:8080"])
        .pattern(r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$");

    fn parse(text: &str) -> Result<Self, String> {
        let why = |text: &str| match text {
            _ if text.contains("://") => "leave out what stands before the address",
            _ if text.parse::<u16>().is_ok() => "an address is missing, such as `127.0.0.1:8080`",
            _ if text.parse::<IpAddr>().is_ok() => "a port is missing, such as `127.0.0.1:8080`",
            _ => "write an IP address, `:` and a port",
        };
        match text.parse::<SocketAddr>() {
            Ok(socket) if socket.port() == 0 => Err("a port is 1 or more".to_owned()),
            Ok(socket) => Ok(Self(socket)),
            Err(_) => Err(why(text).to_owned()),
        }
    }
}

/// A host, or all names below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(pub String);

impl Leaf for HostPattern {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a host, or `*.` and a host for all names below it", &["string"])
            .many("hosts")
            .like(&["shop.test", "*.shop.test", "127.0.0.1"]);

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(match address {
                IpAddr::V4(_) => text.to_owned(),
                // As the header `Host` has it.
                IpAddr::V6(_) => format!("[{address}]"),
            }));
        }
        let below = text.strip_prefix("*.");
        let name = HostName::parse(below.unwrap_or(text))?.0.to_ascii_lowercase();
        Ok(Self(if below.is_some() { format!("*.{name}") } else { name }))
    }
}

/// A part of a whole, in parts of a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub u64);

impl Leaf for Rate {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a percentage", &["string"])
        .many("percentages")
        .like(&["1%", "0.1%"])
        .pattern(r"^[0-9]+(\.[0-9]{1,4})?%$");

    fn parse(text: &str) -> Result<Self, String> {
        let advice = || "write a number from 0 to 100 and `%`, such as `0.5%`".to_owned();
        let number = text.strip_suffix('%').ok_or_else(advice)?.trim();
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || part.len() > 4 || !digits(whole) || !digits(part) {
            return Err(advice());
        }
        // Ten thousand parts of a million are one of a hundred.
        let parts = format!("{whole}{part:0<4}").parse().map_err(|_| advice())?;
        if parts > 1_000_000 { Err(advice()) } else { Ok(Self(parts)) }
    }
}

impl Targets {
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        match self {
            Self::One(one) => vec![one.0],
            Self::Many(many) => many.iter().map(|one| one.0).collect(),
        }
    }
}

impl RouteSpec {
    /// What its version is called.
    pub(super) fn version(&self) -> String {
        match (&self.redirect, &self.version) {
            (Some(redirect), _) => format!("redirect to {redirect}"),
            (None, Some(version)) => version.clone(),
            (None, None) => words(&self.targets()),
        }
    }

    /// Who answers; nobody, where everybody is sent on.
    pub(super) fn targets(&self) -> Vec<SocketAddr> {
        self.to.as_ref().map(Targets::addresses).unwrap_or_default()
    }

    /// Whether it may come whatever is held against it.
    pub(super) fn is_pardoned(&self) -> bool {
        self.pardon.as_ref() == Some(&self.version())
    }
}

/// Addresses as one text.
pub(super) fn words(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ")
}

fn check(spec: &RouteSpec, keys: &mut Keys<'_, '_, '_>) {
    let to = spec.targets();
    match &spec.redirect {
        Some(redirect) => check_redirect(spec, *redirect, keys),
        None if to.is_empty() => {
            let why = "who answers? Name an address at least, or send everybody on to HTTPS with \
                       `redirect: https`";
            keys.refuse("to", why);
        }
        None => {}
    }
    if spec.path.0.contains('?') {
        keys.refuse("path", "a query is no part of it");
    }
    let hosts: Vec<&String> = spec.hosts.iter().map(|host| &host.0).collect();
    if let Some(twice) = (1..hosts.len()).find(|at| hosts[..*at].contains(&hosts[*at])) {
        keys.refuse("hosts", format!("`{}` stands here twice", hosts[twice]));
    }
    if to.contains(&spec.listen.0) {
        keys.refuse("to", "it would answer itself: this is the address where it listens");
    }
}

/// Nobody answers there: what is about who does says nothing.
const ABOUT_TARGETS: [&str; 12] = [
    "to",
    "version",
    "health",
    "max_body",
    "timeouts",
    "trusted_proxies",
    "ready_within",
    "watch",
    "max_lost",
    "max_error_rate",
    "pardon",
    "for_good",
];

fn check_redirect(spec: &RouteSpec, redirect: Redirect, keys: &mut Keys<'_, '_, '_>) {
    for key in ABOUT_TARGETS {
        keys.exclude("redirect", key);
    }
    let port = redirect.0;
    if spec.listen.0.port() == port {
        let why = format!(
            "it would send everybody back to itself: this is the port where it listens. Listen on \
             another one (80, say), and let another route speak HTTPS on {port}"
        );
        keys.refuse("redirect", why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_part_of_a_hundred() {
        for (text, parts) in [("1%", 10_000), ("0.5%", 5_000), ("100%", 1_000_000), ("0%", 0)] {
            assert_eq!(Rate::parse(text), Ok(Rate(parts)), "{text}");
        }
        for text in ["1", "101%", "-1%", ".5%", "0.00001%", "%", "1e2%"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_redirect_goes_to_a_port_of_https() {
        for (text, port) in [("https", 443), ("https:443", 443), ("https:8443", 8443)] {
            assert_eq!(Redirect::parse(text), Ok(Redirect(port)), "{text}");
        }
        for text in ["http", "https:", "https:0", "https:70000", "https://shop.test", "8443", ""] {
            assert!(Redirect::parse(text).expect_err(text).starts_with("write `https`"), "{text}");
        }
        assert_eq!(Redirect(443).to_string(), "https");
        assert_eq!(Redirect(8443).to_string(), "https:8443");
    }

    #[test]
    fn a_network_is_written_without_the_rest_of_an_address() {
        for text in ["10.0.0.0/8", "192.0.2.7", "192.0.2.7/32", "::1", "2001:db8::/32", "0.0.0.0/0"]
        {
            assert!(Network::parse(text).is_ok(), "{text}");
        }
        for text in ["10.0.0.0/33", "10.0.0/8", "shop.test", "", "::/129"] {
            assert_eq!(Network::parse(text), Err("write it as `10.0.0.0/8`".into()), "{text}");
        }
        let why = Network::parse("10.1.2.3/8").expect_err("an address");
        assert!(why.starts_with("an address within 10.0.0.0/8"), "{why}");
    }

    #[test]
    fn what_is_missing_from_an_address_is_said() {
        let why = |text: &str| Socket::parse(text).expect_err(text);
        assert_eq!(why("8080"), "an address is missing, such as `127.0.0.1:8080`");
        assert_eq!(why("127.0.0.1"), "a port is missing, such as `127.0.0.1:8080`");
        assert_eq!(why("http://127.0.0.1:80"), "leave out what stands before the address");
        assert_eq!(why("127.0.0.1:0"), "a port is 1 or more");
    }

    #[test]
    fn hosts_are_compared_as_one_name() {
        assert_eq!(HostPattern::parse("*.Shop.test"), Ok(HostPattern("*.shop.test".into())));
        assert_eq!(HostPattern::parse("::1"), Ok(HostPattern("[::1]".into())));
        assert!(HostPattern::parse("*").is_err());
    }
}
