//! One question over HTTP or HTTPS, and its answer: with a limit on time and size, and few
//! redirects.
//!
//! It must not follow a redirect from an encrypted place to one that is not, nor carry headers to
//! another machine: they may be secrets.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use language::Leaf;
use language::scalar::Url;
use model::{Fault, SecretText};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// More redirects than this are a circle.
const MOST_REDIRECTS: usize = 5;

/// A question.
pub(crate) struct Question {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, SecretText)>,
    /// The status codes that are an answer, also where they would lead on.
    pub(crate) status: Vec<u32>,
    /// For all of it, redirects included.
    pub(crate) time_limit: Duration,
    /// The most bytes that an answer may have.
    pub(crate) most: u64,
    /// Certificates that are believed beside those that this machine believes.
    pub(crate) authorities: Option<PathBuf>,
}

impl Question {
    fn wants(&self, status: u16) -> bool {
        self.status.contains(&u32::from(status))
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Asks, and reads the answer.
///
/// # Errors
/// No connection, no answer in time, an answer that is too large, a redirect that is not followed.
pub(crate) async fn ask(question: &Question) -> Result<Answer, Fault> {
    let mut body = Vec::new();
    let take = &mut |bytes: &[u8]| {
        body.extend(bytes);
        Ok(())
    };
    let (status, headers) = ask_and(question, |_| true, take).await?;
    Ok(Answer { status, headers, body })
}

/// Asks, and hands on the answer as it comes, if its status is one of those that are wanted.
pub(crate) async fn ask_into(
    question: &Question,
    take: &mut (dyn FnMut(&[u8]) -> Result<(), Fault> + Send),
) -> Result<(u16, Vec<(String, String)>), Fault> {
    ask_and(question, |status| question.wants(status), take).await
}

async fn ask_and(
    question: &Question,
    handed_on: impl Fn(u16) -> bool,
    take: &mut (dyn FnMut(&[u8]) -> Result<(), Fault> + Send),
) -> Result<(u16, Vec<(String, String)>), Fault> {
    let asked = async {
        let (answer, url) = follow(question).await?;
        let status = answer.status().as_u16();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
        if handed_on(status) {
            read(question, &url, answer, take).await?;
        }
        Ok((status, headers))
    };
    let late = |_| {
        let limit = language::Duration(question.time_limit).words();
        Err(Fault::passing(format!("{} did not answer within {limit}", question.url))
            .help("give it more with `time_limit`, or look at what it waits for"))
    };
    tokio::time::timeout(question.time_limit, asked).await.unwrap_or_else(late)
}

async fn follow(question: &Question) -> Result<(Response<Incoming>, Url), Fault> {
    let mut url = question.url.clone();
    for _ in 0..=MOST_REDIRECTS {
        let client = client(question, &url)?;
        let answer = client.request(request(question, &url)?).await;
        let answer = answer.map_err(|error| unreachable(&url, &error))?;
        if question.wants(answer.status().as_u16()) {
            return Ok((answer, url));
        }
        let location = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let (301 | 302 | 303 | 307 | 308, Some(location)) = (answer.status().as_u16(), location)
        else {
            return Ok((answer, url));
        };
        let next = Url::parse(&joined(&url, location)).map_err(|why| {
            Fault::refused(format!("{url} leads to {location}, which is no address: {why}"))
        })?;
        if url.is_https() && !next.is_https() {
            return Err(Fault::refused(format!("{url} leads to {next}, which is not encrypted"))
                .help("write the address that is meant"));
        }
        url = next;
    }
    Err(Fault::refused(format!("{} leads on more than {MOST_REDIRECTS} times", question.url))
        .help("write the address that is meant"))
}

fn request(question: &Question, url: &Url) -> Result<Request<Empty<Bytes>>, Fault> {
    let text = url.as_str().split('#').next().unwrap_or_default();
    let mut request = Request::builder().method(question.method.clone()).uri(text);
    request = request.header("user-agent", "windlass").header("accept", "*/*");
    if let Some(headers) = request.headers_mut()
        && (url.host(), url.port()) == (question.url.host(), question.url.port())
    {
        for (name, value) in &question.headers {
            let bad = || {
                Fault::refused(format!("`{name}` is no header, or its value cannot stand in one"))
                    .help("a header is ASCII text on one line")
            };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    request.body(Empty::new()).map_err(|error| Fault::refused(format!("{url}: {error}")))
}

async fn read(
    question: &Question,
    url: &Url,
    answer: Response<Incoming>,
    take: &mut (dyn FnMut(&[u8]) -> Result<(), Fault> + Send),
) -> Result<(), Fault> {
    let mut body = answer.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Fault::passing(format!("{url} broke off after {length} bytes: {}", causes(&error)))
        })?;
        let Some(bytes) = frame.data_ref() else { continue };
        length += bytes.len() as u64;
        if length > question.most {
            let most = language::Size(question.most);
            return Err(Fault::refused(format!("{url} answers with more than {most}"))
                .help("give it more with `max_size`, or ask for less"));
        }
        take(bytes)?;
    }
    Ok(())
}

/// Returns where a `Location` leads (RFC 3986, 5.2, for what servers send).
fn joined(base: &Url, location: &str) -> String {
    let scheme = if base.is_https() { "https" } else { "http" };
    let path = base.path().split('?').next().unwrap_or("/");
    let text = base.as_str();
    let authority = text.split("://").nth(1).unwrap_or_default();
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if is_absolute(location) {
        return location.to_owned();
    }
    match location.as_bytes() {
        [] | [b'#', ..] => format!("{scheme}://{authority}{}{location}", base.path()),
        [b'/', b'/', ..] => format!("{scheme}:{location}"),
        [b'/', ..] => format!("{scheme}://{authority}{location}"),
        [b'?', ..] => format!("{scheme}://{authority}{path}{location}"),
        _ => {
            let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
            format!("{scheme}://{authority}{folder}{location}")
        }
    }
}

/// RFC 3986, 3.1 and 4.2: it begins with a scheme. Later colons belong to paths and queries.
fn is_absolute(location: &str) -> bool {
    let Some((scheme, _)) = location.split_once(':') else { return false };
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.chars().all(fits)
}

type Connector = HttpsConnector<HttpConnector>;

fn client(question: &Question, url: &Url) -> Result<Client<Connector, Empty<Bytes>>, Fault> {
    let config =
        if url.is_https() { encryption(question)? } else { configured(RootCertStore::empty()) };
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config((*config).clone())
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// The certificates that this machine believes are read once: there are hundreds.
fn encryption(question: &Question) -> Result<Arc<ClientConfig>, Fault> {
    static NATIVE: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let Some(file) = &question.authorities else {
        return Ok(Arc::clone(NATIVE.get_or_init(|| configured(native()))));
    };
    let mut roots = native();
    let unreadable = |why: String| {
        Fault::refused(format!("{} holds no certificates: {why}", file.display()))
            .help("write the path of a file with certificates in PEM form")
    };
    let all = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.to_string()))?;
    let mut count = 0;
    for certificate in all {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
        count += 1;
    }
    if count == 0 {
        return Err(unreadable("nothing in it begins with BEGIN CERTIFICATE".to_owned()));
    }
    Ok(configured(roots))
}

fn native() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is one that is not believed: then the connection says so.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn configured(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    // The versions are those of the provider itself, so that they always fit.
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.unwrap_or_else(|_| ClientConfig::builder());
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

fn unreachable(url: &Url, error: &hyper_util::client::legacy::Error) -> Fault {
    let place = format!("{}:{}", url.host(), url.port());
    let why = causes(error);
    if why.contains("certificate") {
        return Fault::refused(format!("cannot trust {place}: {why}"))
            .help("name the authority that has signed it with `authorities`");
    }
    let fault = Fault::passing(format!("cannot reach {place}: {why}"));
    match why.as_str() {
        _ if why.contains("dns error") || why.contains("lookup") => fault
            .help(format!("is `{}` spelt right, and does this machine find names?", url.host())),
        _ if why.contains("refused") => fault.help("is it running, and is this its port?"),
        _ => fault,
    }
}

/// The last cause of an error: the others only say that there is one.
fn causes(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = last.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

    use super::*;

    #[test]
    fn a_redirect_leads_where_its_author_means() {
        let base = Url::parse("https://shop.test:8443/a/b?c=d").unwrap();
        let leads = [
            ("http://other.test/x", "http://other.test/x"),
            ("//other.test/x", "https://other.test/x"),
            ("/x?y", "https://shop.test:8443/x?y"),
            ("?y", "https://shop.test:8443/a/b?y"),
            ("x", "https://shop.test:8443/a/x"),
            ("/login?next=https://x/", "https://shop.test:8443/login?next=https://x/"),
            ("login?next=https://x/", "https://shop.test:8443/a/login?next=https://x/"),
            ("?next=https://x/", "https://shop.test:8443/a/b?next=https://x/"),
            ("#top", "https://shop.test:8443/a/b?c=d#top"),
            ("mailto:ada@shop.test", "mailto:ada@shop.test"),
        ];
        for (location, wanted) in leads {
            assert_eq!(joined(&base, location), wanted);
        }
    }
}
