//! When a message that was not taken is sent again, by what the answer says.
//!
//! Sources: RFC 9110, 10.2.3 (`Retry-After`); docs.github.com, "Rate limits for the REST API"
//! (`X-RateLimit-Remaining`, `X-RateLimit-Reset`); docs.gitlab.com, "Rate limits" (`RateLimit-Reset`).
//! Pure: the time is handed in.

use hyper::{HeaderMap, StatusCode};

use super::client::Answer;

/// The longest between two tries, in milliseconds.
const MOST: u64 = 60 * 60 * 1_000;

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken, or was there already.
    Taken,
    /// It is tried again, in so many milliseconds at least; others to the same API wait as long.
    Later {
        /// See [`Outcome::Later`].
        wait: u64,
        /// Why, for people.
        why: String,
        /// Whether all messages to this API wait.
        all: bool,
    },
}

/// Returns what an answer means to a message that was tried so often before. `now` is in milliseconds since
/// 1970.
pub(crate) fn outcome(answer: &Result<Answer, String>, tries: u32, now: u64) -> Outcome {
    let backoff = 5_000_u64.saturating_mul(1 << tries.min(16)).min(MOST);
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Outcome::Later { wait: backoff, why: why.clone(), all: false },
    };
    let Answer { status, headers, text } = answer;
    // GitLab refuses to be told the same again.
    let is_known = *status == StatusCode::BAD_REQUEST && text.contains("Cannot transition status");
    if status.is_success() || is_known {
        return Outcome::Taken;
    }
    let limited = limited(*status, headers, now);
    let why = format!("the API answers {status}{}", said(text));
    Outcome::Later {
        wait: limited.map_or(backoff, |wait| wait.clamp(1_000, MOST)),
        why,
        all: limited.is_some(),
    }
}

/// How long nobody is to ask, in milliseconds; None: that is not what is wrong.
fn limited(status: StatusCode, headers: &HeaderMap, now: u64) -> Option<u64> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let until = |seconds: u64| seconds.saturating_mul(1_000).saturating_sub(now);
    if let Some(seconds) = number("retry-after") {
        return Some(seconds.saturating_mul(1_000));
    }
    let is_spent = number("x-ratelimit-remaining") == Some(0);
    let refused = [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    match number("x-ratelimit-reset").or_else(|| number("ratelimit-reset")) {
        Some(reset) if refused && (is_spent || status == StatusCode::TOO_MANY_REQUESTS) => {
            Some(until(reset))
        }
        _ => (status == StatusCode::TOO_MANY_REQUESTS).then_some(60_000),
    }
}

/// What an API says about it, in a line.
fn said(text: &str) -> String {
    let read: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let message = read.as_ref().and_then(|answer| answer.get("message"));
    let message = message.map(|message| match message.as_str() {
        Some(text) => text.to_owned(),
        None => message.to_string(),
    });
    let line = message.unwrap_or_default();
    let line: String = line.chars().filter(|letter| !letter.is_control()).take(200).collect();
    if line.is_empty() { line } else { format!(": {line}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn answer(status: u16, headers: &[(&'static str, &str)], text: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: map, text: text.to_owned() }
    }

    fn wait(status: u16, headers: &[(&'static str, &str)], tries: u32) -> (u64, bool) {
        match outcome(&Ok(answer(status, headers, "")), tries, NOW) {
            Outcome::Later { wait, all, .. } => (wait / 1_000, all),
            Outcome::Taken => panic!("taken"),
        }
    }

    #[test]
    fn what_is_taken_or_known_is_done() {
        assert_eq!(outcome(&Ok(answer(201, &[], "{}")), 0, NOW), Outcome::Taken);
        let again = r#"{"message":"Cannot transition status via :run from :running"}"#;
        assert_eq!(outcome(&Ok(answer(400, &[], again)), 0, NOW), Outcome::Taken);
    }

    #[test]
    fn what_fails_is_tried_ever_more_rarely() {
        assert_eq!([0, 1, 2, 5].map(|tries| wait(502, &[], tries).0), [5, 10, 20, 160]);
        assert_eq!(wait(500, &[], 99), (3_600, false));
        let lost = outcome(&Err("connection refused".to_owned()), 0, NOW);
        let why = "connection refused".to_owned();
        assert_eq!(lost, Outcome::Later { wait: 5_000, why, all: false });
    }

    #[test]
    fn limits_are_kept() {
        assert_eq!(wait(403, &[("retry-after", "90")], 0), (90, true));
        assert_eq!(wait(429, &[], 0), (60, true));
        assert_eq!(wait(429, &[("ratelimit-reset", "1700000030")], 0), (30, true));
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000120")];
        assert_eq!(wait(403, &spent, 0), (120, true));
        // A token that may not is no limit, though every answer of GitHub has these headers.
        let left = [("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "1700000120")];
        assert_eq!(wait(403, &left, 0), (5, false));
        assert_eq!(
            wait(429, &[("retry-after", "999999")], 0),
            (3_600, true),
            "a clock may be wrong"
        );
    }

    #[test]
    fn an_api_is_quoted_in_a_line() {
        let refused = answer(401, &[], "{\"message\":\"Bad\\ncredentials\"}");
        let Outcome::Later { why, .. } = outcome(&Ok(refused), 0, NOW) else { panic!() };
        assert_eq!(why, "the API answers 401 Unauthorized: Badcredentials");
    }
}
