//! What providers send, and what others send in their name.

use super::*;

const OLD: &str = "28e1879d029cb852e4844d9c718537df08844e03";
const NEW: &str = "bffeb74224043ba2feb48d137756c8a9331c449a";
const NONE: &str = "0000000000000000000000000000000000000000";

fn push(reference: &str, before: &str, after: &str) -> String {
    serde_json::json!({ "ref": reference, "before": before, "after": after, "commits": [] })
        .to_string()
}

/// A push as GitHub sends it.
fn of_github(secret: &str, body: &str) -> HeaderMap {
    headers(&[
        ("x-github-event", "push"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-hub-signature-256", &format!("sha256={}", hex(secret, body.as_bytes()))),
    ])
}

fn moved(heard: Heard) -> Moved {
    match heard.event {
        Event::Moved(moved) => moved,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_push_to_github_is_read() {
    let body = serde_json::json!({
        "ref": "refs/heads/main", "before": OLD, "after": NEW, "created": false, "deleted": false,
        "forced": true, "repository": { "full_name": "octocat/hello" }, "commits": [{ "id": NEW }],
    })
    .to_string();
    let key = key(Provider::Github, "sesame");
    let heard = examine(&key, &of_github("sesame", &body), body.as_bytes(), NOW).unwrap();
    let digest = blake3::hash(body.as_bytes()).to_hex();
    let id = "id 72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned();
    assert_eq!(heard.known_by, [id, format!("body {digest}")]);
    let wanted = Moved {
        target: Target::Branch("main".to_owned()),
        before: Some(OLD.to_owned()),
        after: Some(NEW.to_owned()),
        forced: true,
    };
    assert_eq!(moved(heard), wanted);
}

/// The example of docs.gitea.com, "Webhooks", as far as it matters.
#[test]
fn a_push_to_gitea_is_read() {
    let secret = "3gEsCfjlV2ugRwgpU#w1*WaW*wa4NXgGmpCfkbG3";
    let body = push("refs/heads/develop", OLD, NEW);
    let sent = headers(&[
        ("x-github-delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473"),
        ("x-github-event", "push"),
        ("x-gitea-delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473"),
        ("x-gitea-event", "push"),
        ("x-gitea-signature", &hex(secret, body.as_bytes())),
    ]);
    let heard = examine(&key(Provider::Gitea, secret), &sent, body.as_bytes(), NOW).unwrap();
    assert_eq!(heard.known_by[0], "id f6266f16-1bf3-46a5-9ea4-602e06ead473");
    assert_eq!(moved(heard).target, Target::Branch("develop".to_owned()));
}

#[test]
fn a_push_to_gitlab_is_read_under_both_kinds_of_secret() {
    let body = push("refs/heads/master", OLD, NEW);
    let signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let token = headers(&[("x-gitlab-event", "Push Hook"), ("x-gitlab-token", "open, please")]);
    let heard = examine(&key(Provider::Gitlab, "open, please"), &token, body.as_bytes(), NOW);
    assert_eq!(heard.unwrap().known_by.len(), 1, "no id that its repeats share");
    let signed = headers(&[
        ("x-gitlab-event", "Push Hook"),
        ("webhook-id", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"),
        ("webhook-timestamp", "1614265330"),
        (
            "webhook-signature",
            &standard(signing, "f5e5f430-f57b-4e6e-9fac-d9128cd7232f", NOW, &body),
        ),
    ]);
    let heard = examine(&key(Provider::Gitlab, signing), &signed, body.as_bytes(), NOW).unwrap();
    assert_eq!(heard.known_by[0], "id f5e5f430-f57b-4e6e-9fac-d9128cd7232f");
    assert_eq!(moved(heard).after.as_deref(), Some(NEW));
}

#[test]
fn branches_that_come_and_go_and_tags_are_told_apart() {
    let key = key(Provider::Github, "s");
    let read =
        |body: &str| moved(examine(&key, &of_github("s", body), body.as_bytes(), NOW).unwrap());
    assert_eq!(read(&push("refs/heads/new", NONE, NEW)).before, None);
    assert_eq!(read(&push("refs/heads/gone", OLD, NONE)).after, None);
    assert_eq!(read(&push("refs/tags/v1", NONE, NEW)).target, Target::Tag("v1".to_owned()));
    let long = "a".repeat(64);
    assert_eq!(read(&push("refs/heads/sha-256", &long, &long)).after, Some(long));
}

#[test]
fn a_ping_is_one_and_what_starts_nothing_is_named() {
    let event = |name: &str| {
        let mut sent = of_github("s", "{}");
        sent.insert("x-github-event", HeaderValue::try_from(name).unwrap());
        examine(&key(Provider::Github, "s"), &sent, b"{}", NOW).unwrap().event
    };
    assert_eq!(event("ping"), Event::Ping);
    assert_eq!(event("issues"), Event::Other("issues".to_owned()));
    let body = push("refs/pull/1/head", OLD, NEW);
    let heard = examine(&key(Provider::Github, "s"), &of_github("s", &body), body.as_bytes(), NOW);
    assert_eq!(heard.unwrap().event, Event::Other("refs/pull/1/head".to_owned()));
}

#[test]
fn what_is_forged_is_refused_whatever_it_looks_like() {
    let body = push("refs/heads/main", OLD, NEW);
    let right = format!("sha256={}", hex("s", body.as_bytes()));
    let wrong_secret = format!("sha256={}", hex("t", body.as_bytes()));
    let bare = right.trim_start_matches("sha256=");
    let long = format!("{right}00");
    let forged: [&[(&str, &str)]; 8] = [
        &[],
        &[("x-hub-signature-256", "")],
        &[("x-hub-signature-256", &wrong_secret)],
        &[("x-hub-signature-256", bare)],
        &[("x-hub-signature-256", &long)],
        &[("x-hub-signature", "sha1=7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a")],
        &[("x-hub-signature-256", &right), ("x-hub-signature-256", &right)],
        &[("x-gitea-signature", bare), ("x-gitlab-token", "s")],
    ];
    let key = key(Provider::Github, "s");
    for pairs in forged {
        let pairs = [&[("x-github-event", "push")], pairs].concat();
        let answer = examine(&key, &headers(&pairs), body.as_bytes(), NOW);
        assert_eq!(answer, Err(Refusal::Forged), "{pairs:?}");
    }
    let cut = &body.as_bytes()[..body.len() - 1];
    assert_eq!(examine(&key, &of_github("s", &body), cut, NOW), Err(Refusal::Forged));
}

/// Gitea sends empty digests where it has no secret.
#[test]
fn gitea_without_a_secret_is_refused() {
    let sent = headers(&[("x-gitea-event", "push"), ("x-gitea-signature", "")]);
    let answer = examine(&key(Provider::Gitea, "s"), &sent, b"{}", NOW);
    assert_eq!(answer, Err(Refusal::Forged));
    let empty = Key::new(Provider::Gitea, &SecretText::new(""));
    assert_eq!(empty.unwrap_err(), KeyError::Empty);
}

/// A header that holds does not rescue one that counts more.
#[test]
fn gitea_is_believed_by_its_own_header_first() {
    let right = hex("s", b"{}");
    let sent = headers(&[
        ("x-gitea-event", "push"),
        ("x-gitea-signature", &"0".repeat(64)),
        ("x-hub-signature-256", &format!("sha256={right}")),
    ]);
    assert_eq!(examine(&key(Provider::Gitea, "s"), &sent, b"{}", NOW), Err(Refusal::Forged));
}

#[test]
fn a_signing_token_is_not_given_up_for_a_plain_one() {
    let signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let sent = headers(&[("x-gitlab-event", "Push Hook"), ("x-gitlab-token", signing)]);
    let body = push("refs/heads/main", OLD, NEW);
    let answer = examine(&key(Provider::Gitlab, signing), &sent, body.as_bytes(), NOW);
    assert_eq!(answer, Err(Refusal::Forged));
    let mistyped = Key::new(Provider::Gitlab, &SecretText::new("whsec_not base64!"));
    assert_eq!(mistyped.unwrap_err(), KeyError::NotASigningToken);
}

#[test]
fn what_is_old_or_from_the_future_is_stale_for_who_can_sign_alone() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let key = key(Provider::Gitlab, secret);
    let body = push("refs/heads/main", OLD, NEW);
    let sent = |time: u64, signature: &str| {
        let time = time.to_string();
        headers(&[
            ("x-gitlab-event", "Push Hook"),
            ("webhook-id", "a"),
            ("webhook-timestamp", &time),
            ("webhook-signature", signature),
        ])
    };
    let signed_at = |time| {
        let sent = sent(time, &standard(secret, "a", time, &body));
        examine(&key, &sent, body.as_bytes(), NOW).map(|_| ())
    };
    assert_eq!(signed_at(NOW - 300), Ok(()));
    assert_eq!(signed_at(NOW + 300), Ok(()));
    assert_eq!(signed_at(NOW - 301), Err(Refusal::Stale));
    assert_eq!(signed_at(NOW + 301), Err(Refusal::Stale));
    let unsigned = sent(NOW - 301, "v1,AAAA");
    assert_eq!(examine(&key, &unsigned, body.as_bytes(), NOW), Err(Refusal::Forged));
    // Another time under the same signature is another text.
    let moved_on = sent(NOW, &standard(secret, "a", NOW - 301, &body));
    assert_eq!(examine(&key, &moved_on, body.as_bytes(), NOW), Err(Refusal::Forged));
}

#[test]
fn while_a_signing_token_is_changed_either_signature_holds() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let right = standard(secret, "a", NOW, "{}");
    let among = |signatures: &str| {
        let sent = headers(&[
            ("x-gitlab-event", "Note Hook"),
            ("webhook-id", "a"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", signatures),
        ]);
        examine(&key(Provider::Gitlab, secret), &sent, b"{}", NOW).map(|_| ())
    };
    assert_eq!(among(&format!("v1,AAAA {right}")), Ok(()));
    assert_eq!(among(&format!("v1a,{}", &right[3..])), Err(Refusal::Forged));
    let many = format!("{}{right}", "v1,AAAA ".repeat(100));
    assert_eq!(among(&many), Err(Refusal::Forged));
}

#[test]
fn bodies_that_no_provider_sends_are_refused() {
    let key = key(Provider::Github, "s");
    let refused = |body: &str| examine(&key, &of_github("s", body), body.as_bytes(), NOW).err();
    let strange = [
        "",
        "{",
        "[]",
        "{}",
        &push("refs/heads/main", "short", NEW),
        &push("refs/heads/main", OLD, "refs/heads/main"),
        &push("main", OLD, NEW),
        &push("refs/heads/", OLD, NEW),
        &push("refs/heads/--upload-pack=x", OLD, NEW),
        &push("refs/heads/a..b", OLD, NEW),
        &push("refs/heads/a\nb", OLD, NEW),
        &push("refs/heads/main", OLD, NEW).replacen('{', r#"{"ref":"refs/heads/x","#, 1),
        &"[".repeat(100_000),
    ];
    for body in strange {
        assert_eq!(refused(body), Some(Refusal::Unreadable), "{body:.80}");
    }
}

#[test]
fn forms_and_floods_are_refused_before_they_are_read() {
    let key = key(Provider::Github, "s");
    let mut form = of_github("s", "{}");
    form.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    assert_eq!(foresee(&key, &form), Err(Refusal::NotJson));
    assert_eq!(foresee(&key, &headers(&[])), Err(Refusal::Forged));
    let flood = vec![b' '; MOST + 1];
    assert_eq!(examine(&key, &of_github("s", "{}"), &flood, NOW), Err(Refusal::TooLarge));
}

#[test]
fn no_secret_is_shown() {
    let shown = format!("{:?}", key(Provider::Gitlab, "open sesame"));
    assert_eq!(shown, "Key(Gitlab, secret)");
}
