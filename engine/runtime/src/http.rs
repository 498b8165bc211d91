//! One request over HTTP or HTTPS, and its answer: without redirects, with a limit on time and size.
//!
//! It must not say what was sent: headers and addresses may hold secrets.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// The most bytes of an answer.
const MOST: usize = 16 << 20;

/// An answer: its status and its body.
pub(crate) type Answer = (u16, Bytes);

/// Sends a request, and reads the answer.
///
/// # Errors
/// In words, why there is none; no certificate of this machine can be read, or none fits.
pub(crate) async fn send(request: Request<Full<Bytes>>, limit: Duration) -> Result<Answer, String> {
    let connector = HttpsConnectorBuilder::new().with_native_roots();
    let connector = connector.map_err(|error| format!("no certificate can be checked: {error}"))?;
    let connector = connector.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    let asked = async {
        let answer = client.request(request).await.map_err(|error| cause(&error))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MOST).collect().await;
        let body = body.map_err(|error| format!("the answer cannot be read: {error}"))?;
        Ok((status, body.to_bytes()))
    };
    let late = |_| Err(format!("no answer within {}", language::Duration(limit).words()));
    timeout(limit, asked).await.unwrap_or_else(late)
}

/// The last cause of an error: the others only say that there is one.
fn cause(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
