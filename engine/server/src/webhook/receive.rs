//! A delivery as a request: read with limits, looked at, remembered, and handed on as a hint.
//!
//! Its sender is known by its signature alone, so nothing else lets it in or keeps it out. How much memory
//! strangers can take is bounded: a body is read only after its headers look right, and few at once.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::{Method, StatusCode};
use runtime::store::Millis;
use rusqlite::{Connection, TransactionBehavior, params};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Event, Heard, Key, MOST, Moved, Refusal, Target, examine, foresee};
use crate::house::House;
use crate::http::{Answer, Request, json as answer_json};
use crate::poll::Hint;

/// Bodies that are read at once, so many at most.
const AT_ONCE: usize = 4;
static READERS: Semaphore = Semaphore::const_new(AT_ONCE);

/// How long a body may take to come, and wait for its turn. Providers give up after 10 to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long an id is known, in milliseconds. GitHub repeats deliveries for three days.
const KNOWN: Millis = 7 * 24 * 60 * 60 * 1_000;

/// How long a body is, in milliseconds: a branch may well come back to where it was.
const KNOWN_BODY: Millis = 60 * 60 * 1_000;

/// Answers a delivery for a repository.
pub(crate) async fn receive(house: &Arc<House>, request: Request, name: &str) -> Answer {
    match received(house, request, name).await {
        Ok((status, message)) => {
            let mut answer = answer_json(&json!({ "message": message }));
            *answer.status_mut() = status;
            answer
        }
        Err(refusal) => crate::http::Refusal {
            status: refusal.status(),
            message: refusal.to_string(),
            help: None,
        }
        .json(),
    }
}

async fn received(
    house: &Arc<House>,
    request: Request,
    name: &str,
) -> Result<(StatusCode, String), Refusal> {
    let key = house.hooks.get(name).ok_or(Refusal::Unknown)?;
    if request.method() != Method::POST {
        return Err(Refusal::NotPost);
    }
    foresee(key, request.headers())?;
    if request.body().size_hint().lower() > MOST as u64 {
        return Err(Refusal::TooLarge);
    }
    let (head, body) = request.into_parts();
    let read = async {
        let _turn = READERS.acquire().await;
        let body = read(body).await?;
        let (key, now) = (Arc::clone(key), house.now() / 1_000);
        let looked = move || examine(&key, &head.headers, &body, now);
        // Hashing and parsing much keeps a thread busy.
        tokio::task::spawn_blocking(looked).await.unwrap_or(Err(Refusal::Unreadable))
    };
    let heard = timeout(PATIENCE, read).await.unwrap_or(Err(Refusal::Slow))?;
    Ok(heed(house, name, heard).await)
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let whole = Limited::new(body, MOST).collect().await;
    whole.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() { Refusal::TooLarge } else { Refusal::CutShort }
    })
}

/// Does what a delivery asks for, and says what that was.
async fn heed(house: &Arc<House>, name: &str, heard: Heard) -> (StatusCode, String) {
    let ignored = |why: String| (StatusCode::ACCEPTED, format!("nothing to do: {why}"));
    let moved = match heard.event {
        Event::Ping => return (StatusCode::OK, "this webhook is set up right".to_owned()),
        Event::Other(event) => return ignored(format!("`{event}` starts nothing here")),
        Event::Moved(moved) => moved,
    };
    let Moved { target: Target::Branch(branch), after, .. } = moved else {
        return ignored("tags are not followed".to_owned());
    };
    if !house.is_followed(name, &branch) {
        return ignored(format!("the branch `{branch}` is not followed"));
    }
    let (of, now) = (name.to_owned(), house.now());
    let known = move |records: &mut _| is_known(records, &of, &heard.known_by, now);
    match house.records.ask(known).await {
        Ok(true) => return ignored("this delivery was here before".to_owned()),
        Ok(false) => {}
        // It is a hint: to look once too often harms nobody.
        Err(problem) => house.troubles.note("webhooks", problem.message(), now),
    }
    house.follows.of(name).hint(Hint { branch: branch.clone(), commit: after });
    (StatusCode::ACCEPTED, format!("looks at `{branch}` now"))
}

/// Returns whether a delivery was here before, and remembers it.
fn is_known(
    connection: &mut Connection,
    repository: &str,
    known_by: &[String],
    now: Millis,
) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut is_known = false;
    for name in known_by {
        let kept = if name.starts_with("body ") { KNOWN_BODY } else { KNOWN };
        let query = "SELECT 1 FROM delivery WHERE repository = ?1 AND id = ?2 AND at > ?3";
        let since = now.saturating_sub(kept);
        is_known |= transaction.prepare_cached(query)?.exists(params![repository, name, since])?;
    }
    if !is_known {
        for name in known_by {
            let note = "REPLACE INTO delivery (repository, id, at) VALUES (?1, ?2, ?3)";
            transaction.execute(note, params![repository, name, now])?;
        }
        transaction.execute("DELETE FROM delivery WHERE at < ?1", [now.saturating_sub(KNOWN)])?;
    }
    transaction.commit()?;
    Ok(is_known)
}

/// The keys of all repositories that take webhooks, by name.
pub(crate) type Hooks = std::collections::BTreeMap<String, Arc<Key>>;
