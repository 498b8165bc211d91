//! `data.http`: what a server answers, read again for each plan.
//!
//! It asks questions that change nothing: GET and HEAD.

mod spec;

use model::{
    Change, Context, Difference, Digest, Fault, Found, Kind, Known, Looked, Object, Order, Reads,
};
use model::{Secrets, Token, Tree, Value};

pub use spec::{HttpObject, HttpSpec, Method};

use super::sensitive;
use crate::http::{self, Answer, Question};
use crate::text::{Sieve, revealed_map, sealed_map};

/// What is remembered of an answer's headers: the others change with every answer.
const HEADERS: [&str; 5] =
    ["content-type", "content-language", "etag", "last-modified", "location"];

/// So many questions are asked at once.
const AT_ONCE: usize = 16;

/// What a server answers.
pub struct DataHttp;

impl Kind for DataHttp {
    const NAME: &'static str = "data.http";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const ORDER: Order = Order::CreateFirst;
    const READS: Reads = Reads::BySpec;
    type Spec = HttpSpec;
    type Object = HttpObject;

    fn diff(spec: &HttpSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        let mut found = Difference::among(object, keys(spec, secrets));
        found.extend(sensitive::difference(secrets, object, "body", &kept(&object.id)));
        found
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<HttpSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let mut found: Vec<Looked> = known.iter().map(|_| Ok(None)).collect();
        let mut waiting = known.iter().enumerate();
        // When this future is dropped the set is, and so is every question in it.
        let mut asking = tokio::task::JoinSet::new();
        loop {
            while asking.len() < AT_ONCE
                && let Some((at, known)) = waiting.next()
            {
                match known.spec.as_ref().map(|spec| question(context, spec)) {
                    Some(Ok(question)) => {
                        _ = asking.spawn(async move { (at, http::ask(&question).await) });
                    }
                    Some(Err(fault)) => found[at] = Err(fault),
                    None => {}
                }
            }
            let Some(asked) = asking.join_next().await else { break };
            let (at, answer) = asked.map_err(|error| Fault::broken(error.to_string()))?;
            found[at] = answer.and_then(|answer| seen(context, &known[at], &answer));
        }
        Ok(found)
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, HttpSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let id = change.object().map_or(token.as_str(), |object| object.id.as_str());
        let Some(spec) = change.wanted() else {
            return context.secrets().forget(&kept(id)).map(|()| None);
        };
        context.progress.status(&format!("{} {}", spec.method.name(), spec.url));
        let answer = http::ask(&question(context, spec)?).await?;
        let text = checked(context, spec, &answer)?;
        let body = match &text.body {
            Some(body) if spec.sensitive => sensitive::kept(context.secrets(), &kept(id), body)?,
            body => {
                context.secrets().forget(&kept(id))?;
                body.as_deref().map_or(Value::Null, Value::from)
            }
        };
        Ok(Some(described(context, id, spec, body, &text)))
    }

    async fn find(&self, _: &Context, _: Change<'_, HttpSpec>, _: &Token) -> Result<Found, Fault> {
        // Asking again costs nothing; and what is kept can be forgotten twice.
        Ok(Found::Nothing)
    }
}

/// An answer that was asked for.
struct Checked {
    status: u16,
    /// None: it is no text.
    body: Option<String>,
    headers: Tree,
    digest: String,
}

fn checked(context: &Context, spec: &HttpSpec, answer: &Answer) -> Result<Checked, Fault> {
    let url = &spec.url;
    let body = String::from_utf8(answer.body.clone()).ok();
    if !spec.status.contains(&u32::from(answer.status)) {
        let wanted = spec.status.iter().map(u32::to_string).collect::<Vec<_>>().join(" or ");
        let message = format!("{url} answers {}, not {wanted}", answer.status);
        let fault = match answer.status {
            429 | 500.. => Fault::passing(message),
            _ => Fault::refused(message),
        };
        let lines = body.as_deref().filter(|_| !spec.sensitive).unwrap_or_default().lines();
        return Err(fault.details(lines.take(10).map(str::to_owned)));
    }
    let sieve = Sieve::of(context.secrets(), spec.headers.values())?;
    let headers = answer.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str()));
    let headers: Tree =
        headers.map(|(name, value)| (name.clone(), sieve.strain(value).into())).collect();
    let shown = body.as_deref().and_then(|body| sieve.shows(body));
    if let Some(name) = shown.filter(|_| !spec.sensitive) {
        return Err(Fault::refused(format!("the answer of {url} shows the secret `{name}`"))
            .help("say `sensitive: true`: then the answer is a secret too"));
    }
    let digest = Digest::of(&answer.body).to_string();
    // A hash in the open could be tried with guesses.
    let digest = if spec.sensitive { context.secrets().hash(&digest).to_string() } else { digest };
    Ok(Checked { status: answer.status, body, headers, digest })
}

fn described(context: &Context, id: &str, spec: &HttpSpec, body: Value, text: &Checked) -> Object {
    let mut object = Object::new(id, keys(spec, context.secrets()));
    let attributes = [
        ("body", body),
        ("answer_status", text.status.into()),
        ("answer_headers", text.headers.clone().into()),
        ("digest", text.digest.as_str().into()),
    ];
    object.attributes.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    object
}

fn keys(spec: &HttpSpec, secrets: &dyn Secrets) -> [(&'static str, Value); 6] {
    let status = spec.status.iter().map(|status| Value::from(*status)).collect::<Vec<_>>();
    [
        ("url", spec.url.as_str().into()),
        ("method", spec.method.name().into()),
        ("headers", sealed_map(secrets, &spec.headers)),
        ("status", status.into()),
        ("authorities", spec.authorities.as_ref().map(|path| path.0.as_str()).into()),
        ("sensitive", spec.sensitive.into()),
    ]
}

fn question(context: &Context, spec: &HttpSpec) -> Result<Question, Fault> {
    Ok(Question {
        method: match spec.method {
            Method::Get => hyper::Method::GET,
            Method::Head => hyper::Method::HEAD,
        },
        url: spec.url.clone(),
        headers: revealed_map(context.secrets(), &spec.headers)?,
        status: spec.status.clone(),
        time_limit: spec.time_limit.0,
        most: spec.max_size.0,
        authorities: spec.authorities.as_ref().map(|path| context.place(&path.0)),
    })
}

/// The name under which an answer that is a secret is kept.
/// What was answered, as a resource.
fn seen(context: &Context, known: &Known<HttpSpec>, answer: &http::Answer) -> Looked {
    let Some(spec) = &known.spec else { return Ok(None) };
    let text = checked(context, spec, answer)?;
    let body = match &text.body {
        Some(body) if spec.sensitive => sensitive::seen(context.secrets(), &kept(&known.id), body),
        body => body.as_deref().map_or(Value::Null, Value::from),
    };
    Ok(Some(described(context, &known.id, spec, body, &text)))
}

fn kept(id: &str) -> String {
    format!("answer-{id}")
}
