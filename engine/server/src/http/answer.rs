//! Answers in text, JSON and HTML, and refusals that say what to do.

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use runtime::engine::Problem;
use serde::Serialize;
use serde_json::json;

use super::body::{Answer, whole};

/// Why a request is not answered as it was asked.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The status (RFC 9110, section 15).
    pub(crate) status: StatusCode,
    /// What, and why.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
}

impl Refusal {
    /// Returns a refusal that says what to do.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>, help: &str) -> Self {
        Self { status, message: message.into(), help: Some(help.to_owned()) }
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: impl Into<String>, help: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message, help)
    }

    /// What was sent means nothing.
    pub(crate) fn bad(message: impl Into<String>, help: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message, help)
    }

    /// Returns it as JSON: `{"error": {"message", "help"}}`.
    pub(crate) fn json(&self) -> Answer {
        let body = json!({ "error": { "message": self.message, "help": self.help } });
        with(self.status, "application/json", body.to_string())
    }

    /// Returns it as text, which `git` shows to who pushes.
    pub(crate) fn text(&self) -> Answer {
        let help = self.help.as_ref().map(|help| format!("  try: {help}\n")).unwrap_or_default();
        text(self.status, format!("{}\n{help}", self.message))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let status = match problem.exit_code() {
            2 => StatusCode::NOT_FOUND,
            4 => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, message: problem.message(), help: problem.advice() }
    }
}

/// Returns an answer as JSON.
pub(crate) fn json(what: &impl Serialize) -> Answer {
    let text = serde_json::to_string(what).unwrap_or_default();
    with(StatusCode::OK, "application/json", text)
}

/// Returns an answer as text.
pub(crate) fn text(status: StatusCode, text: String) -> Answer {
    with(status, "text/plain; charset=utf-8", text)
}

/// Returns a page. It needs no script, loads nothing from elsewhere and cannot be framed.
pub(crate) fn html(status: StatusCode, page: String) -> Answer {
    let mut answer = with(status, "text/html; charset=utf-8", page);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                  form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    set(&mut answer, "content-security-policy", policy);
    set(&mut answer, "referrer-policy", "no-referrer");
    answer
}

/// Returns an answer that is never kept by anybody on the way.
fn with(status: StatusCode, kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(whole(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    set(&mut answer, "x-content-type-options", "nosniff");
    answer
}

fn set(answer: &mut Answer, name: &'static str, value: &'static str) {
    let name = HeaderName::from_static(name);
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}
