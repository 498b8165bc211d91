//! The API, in JSON: what is served, which runs there are, what happens in them now; and what starts,
//! ends and approves runs. `/api/openapi.json` describes it, and a test compares that with the answers.
//!
//! It must not decide what runs.

mod input;
mod live;
mod measure;
mod runs;
mod shown;

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};

pub(crate) use live::output_tail;
pub(crate) use measure::{health, metrics};
pub(crate) use runs::find;
pub(crate) use shown::{details, results};

use crate::house::House;
use crate::http::{Answer, Refusal, Request, Who, json as answer_json, parameter};

/// The description of the API (`OpenAPI` 3.1).
const OPENAPI: &str = include_str!("openapi.json");

/// Answers a request for `/api/…`.
pub(crate) async fn answer(
    house: &Arc<House>,
    request: Request,
    who: &Who,
    parts: &[&str],
) -> Result<Answer, Refusal> {
    let query = request.uri().query().map(str::to_owned);
    let query = query.as_deref();
    match (request.method(), parts) {
        (&Method::GET, ["openapi.json"]) => Ok(answer_json(&openapi())),
        (&Method::GET, ["v1", "server"]) => Ok(answer_json(&shown::server(house))),
        (&Method::GET, ["v1", "repositories"]) => shown::repositories(house).await,
        (&Method::GET, ["v1", "repositories", name]) => shown::repository(house, name).await,
        (&Method::POST, ["v1", "repositories", name, "pushed"]) => {
            runs::pushed(house, request, who, name).await
        }
        (&Method::POST, ["v1", "repositories", name, "runs"]) => {
            runs::start(house, request, who, name).await
        }
        (&Method::GET, ["v1", "runs"]) => {
            let most = parameter(query, "limit").and_then(|text| text.parse().ok()).unwrap_or(50);
            let before = parameter(query, "before").and_then(|text| text.parse().ok());
            shown::list(house, parameter(query, "repository"), before, most).await
        }
        (method, ["v1", "runs", repository, number, rest @ ..]) => {
            let run = runs::find(house, repository, number).await?;
            match (method, rest) {
                (&Method::GET, []) => details(house, &run).await.map(|run| answer_json(&run)),
                (&Method::GET, ["results"]) => Ok(answer_json(&shown::results(house, &run).await?)),
                (&Method::GET, ["output"]) => Ok(live::output(house, run, query)),
                (&Method::GET, ["events"]) => {
                    Ok(live::run_events(house, run, request.headers(), query))
                }
                (&Method::GET, ["log"]) => live::log(house, run, request.headers(), query).await,
                (&Method::POST, ["cancel"]) => runs::cancel(house, who, run).await,
                (&Method::POST, ["rerun"]) => runs::rerun(house, request, who, run).await,
                (&Method::POST, ["approve"]) => runs::approve(house, request, who, run).await,
                _ => Err(unknown()),
            }
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Refusal {
    Refusal::not_found("the API has no such thing", "see /api/openapi.json")
}

/// Returns the description of the API.
fn openapi() -> Value {
    serde_json::from_str(OPENAPI).unwrap_or_else(|_| json!({}))
}
