//! Secrets of repositories that are pushed: `secrets.age` in the commit, and its key on the server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::server::{Pusher, Server};
use crate::cli::project::TestProject;

const FILE: &str = "server: lab\nlisten: 127.0.0.1:0\nrepositories: { shop: {} }\n";
const STEPS: &str = "  s: { env: { PASSWORD: '${secret.password}' }, run: ['echo \"it is $PASSWORD\"', \
                     'test \"$PASSWORD\" = correct-horse-battery'] }\n";

/// A project in which a secret was set, and what somebody pushes of it.
fn with_secret(server: &Server) -> (TestProject, Pusher) {
    let project = TestProject::new();
    project.with_input(["secret", "set", "password"], "correct-horse-battery");
    let pusher = server.pusher("shop");
    pusher.pipeline(STEPS);
    fs::copy(project.place("secrets.age"), pusher.place("secrets.age")).unwrap();
    pusher.commit("with secrets");
    (project, pusher)
}

/// Names a key in the file, with a copy of that of a project.
fn give_key(server: &Server, project: &TestProject) {
    let key = server.place("shop.key");
    fs::copy(project.place(".windlass/key"), &key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let file = FILE.replace("shop: {}", "shop: { secrets_key: shop.key }");
    fs::write(server.place("windlass.yml"), file).unwrap();
}

#[test]
fn a_push_with_secrets_says_how_the_server_gets_their_key_and_runs_with_it() {
    let mut server = Server::unstarted(FILE);
    server.start();
    let (project, pusher) = with_secret(&server);
    let pushed = pusher.push(&server);
    insta::assert_snapshot!(pushed.said, @r"
    remote: the project is in FOLDER/.windlass/projects/shop
    remote: p  run 1 of COMMIT “with secrets”  http://SERVER/runs/shop/1
    remote:   error: nothing opens secrets.age: its key is not on this server
    remote:       try: copy .windlass/key of the project in which the secrets are set to the server,
    remote:            beside its windlass.yml, as shop.key; chmod 600 shop.key; write `repositories:
    remote:            { shop: { secrets_key: shop.key } }` into windlass.yml, and start `windlass
    remote:            serve` again
    remote: ✗ FAILED after N s
    remote:   the push is in, and what ran before still runs; push a commit that mends it
    To http://SERVER/shop.git
     * [new branch]      HEAD -> main
    ");
    server.kill();
    give_key(&server, &project);
    server.start();
    pusher.commit("again");
    let pushed = pusher.push(&server);
    assert!(pushed.done && pushed.said.contains("✓ passed"), "{}", pushed.said);
    assert!(
        pushed.said.contains("s | it is ") && !pushed.said.contains("correct-horse"),
        "{}",
        pushed.said
    );
    // Nothing of the key is anywhere but where it was put.
    let key = fs::read_to_string(server.place("shop.key")).unwrap();
    let secret = key.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap();
    let link = server.place(".windlass/projects/shop/.windlass/secrets.key");
    assert_eq!(fs::read_link(&link).unwrap(), fs::canonicalize(server.place("shop.key")).unwrap());
    assert!(!fs::read_to_string(server.place("serve.log")).unwrap().contains(secret));
    // By hand in the project's folder it is the same.
    let by_hand = ["run", "p", "--project", ".windlass/projects/shop"];
    assert!(server.command(&by_hand).output().unwrap().status.success());
    // What is not in the file any more is not known to the project any more.
    server.kill();
    fs::write(server.place("windlass.yml"), FILE).unwrap();
    server.start();
    assert!(fs::symlink_metadata(&link).is_err());
}

/// The project has a key of its own by then, under which it remembers what it did.
#[test]
fn secrets_may_come_to_a_project_that_has_run_without() {
    let mut server = Server::unstarted(FILE);
    server.start();
    let pusher = server.pusher("shop");
    pusher.pipeline("  s: { run: ['true'] }\n");
    pusher.commit("without");
    assert!(pusher.push(&server).done);
    drop(pusher);
    let (project, pusher) = with_secret(&server);
    let pushed =
        pusher.git(&["push", "--force", &format!("{}/shop.git", server.address()), "main"]);
    let said = pushed.said.replace("remote: ", "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("write `repositories: { shop: { secrets_key: shop.key } }`"), "{said}");
    server.kill();
    give_key(&server, &project);
    server.start();
    pusher.commit("again");
    let pushed = pusher.push(&server);
    assert!(pushed.done && pushed.said.contains("✓ passed"), "{}", pushed.said);
}

#[test]
fn a_key_that_is_none_or_that_others_can_read_is_refused_at_once() {
    let server = Server::unstarted(&FILE.replace("shop: {}", "shop: { secrets_key: shop.key }"));
    let refused = || {
        let output = server.command(&["serve"]).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        let folder = fs::canonicalize(server.place("")).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        said.replace(folder.to_str().unwrap(), "FOLDER")
    };
    let names = "refused: windlass.yml names FOLDER/shop.key as `secrets_key` of `shop`:";
    let missing = "No such file or directory (os error 2) try: copy .windlass/key of the project in which \
                   its secrets are set to FOLDER/shop.key; chmod 600 FOLDER/shop.key";
    assert_eq!(refused(), format!("{names} {missing}"));
    let key = server.place("shop.key");
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    fs::write(&key, "nothing\n").unwrap();
    mode(0o640);
    let open = "others can read it try: chmod 600 FOLDER/shop.key";
    assert_eq!(refused(), format!("{names} {open}"));
    mode(0o600);
    let none = "it holds no key: no line begins with AGE-SECRET-KEY- try: put a copy of .windlass/key of \
                the project there: FOLDER/shop.key";
    assert_eq!(refused(), format!("{names} {none}"));
}
