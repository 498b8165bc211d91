//! The keys and attributes of `data.http`.

use std::collections::BTreeMap;

use language::scalar::{FilePath, Url};
use language::{Period, Size, Spec, Text};

/// What a server answers, read again for each plan.
#[derive(Debug, Spec)]
pub struct HttpSpec {
    /// The address. Secrets have no place in it: they belong into `headers`.
    pub url: Url,
    /// What is asked.
    #[spec(default = "get")]
    pub method: Method,
    /// Headers to send. They are sent to this machine alone, not to where it may lead.
    #[spec(default = "{}")]
    pub headers: BTreeMap<String, Text>,
    /// The status codes that are an answer; any other is an error. A redirect that stands
    /// here is not followed.
    #[spec(default = "[200]")]
    pub status: Vec<u32>,
    /// How long it may take, up to five redirects included.
    #[spec(default = "30s")]
    pub time_limit: Period,
    /// How large the answer may be.
    #[spec(default = "1MiB")]
    pub max_size: Size,
    /// A file with certificates of authorities (PEM) that are believed beside those of this
    /// machine.
    pub authorities: Option<FilePath>,
    /// The answer is a secret: it is not shown, and `body` is a handle.
    #[spec(default = "false")]
    pub sensitive: bool,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Method {
    /// The thing itself.
    Get,
    /// What is said about it.
    Head,
}

impl Method {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
        }
    }
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct HttpObject {
    /// The answer, if it is text (UTF-8).
    pub body: Option<Text>,
    /// Its status code.
    pub answer_status: String,
    /// Those of its headers that do not change with every answer: content-type, content-language,
    /// etag, last-modified and location.
    pub answer_headers: BTreeMap<String, String>,
    /// A hash of the answer, also if it is no text. Of a secret, it is made under the project's own
    /// key.
    pub digest: String,
}
