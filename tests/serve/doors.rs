//! Who comes in, and what is refused before anything is served.

use std::process::Stdio;

use super::http::ask;
use super::server::Server;

fn refused(file: &str, words: &[&str]) -> String {
    let server = Server::unstarted(file);
    let mut command = server.command(&[&["serve"], words].concat());
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let folder = std::fs::canonicalize(server.place("")).unwrap();
    let said = said.replace(folder.to_str().unwrap(), "FOLDER");
    format!("{said}--- exit {}", output.status.code().unwrap())
}

#[test]
fn without_a_file_it_says_what_to_write() {
    let server = Server::unstarted("");
    std::fs::remove_file(server.place("windlass.yml")).unwrap();
    let output = server.command(&["serve"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let folder = std::fs::canonicalize(server.place("")).unwrap();
    insta::assert_snapshot!(said.replace(folder.to_str().unwrap(), "FOLDER"), @r#"
    error: there is no windlass.yml in FOLDER
        try: write one (`windlass explain server` lists all keys), such as:

             server: lab
             repositories:
             shop: {}
    "#);
}

#[test]
fn what_others_can_reach_wants_tokens() {
    insta::assert_snapshot!(refused("server: lab\nlisten: 0.0.0.0:0\n", &[]), @r#"
    error[W014]: others can reach this address, and without `tokens` they could push and run what they
                 like
      ╭▸ windlass.yml:2:9
      │
    2 │ listen: 0.0.0.0:0
      ╰╴        ━━━━━━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
    insta::assert_snapshot!(refused("server: lab\n", &["--listen", "0.0.0.0:0"]), @r#"
    refused: others can reach 0.0.0.0:0, and without `tokens` they could push and run what they like
        try: write `tokens: { NAME: ${secret.NAME} }` into windlass.yml, or listen on 127.0.0.1
    --- exit 4
    "#);
    insta::assert_snapshot!(refused("server: lab\ntokens: { ci: '${secret.ci}' }\n", &[]), @r#"
    error: windlass.yml names the secret `ci`, and there is none
        try: keep it: windlass secret set ci
    --- exit 2
    "#);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refused(&format!("server: lab\nlisten: {address}\n"), &[]);
    insta::assert_snapshot!(said.replace(&address, "ADDRESS"), @r#"
    error: cannot listen on ADDRESS: Address already in use (os error 98)
        try: end what listens there (`ss -ltnp` says what it is), or write another `listen` into
             windlass.yml
    --- exit 1
    "#);
}

#[test]
fn with_tokens_nobody_comes_in_without_one() {
    let file = "server: lab\nlisten: 127.0.0.1:0\ntokens: { ci: '${secret.ci}' }\nrepositories: { shop: {} }\n";
    let mut server =
        Server::unstarted(file).variable("WINDLASS_SECRET_CI", "correct-horse-battery");
    server.start();
    let asks = |path: &str, more: &[&str]| ask(&server.address(), "GET", path, more, "").status;
    assert_eq!(asks("/health", &[]), 200);
    for path in ["/", "/metrics", "/api/v1/runs", "/shop.git/info/refs?service=git-upload-pack"] {
        assert_eq!(asks(path, &[]), 401, "{path}");
        assert_eq!(asks(path, &["Authorization: Bearer correct-horse-battery"]), 200, "{path}");
        assert_eq!(asks(path, &["Authorization: Bearer wrong"]), 401, "{path}");
    }
    let pusher = server.pusher("shop");
    pusher.pipeline("  s: { run: ['echo ran; env'] }\n");
    pusher.commit("first");
    let pushed = pusher.push(&server);
    assert!(!pushed.done, "{}", pushed.said);
    let to = server.address().replace("http://", "http://ci:correct-horse-battery@");
    let pushed = pusher.git(&["push", &format!("{to}/shop.git"), "main"]);
    assert!(pushed.done && pushed.said.contains("passed"), "{}", pushed.said);
    // Who comes from anywhere has no use for a folder of the server.
    assert!(!pushed.said.contains("the project is in"), "{}", pushed.said);
    // Nothing of the server's own secrets is around a step.
    assert!(
        !pushed.said.contains("WINDLASS_SECRET") && !pushed.said.contains("HOOK"),
        "{}",
        pushed.said
    );
}

#[test]
fn pages_elsewhere_cannot_have_a_browser_do_things_here() {
    let server = Server::of("repositories: { shop: {} }\n");
    let asks = |more: &[&str]| {
        ask(&server.address(), "POST", "/api/v1/repositories/shop/runs", more, "{}").status
    };
    assert_eq!(asks(&["Host: evil.example"]), 403);
    assert_eq!(asks(&["Host: 127.0.0.1:1", "Origin: https://evil.example"]), 403);
    assert_eq!(asks(&["Host: 127.0.0.1:1", "Origin: http://127.0.0.1:1"]), 404);
}

#[test]
fn only_repositories_are_served_and_nothing_around_them() {
    let server = Server::of("repositories: { shop: {} }\n");
    let asks = |path: &str| ask(&server.address(), "GET", path, &[], "").status;
    for path in [
        "/../windlass.yml",
        "/shop.git/config",
        "/shop.git/../../key/info/refs?service=git-upload-pack",
        "/%2e%2e/info/refs?service=git-upload-pack",
        "/shop.git/info/refs/../../../../key",
    ] {
        let status = asks(path);
        assert!(matches!(status, 400 | 403 | 404), "{path}: {status}");
    }
    assert_eq!(asks("/shop.git/info/refs"), 403, "the dumb protocol");
    assert_eq!(asks("/shop.git/HEAD"), 403, "the dumb protocol");
    assert_eq!(asks("/shop.git/info/refs?service=git-evil"), 403);
    let post = |path: &str| ask(&server.address(), "POST", path, &[], "0000").status;
    assert_eq!(post("/shop.git/git-evil"), 403);
    assert_eq!(post("/api/v1/repositories/shop/pushed"), 403);
}

#[test]
fn to_keep_nothing_is_refused() {
    let said = refused("server: lab\nlisten: 127.0.0.1:0\nkeep: { runs: 0, days: 3 }\n", &[]);
    insta::assert_snapshot!(said, @r#"
    error[W014]: a part of the newest could not be run again: write 1 or more
      ╭▸ windlass.yml:3:15
      │
    3 │ keep: { runs: 0, days: 3 }
      ╰╴              ━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}
