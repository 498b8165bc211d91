//! One message to an API, and its answer: without redirects, with a limit on time and size.
//!
//! It must not show a token: not in an error, not to another host.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::message::Message;

/// For all of it. An API that takes longer is asked again later.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most bytes of an answer.
const MOST: usize = 64 * 1024;

/// What an API says.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// How it went.
    pub(crate) status: StatusCode,
    /// What stands before the body.
    pub(crate) headers: HeaderMap,
    /// The body, as far as it is text.
    pub(crate) text: String,
}

/// Asks APIs; connections are kept.
#[derive(Clone)]
pub(crate) struct Api(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Api {
    /// Returns a client that believes whom this machine believes.
    pub(crate) fn new() -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(encryption())
            .https_or_http()
            .enable_http1()
            .build();
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_idle_timeout(Duration::from_secs(15)).pool_max_idle_per_host(1);
        Self(client.build(connector))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn send(&self, message: &Message) -> Result<Answer, String> {
        let request = request(message)?;
        let asked = async {
            let answer = self.0.request(request).await.map_err(|error| cause(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MOST).collect().await;
            let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Ok(Answer { status: head.status, headers: head.headers, text })
        };
        let late = |_| Err(format!("no answer within {} s", PATIENCE.as_secs()));
        timeout(PATIENCE, asked).await.unwrap_or_else(late)
    }
}

fn request(message: &Message) -> Result<Request<Full<Bytes>>, String> {
    let body = Full::new(Bytes::from(message.body.to_string()));
    let mut request = Request::post(&message.url).body(body).map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    headers.insert("user-agent", HeaderValue::from_static("windlass"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in &message.headers {
        let bad = |_| "the token cannot stand in a header: it is one line of ASCII".to_owned();
        let mut value = HeaderValue::from_str(value.expose()).map_err(bad)?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(request)
}

fn encryption() -> ClientConfig {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    let config = || {
        let mut roots = RootCertStore::empty();
        // One that cannot be read is one that is not believed: then the connection says so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        // The versions are those of the provider itself, so that they always fit.
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.unwrap_or_else(|_| ClientConfig::builder());
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    CONFIG.get_or_init(config).clone()
}

/// The last cause of an error: the others only say that there is one.
fn cause(error: &hyper_util::client::legacy::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = last.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
