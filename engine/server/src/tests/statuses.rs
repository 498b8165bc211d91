//! Commit statuses: told to a server that stands in for a provider, in its own form, and none lost.

use std::time::Duration;

use runtime::store::Cause;

use super::api::{Api, Asked};
use super::{Bench, Fine as _};
use crate::house::Wanted;
use crate::outside;
use crate::records::{Verdict, queue};

const COMMIT: &str = "bffeb74224043ba2feb48d137756c8a9331c449a";

/// A repository that is followed, whose provider has its API at this address.
async fn told(provider: &str, api: &Api) -> Bench {
    // The remote itself answers nothing: what is told is known from the records.
    let file = format!(
        "repositories:\n  shop:\n    follow: {{ url: \"{0}/ada/shop.git\", provider: {provider}, \
         api: \"{0}/api\", poll: 1d, token: \"${{secret.token}}\" }}\n",
        api.address
    );
    Bench::of(&file).await
}

async fn queue_one(bench: &Bench) -> u64 {
    let commit = COMMIT.to_owned();
    let cause =
        Cause { commit, branch: "main".to_owned(), by: "poll".to_owned(), ..Cause::default() };
    let (repository, pipeline) = ("shop".to_owned(), "test".to_owned());
    let wanted = Wanted { repository, pipeline, cause, ..Wanted::default() };
    bench.house.enqueue(wanted).await.fine()
}

async fn end(bench: &Bench, run: u64, verdict: Verdict) {
    let now = bench.house.now();
    let end = move |records: &mut _| {
        queue::begin(records, run, now)?;
        queue::end(records, run, verdict, None, now + 4_200)
    };
    bench.house.records.ask(end).await.fine();
    bench.house.has_changed();
}

fn trouble(bench: &Bench) -> Option<String> {
    let all = bench.house.troubles.list().into_iter();
    all.filter(|one| one.about == "commit statuses of shop").map(|one| one.message).next()
}

fn states(asked: &[Asked]) -> Vec<String> {
    asked.iter().map(|asked| asked.body["state"].as_str().unwrap().to_owned()).collect()
}

async fn told_of_both(provider: &str, api: &Api) -> Vec<Asked> {
    let bench = told(provider, api).await;
    outside::begin(&bench.house).fine();
    let run = queue_one(&bench).await;
    bench.until("pending", async |_| api.asked().len() == 1).await;
    end(&bench, run, Verdict::Failed).await;
    bench.until("the verdict", async |_| api.asked().len() == 2).await;
    api.asked()
}

#[tokio::test]
async fn github_is_told_in_its_form() {
    let api = Api::new().await;
    let asked = told_of_both("github", &api).await;
    assert_eq!(states(&asked), ["pending", "failure"]);
    let last = &asked[1];
    assert_eq!(last.path, format!("/api/repos/ada/shop/statuses/{COMMIT}"));
    assert_eq!(last.headers["authorization"], "Bearer nekot");
    assert_eq!(last.headers["accept"], "application/vnd.github+json");
    assert_eq!(last.body["context"], "windlass/test");
    assert_eq!(last.body["description"], "failed in 4 s");
    let target = last.body["target_url"].as_str().unwrap();
    assert!(target.ends_with("/runs/shop/1"), "{target}");
}

#[tokio::test]
async fn gitlab_is_told_in_its_form() {
    let api = Api::new().await;
    let asked = told_of_both("gitlab", &api).await;
    assert_eq!(states(&asked), ["pending", "failed"]);
    let last = &asked[1];
    assert_eq!(last.path, format!("/api/projects/ada%2Fshop/statuses/{COMMIT}"));
    assert_eq!(last.headers["private-token"], "nekot");
    assert_eq!((&last.body["name"], &last.body["ref"]), (&"windlass/test".into(), &"main".into()));
}

#[tokio::test]
async fn gitea_is_told_in_its_form() {
    let api = Api::new().await;
    let asked = told_of_both("gitea", &api).await;
    assert_eq!(states(&asked), ["pending", "failure"]);
    assert_eq!(asked[1].path, format!("/api/repos/ada/shop/statuses/{COMMIT}"));
    assert_eq!(asked[1].headers["authorization"], "token nekot");
}

/// The run ends while the server is dead, and nothing was told.
#[tokio::test]
async fn what_was_not_told_before_a_death_is_told_after_it() {
    let api = Api::new().await;
    let bench = told("github", &api).await;
    let run = queue_one(&bench).await;
    end(&bench, run, Verdict::Passed).await;
    let bench = bench.die_and_come().await;
    outside::begin(&bench.house).fine();
    bench.until("the verdict", async |_| !api.asked().is_empty()).await;
    assert_eq!(states(&api.asked()), ["success"], "what is over is not told to be pending first");
    let bench = bench.die_and_come().await;
    outside::begin(&bench.house).fine();
    queue_one(&bench).await;
    bench.until("the next run", async |_| api.asked().len() == 2).await;
    assert_eq!(states(&api.asked()), ["success", "pending"], "and nothing twice");
}

/// GitHub says how long; meanwhile nothing is asked, and then what is so by then is told.
#[tokio::test]
async fn an_api_that_asks_for_patience_gets_it() {
    let api = Api::new().await;
    let bench = told("github", &api).await;
    outside::begin(&bench.house).fine();
    api.answer(429, &[("retry-after", "30")], "{\"message\":\"slow down\"}");
    let run = queue_one(&bench).await;
    bench.until("the refusal", async |bench| trouble(bench).is_some()).await;
    let why = trouble(&bench).unwrap();
    assert!(why.ends_with("429 Too Many Requests: slow down"), "{why}");
    end(&bench, run, Verdict::Passed).await;
    bench.house.has_changed();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(api.asked().len(), 1, "the clock stands, so nobody is asked");
    bench.put_clock("2026-11-20T12:00:31Z");
    bench.house.has_changed();
    bench.until("the verdict", async |_| api.asked().len() == 2).await;
    assert_eq!(states(&api.asked()), ["pending", "success"]);
    bench.until("no trouble", async |bench| trouble(bench).is_none()).await;
}

#[tokio::test]
async fn what_fails_is_tried_again_also_after_a_death() {
    let api = Api::new().await;
    let bench = told("gitea", &api).await;
    outside::begin(&bench.house).fine();
    api.answer(502, &[], "");
    let run = queue_one(&bench).await;
    bench.until("the failure", async |bench| trouble(bench).is_some()).await;
    let bench = bench.die_and_come().await;
    outside::begin(&bench.house).fine();
    bench.put_clock("2026-11-20T12:00:06Z");
    bench.house.has_changed();
    bench.until("the next try", async |_| api.asked().len() == 2).await;
    end(&bench, run, Verdict::Cancelled).await;
    bench.until("the verdict", async |_| api.asked().len() == 3).await;
    assert_eq!(states(&api.asked()), ["pending", "pending", "error"]);
}

/// A run of the same commit that was done again: only the newest counts.
#[tokio::test]
async fn of_two_runs_for_one_commit_the_newest_is_told() {
    let api = Api::new().await;
    let bench = told("github", &api).await;
    let first = queue_one(&bench).await;
    end(&bench, first, Verdict::Failed).await;
    let again = queue_one(&bench).await;
    end(&bench, again, Verdict::Passed).await;
    outside::begin(&bench.house).fine();
    bench.until("the verdict", async |_| !api.asked().is_empty()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(states(&api.asked()), ["success"]);
}

/// A redirect is not followed.
#[tokio::test]
async fn the_token_is_told_to_nobody_else() {
    let (api, other) = (Api::new().await, Api::new().await);
    let bench = told("github", &api).await;
    outside::begin(&bench.house).fine();
    api.answer(307, &[("location", &other.address)], "");
    queue_one(&bench).await;
    bench.until("the refusal", async |bench| trouble(bench).is_some()).await;
    assert!(other.asked().is_empty());
    let why = trouble(&bench).unwrap();
    assert!(!why.contains("nekot"), "{why}");
}
