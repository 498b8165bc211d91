//! Signatures that others have published.

use super::*;
use crate::webhook::signature::verify;

/// docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation".
#[test]
fn that_of_github_holds() {
    let key = key(Provider::Github, "It's a Secret to Everybody");
    let published = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let sent = headers(&[("x-hub-signature-256", published)]);
    assert_eq!(verify(&key, &sent, b"Hello, World!", NOW), Ok(()));
    assert_eq!(verify(&key, &sent, b"Hello, World?", NOW), Err(Refusal::Forged));
}

/// The vector in the test suites of the Standard Webhooks libraries, whose scheme GitLab's signing
/// tokens follow.
#[test]
fn that_of_standard_webhooks_holds() {
    let key = key(Provider::Gitlab, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let sent = headers(&[
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]);
    assert_eq!(verify(&key, &sent, br#"{"test": 2432232314}"#, NOW), Ok(()));
    assert_eq!(verify(&key, &sent, br#"{"test":2432232314}"#, NOW), Err(Refusal::Forged));
}

/// RFC 4231, test cases 1, 2 and 4: Gitea documents the form of its header and no vector.
#[test]
fn those_of_rfc_4231_hold_in_giteas_header() {
    let long: String = (1..=25).map(char::from).collect();
    let cases: [(&str, &[u8], &str); 3] = [
        (
            &"\u{b}".repeat(20),
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            "Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&long, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    ];
    for (secret, body, digest) in cases {
        let key = key(Provider::Gitea, secret);
        let prefixed = format!("sha256={digest}");
        for (name, value) in [
            ("x-gitea-signature", digest),
            ("x-forgejo-signature", digest),
            ("x-hub-signature-256", &prefixed),
        ] {
            assert_eq!(verify(&key, &headers(&[(name, value)]), body, NOW), Ok(()), "{name}");
        }
    }
}
