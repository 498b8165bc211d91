//! Requests to the server's own API, from the same machine.

use std::fmt;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Hook, Shown};

/// Why the server did not answer as it should.
pub(super) struct Trouble(String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) struct Client<'h> {
    hook: &'h Hook,
    host: &'h str,
}

impl<'h> Client<'h> {
    pub(super) fn new(hook: &'h Hook) -> Self {
        Self { hook, host: hook.address.trim_start_matches("http://") }
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        read(self.ask(Method::POST, path, body.to_string()).await?).await
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Trouble> {
        read(self.ask(Method::GET, path, String::new()).await?).await
    }

    /// Shows an answer as it comes.
    pub(super) async fn stream(&self, path: &str, shown: &mut Shown<'_>) -> Result<(), Trouble> {
        let mut answer = self.ask(Method::GET, path, String::new()).await?;
        while let Some(frame) = answer.body_mut().frame().await {
            let frame = frame.map_err(|error| cut(&error))?;
            if let Ok(bytes) = frame.into_data() {
                shown.take(&bytes);
            }
        }
        Ok(())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Response<Incoming>, Trouble> {
        let stream = TcpStream::connect(self.host).await.map_err(|error| cut(&error))?;
        let io = TokioIo::new(stream);
        let hands = hyper::client::conn::http1::handshake(io).await;
        let (mut sender, connection) = hands.map_err(|error| cut(&error))?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.host)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", self.hook.key))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Trouble(error.to_string()))?;
        sender.send_request(request).await.map_err(|error| cut(&error))
    }
}

fn cut(error: &dyn fmt::Display) -> Trouble {
    Trouble(format!(
        "the server does not answer ({error}): it will run what is wanted when it is back"
    ))
}

async fn read(answer: Response<Incoming>) -> Result<Value, Trouble> {
    let status = answer.status();
    let bytes = answer.into_body().collect().await.map_err(|error| cut(&error))?.to_bytes();
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let message = value["error"]["message"].as_str().unwrap_or("the server cannot say why");
    Err(Trouble(format!("nothing runs: {message}")))
}
