//! Live events, in the form that browsers read (server-sent events, WHATWG HTML, section 9.2). Who lost
//! the connection goes on behind the last one it has, by `Last-Event-ID`.

use std::io;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Response};
use serde::Serialize;
use tokio::sync::mpsc;

use super::body::{Answer, Sender, Stream};

/// How often a line without meaning is sent, so that nobody on the way takes the connection for dead.
pub(crate) const ALIVE: Duration = Duration::from_secs(15);

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Where to go on after it.
    pub(crate) id: Option<String>,
    /// What it is.
    pub(crate) kind: &'static str,
    /// About it, as JSON.
    pub(crate) data: serde_json::Value,
}

/// Where events are sent.
pub(crate) struct Outlet(Sender);

/// Whoever listened is gone.
pub(crate) struct Gone;

impl Outlet {
    /// Sends events, as one piece. It waits for who listens.
    pub(crate) async fn send(&self, events: &[Event]) -> Result<(), Gone> {
        let text: String = events.iter().map(Event::text).collect();
        self.put(text).await
    }

    /// Says that there is nothing, and finds out whether somebody listens.
    pub(crate) async fn alive(&self) -> Result<(), Gone> {
        self.put(": alive\n\n".to_owned()).await
    }

    /// Returns once nobody listens any more.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }

    /// Sends events that are written out already. It waits for who listens.
    pub(crate) async fn put(&self, text: String) -> Result<(), Gone> {
        let sent: Result<(), mpsc::error::SendError<io::Result<Bytes>>> =
            self.0.send(Ok(Bytes::from(text))).await;
        sent.map_err(|_| Gone)
    }
}

impl Event {
    fn text(&self) -> String {
        let mut text = String::new();
        Self::write(&mut text, self.id.as_deref(), self.kind, &self.data);
        text
    }

    /// Writes an event out.
    pub(crate) fn write(out: &mut String, id: Option<&str>, kind: &str, data: &impl Serialize) {
        for text in id.map(|id| ["id: ", id, "\n"]).into_iter().flatten() {
            out.push_str(text);
        }
        // JSON holds no line end outside of its escapes.
        let data = serde_json::to_string(data).unwrap_or_default();
        for text in ["event: ", kind, "\ndata: ", &data, "\n\n"] {
            out.push_str(text);
        }
    }
}

/// Returns an answer of events, and where they are sent.
pub(crate) fn events() -> (Outlet, Answer) {
    let (sender, body) = Stream::open();
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    (Outlet(sender), answer)
}

/// Returns where to go on: `Last-Event-ID`, or `?from=` for who cannot send it.
pub(crate) fn from(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    header.or_else(|| parameter(query, "from")).map(str::to_owned)
}

/// Returns a parameter of a query as it is written: numbers and names need no decoding.
pub(crate) fn parameter<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}
