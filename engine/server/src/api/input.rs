//! What is sent to the API: small JSON bodies, and nothing else.

use http_body_util::{BodyExt, Limited};
use hyper::StatusCode;
use serde::de::DeserializeOwned;

use crate::http::{Refusal, Request};

/// More is no order of anybody, in bytes.
const MOST: usize = 1 << 20;

/// Reads a body. An empty one asks for nothing.
pub(super) async fn body<T: DeserializeOwned + Default>(request: Request) -> Result<T, Refusal> {
    let help = "see /api/openapi.json for what belongs into it";
    let read = Limited::new(request.into_body(), MOST).collect().await;
    let bytes = read.map_err(|error| {
        let message = format!("the body cannot be read, or has more than 1 MiB: {error}");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message, help)
    })?;
    let bytes = bytes.to_bytes();
    if bytes.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::bad(format!("the body is not what is asked for: {error}"), help))
}
