//! Repositories that live elsewhere are asked, and what is new there is queued, once.

use std::sync::Arc;

use super::api::Api;
use super::remote::{PIPELINE, Remote};
use super::{Bench, Fine as _};
use crate::outside;

async fn following(remote: &Remote) -> Bench {
    following_with(&format!("{{ url: {}, branches: [main, release/*], poll: 1s }}", remote.url()))
        .await
}

async fn following_with(follow: &str) -> Bench {
    let bench = Bench::of(&format!("repositories: {{ shop: {{ follow: {follow} }} }}\n")).await;
    outside::begin(&bench.house).fine();
    bench
}

async fn commits(bench: &Bench) -> Vec<String> {
    bench.runs().await.into_iter().map(|run| run.cause.commit).collect()
}

#[tokio::test]
async fn what_is_pushed_there_runs_within_the_interval() {
    let remote = Remote::new();
    let first = remote.git(&["rev-parse", "HEAD"]);
    let bench = following(&remote).await;
    bench.until("the first commit", async |bench| commits(bench).await == [first.clone()]).await;
    let second = remote.commit("second", "app.txt", "2");
    bench.until("the second", async |bench| commits(bench).await.contains(&second)).await;
    let runs = bench.runs().await;
    assert_eq!(runs.len(), 2);
    let cause = &runs[1].cause;
    assert_eq!((&*cause.by, &*cause.branch, &*cause.title), ("poll", "main", "second"));
    assert_eq!(runs[1].pipeline, "shop");
}

#[tokio::test]
async fn branches_that_fit_are_followed_and_no_others() {
    let remote = Remote::new();
    remote.git(&["branch", "release/1"]);
    remote.git(&["branch", "topic"]);
    remote.git(&["tag", "v1"]);
    let bench = following(&remote).await;
    bench.until("both", async |bench| bench.runs().await.len() == 2).await;
    let branches: Vec<_> = bench.runs().await.into_iter().map(|run| run.cause.branch).collect();
    assert!(branches.contains(&"main".to_owned()) && branches.contains(&"release/1".to_owned()));
    remote.git(&["branch", "-D", "release/1"]);
    let heads = async |bench: &Bench| {
        crate::repository::heads(&bench.house.folder.repository("shop")).await.fine()
    };
    bench.until("a branch that is gone", async |bench| heads(bench).await.len() == 1).await;
    assert_eq!(bench.runs().await.len(), 2);
}

#[tokio::test]
async fn a_branch_that_was_moved_back_runs_again() {
    let remote = Remote::new();
    let bench = following(&remote).await;
    bench.until("the first", async |bench| bench.runs().await.len() == 1).await;
    let second = remote.commit("second", "app.txt", "2");
    bench.until("the second", async |bench| commits(bench).await.contains(&second)).await;
    remote.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    bench.until("the first again", async |bench| bench.runs().await.len() == 3).await;
    let commits = commits(&bench).await;
    assert_eq!(commits[0], commits[2]);
}

/// Fetched, and dead before anybody was told.
#[tokio::test]
async fn what_was_fetched_and_not_told_is_told_after_a_death() {
    let remote = Remote::new();
    let bench = Bench::of(&format!(
        "repositories: {{ shop: {{ follow: {{ url: {}, poll: 1s }} }} }}\n",
        remote.url()
    ))
    .await;
    let bare = bench.house.folder.repository("shop");
    let fetch = ["fetch", "--quiet", &remote.url(), "+refs/heads/main:refs/heads/main"];
    crate::git::told(&bare, fetch).await.fine();
    let bench = bench.die_and_come().await;
    outside::begin(&bench.house).fine();
    bench.until("its run", async |bench| bench.runs().await.len() == 1).await;
}

#[tokio::test]
async fn a_remote_that_is_away_is_told_of_and_found_again() {
    let remote = Remote::new();
    let hidden = remote.git_folder().with_extension("away");
    std::fs::rename(remote.git_folder(), &hidden).unwrap();
    let bench = following(&remote).await;
    let standing = |bench: &Bench| bench.house.follows.of("shop").standing();
    bench.until("two failures", async |bench| standing(bench).failures >= 2).await;
    let trouble = standing(&bench).trouble.unwrap();
    assert!(trouble.contains("does not appear to be a git repository"), "{trouble}");
    assert_eq!(bench.house.troubles.list()[0].about, "following shop");
    std::fs::rename(hidden, remote.git_folder()).unwrap();
    bench.until("its run", async |bench| bench.runs().await.len() == 1).await;
    bench.until("no trouble", async |bench| bench.house.troubles.list().is_empty()).await;
    assert_eq!(standing(&bench).failures, 0);
}

/// The token goes to the server that asks for it, and stands nowhere else.
#[tokio::test]
async fn a_token_opens_a_remote_over_http() {
    let remote = Remote::new();
    let api = Api::new().await;
    api.hand_out(remote.git_folder(), "nekot");
    let url = format!("{}/ada/shop.git", api.address);
    let follow = format!("{{ url: \"{url}\", poll: 1s, token: \"${{secret.token}}\" }}");
    let bench = following_with(&follow).await;
    bench.until("its run", async |bench| bench.runs().await.len() == 1).await;
    let kept = Arc::clone(&bench.house);
    for file in [kept.folder.repository("shop").join("config"), kept.folder.records()] {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(5).any(|piece| piece == b"nekot"), "{}", file.display());
    }
}

#[tokio::test]
async fn a_wrong_token_is_told_without_showing_it() {
    let remote = Remote::new();
    let api = Api::new().await;
    api.hand_out(remote.git_folder(), "another");
    let url = format!("{}/ada/shop.git", api.address);
    let follow = format!("{{ url: \"{url}\", poll: 1s, token: \"${{secret.token}}\" }}");
    let bench = following_with(&follow).await;
    let standing = |bench: &Bench| bench.house.follows.of("shop").standing();
    bench.until("a failure", async |bench| standing(bench).failures >= 1).await;
    let trouble = standing(&bench).trouble.unwrap();
    assert!(trouble.contains("Authentication failed") && trouble.contains("`token`"), "{trouble}");
    assert!(!trouble.contains("nekot"), "{trouble}");
}

#[tokio::test]
async fn a_pipeline_that_is_broken_in_that_very_commit_is_looked_at() {
    let remote = Remote::new();
    let bench = following(&remote).await;
    bench.until("the first", async |bench| bench.runs().await.len() == 1).await;
    remote.commit("broken", "pipelines/shop.yml", &PIPELINE.replace("steps:", "steps: ["));
    bench.until("its run", async |bench| bench.runs().await.len() == 2).await;
}
