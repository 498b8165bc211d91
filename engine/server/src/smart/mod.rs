//! Git over HTTP, as `git help http-protocol` describes its smart form: `git upload-pack` and
//! `git receive-pack` do the work, this hands bytes through. Version 2 of the protocol too. Nothing is
//! served as plain files.
//!
//! It must not know what is in a repository.

mod inflate;
mod service;

use std::path::Path;
use std::sync::Arc;

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};

use crate::house::House;
use crate::http::{Answer, Refusal, Request};
use service::{Service, start};

/// Returns whether a path is one that `git` asks for.
pub(crate) fn is_git(parts: &[&str]) -> bool {
    let asks = matches!(
        parts[1..],
        ["info", "refs"] | ["git-upload-pack" | "git-receive-pack" | "HEAD"] | ["objects", ..]
    );
    asks || Path::new(parts[0]).extension().is_some_and(|end| end == "git")
}

/// Answers `git`.
pub(crate) async fn git_over_http(
    house: &Arc<House>,
    request: Request,
    parts: &[&str],
) -> Result<Answer, Refusal> {
    let name = parts[0].strip_suffix(".git").unwrap_or(parts[0]);
    // Known names are letters, digits, `_` and `-`: whatever else is written leads nowhere.
    if !house.knows(name) {
        let problem = house.unknown(name);
        let help = problem.advice().unwrap_or_default();
        return Err(Refusal::not_found(problem.message(), &help));
    }
    let followed = house.settings.file.repositories.iter().find(|(known, _)| known.0 == name);
    let followed = followed.and_then(|(_, repository)| repository.follow.as_ref());
    let (service, advertises) = match (request.method(), &parts[1..]) {
        (&Method::GET, ["info", "refs"]) => (asked_for(request.uri().query())?, true),
        (&Method::POST, [service]) => (named(service)?, false),
        _ => return Err(not_smart()),
    };
    if service == Service::ReceivePack
        && let Some(follow) = followed
    {
        let message = format!("`{name}` lives at {}, and is followed here", follow.url);
        return Err(Refusal::new(StatusCode::FORBIDDEN, message, "push there: it comes by itself"));
    }
    let kind = service.content_type(if advertises { "advertisement" } else { "result" });
    let mut answer = start(house, name, service, advertises, request).await?;
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0, must-revalidate"));
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        headers.insert(CONTENT_TYPE, kind);
    }
    Ok(answer)
}

fn asked_for(query: Option<&str>) -> Result<Service, Refusal> {
    let name = crate::http::parameter(query, "service").ok_or_else(not_smart)?;
    named(name)
}

fn named(name: &str) -> Result<Service, Refusal> {
    match name {
        "git-upload-pack" => Ok(Service::UploadPack),
        "git-receive-pack" => Ok(Service::ReceivePack),
        _ => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "only fetches and pushes are served here",
            "use `git clone`, `git fetch`, `git push`",
        )),
    }
}

fn not_smart() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "this server speaks the smart protocol alone",
        "use a `git` that is newer than 1.6.6, without GIT_SMART_HTTP=0",
    )
}
