//! Who answers which request. One list, so that one can see all doors of the house.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::Request;
use super::access::{Door, Who, challenged};
use super::answer::Refusal;
use super::body::Answer;
use crate::house::House;
use crate::{api, page, smart, webhook};

/// Answers a request.
pub(crate) async fn route(house: &Arc<House>, request: Request) -> Answer {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (what, answer) = answered(house, request, &parts).await;
    house.counters.count(what, answer.status().as_u16());
    answer
}

async fn answered(house: &Arc<House>, request: Request, parts: &[&str]) -> (&'static str, Answer) {
    // Whether it lives may be asked by everybody.
    if parts == ["health"] {
        return ("health", api::health(house).await);
    }
    // Who sends them is known by their signature alone.
    if let ["hooks", name] = parts {
        return ("hook", webhook::receive(house, request, name).await);
    }
    let door = Door {
        tokens: &house.settings.tokens,
        hook: &house.hook_key,
        is_local: house.settings.file.listen.0.ip().is_loopback(),
    };
    let is_git = parts.len() > 1 && smart::is_git(parts);
    let opened = door.open(request.method(), request.headers());
    let who = match opened.and_then(|who| hook_may(who, &request, parts)) {
        Ok(who) => who,
        Err(refusal) if is_git => return ("git", challenged(refusal.text())),
        Err(refusal) => return ("refused", challenged(refusal.json())),
    };
    if is_git {
        let answer = smart::git_over_http(house, request, parts).await;
        return ("git", answer.unwrap_or_else(|refusal| refusal.text()));
    }
    match parts {
        ["metrics"] => ("metrics", api::metrics(house).await.unwrap_or_else(|r| r.json())),
        ["api", rest @ ..] => {
            let answer = api::answer(house, request, &who, rest).await;
            ("api", answer.unwrap_or_else(|refusal| refusal.json()))
        }
        _ if request.method() == Method::GET || request.method() == Method::HEAD => {
            ("page", page::answer(house, parts, request.uri().query()).await)
        }
        _ => {
            let message = format!("pages are read, not sent: {}", request.method());
            let help = "changes go through /api/v1: see /api/openapi.json";
            ("page", Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message, help).json())
        }
    }
}

/// What the hook of a push knows others on this machine may learn: it opens only what a push needs.
fn hook_may(who: Who, request: &Request, parts: &[&str]) -> Result<Who, Refusal> {
    let reads = request.method() == Method::GET && parts.starts_with(&["api", "v1", "runs"]);
    let tells = matches!(parts, ["api", "v1", "repositories", _, "pushed"]);
    if who != Who::Hook || reads || tells {
        return Ok(who);
    }
    let message = "the key of a push opens nothing but what a push needs";
    let help = "send a token of your own";
    Err(Refusal::new(StatusCode::FORBIDDEN, message, help))
}
