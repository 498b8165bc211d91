//! Steps that ask services and tell others, and what commands say about files.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use crate::cli::project::TestProject;

const APP: &str = r#"import http.server, sys
answers = {
  "junit": '<testsuite name="Cart"><testcase name="adds"/><testcase name="pays"/></testsuite>',
  "counts": '{"passed": 3, "failed": 1}',
  "tests": '{"tests": [{"suite": "Search", "name": "finds", "outcome": "passed"}]}',
  "plain": "fine",
}
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write((answers[sys.argv[2]] if self.path == "/test" else "up").encode())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"#;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn every_service_is_asked_and_their_answers_are_one_result() {
    let service = |name: &str| {
        let port = free_port();
        format!(
            "  {name}:\n    kind: process.service\n    command: [python3, \"{{folder}}/app.py\", \"{port}\", {name}]\n    ports: {port}\n    health: {{ http: /up, interval: 50ms }}\n"
        )
    };
    let services: String = ["junit", "counts", "tests", "plain"].map(service).concat();
    let project = TestProject::new().file("app.py", APP).file("pipelines/p.yml", "pipeline: p
steps:
  trial: { apply: stacks/shop.yml, as: \"test-${run.id}\" }
  probe: { needs: [trial], probe: { stack: \"test-${run.id}\", path: /test } }
  some: { needs: [trial], probe: { stack: \"test-${run.id}\", path: /test, services: [plain, tests] } }
  none: { needs: [trial], probe: { stack: \"test-${run.id}\", services: [nobody] } }
  clear: { needs: [probe, some, none], destroy: \"test-${run.id}\", when: always }
");
    let folder = project.folder().display().to_string();
    let rest = "  note: { kind: file.text, path: a.txt, content: hello }\n";
    project.write(
        "stacks/shop.yml",
        format!("stack: shop\nresources:\n{services}{rest}").replace("{folder}", &folder),
    );
    let answer = project.run(["run", "p", "--parallel", "1"]);
    assert_eq!(answer.code, 1, "{answer}");
    let results = project.done(["runs", "show", "1"]).stdout;
    assert!(
        results.contains("tests  1 failed, 4 passed") || results.contains("1 failed, 6 passed"),
        "{results}"
    );
    assert!(results.contains("1 of 4 failed"), "{results}");
    assert!(answer.stdout.contains("1 of 4 services failed"), "{answer}");
    assert!(answer.stdout.contains("✓ probe    some"), "{answer}");
    assert!(answer.stdout.contains("has no service `nobody`"), "{answer}");
    assert!(answer.stdout.contains("✓ destroy  clear"), "{answer}");
}

/// Answers one request after the other with these statuses, and hands on what was sent.
fn listener(statuses: &'static [u16]) -> (u16, mpsc::Receiver<String>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let (tells, hears) = mpsc::channel();
    thread::spawn(move || {
        for status in statuses {
            let Ok((mut stream, _)) = socket.accept() else { return };
            let mut sent = Vec::new();
            let mut buffer = [0; 4_096];
            while !sent.windows(4).any(|end| end == b"\r\n\r\n") || !sent.ends_with(b"}") {
                match stream.read(&mut buffer) {
                    Ok(length @ 1..) => sent.extend(&buffer[..length]),
                    _ => break,
                }
            }
            write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .ok();
            tells.send(String::from_utf8_lossy(&sent).into_owned()).ok();
        }
    });
    (port, hears)
}

#[test]
fn others_are_told_how_a_run_goes_and_tried_again() {
    let (port, heard) = listener(&[503, 200, 400]);
    let project = TestProject::new()
        .variable("WINDLASS_SECRET_HOOK", &format!("http://127.0.0.1:{port}/hook/abcdefgh"))
        .variable("WINDLASS_SECRET_KEY", "correct-horse-battery")
        .file("pipelines/p.yml", "pipeline: p
steps:
  unit: { run: [exit 1] }
  tell:
    needs: [unit]
    when: failure
    notify: { url: \"${secret.hook}\", headers: { authorization: \"Bearer ${secret.key}\" }, message: it broke }
  refused: { needs: [tell], when: always, notify: { url: \"${secret.hook}\" } }
  by_hand: { needs: [refused], when: always, notify: { command: ['echo \"$WINDLASS_NOTICE\" > told'] } }
");
    let answer = project.run(["run", "p", "--parallel", "1"]);
    assert_eq!(answer.code, 1, "{answer}");
    let sent: Vec<String> = heard.iter().collect();
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert!(sent[1].starts_with("POST /hook/abcdefgh HTTP/1.1\r\n"), "{sent:?}");
    assert!(sent[1].contains("authorization: Bearer correct-horse-battery\r\n"), "{sent:?}");
    let body: serde_json::Value =
        serde_json::from_str(sent[1].split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["verdict"], "failed");
    assert_eq!(body["failed"], serde_json::json!(["unit"]));
    assert_eq!(body["text"], "it broke");
    assert!(answer.stdout.contains("✓ notify  tell"), "{answer}");
    assert!(
        answer.stdout.contains("127.0.0.1 did not take the notice: it answered 400"),
        "{answer}"
    );
    let told: serde_json::Value = serde_json::from_str(&project.read("told")).unwrap();
    assert_eq!(told["failed"], serde_json::json!(["unit", "refused"]));
    let all = answer.to_string() + &project.done(["logs", "last"]).stdout;
    assert!(!all.contains("abcdefgh") && !all.contains("horse"), "{all}");
    project
        .write("pipelines/p.yml", "pipeline: p\nsteps:\n  tell: { notify: { message: whom } }\n");
    insta::assert_snapshot!(project.run(["check"]), @"
    --- stderr
    error[W014]: whom? Say `url` or `command`
      ╭▸ pipelines/p.yml:3:11
      │
    3 │   tell: { notify: { message: whom } }
      ╰╴          ━━━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    ");
}

#[test]
fn groups_are_folded_at_a_terminal_and_annotations_are_kept() {
    let project = TestProject::new().file(
        "pipelines/p.yml",
        "pipeline: p
steps:
  lint:
    run:
      - 'echo before; echo ::group::Install; echo one; echo two; echo ::endgroup::'
      - 'echo \"::error file=app.js,line=3,col=7,title=Style::Missing%0Asemicolon\"'
      - 'echo ::warning::Old; echo after'
",
    );
    project.done(["run", "p"]);
    let kept = project.done(["logs", "last", "lint"]).stdout;
    assert!(kept.starts_with("before\n::group::Install\none\ntwo\n::endgroup::\n"), "{kept}");
    let seen = project.typed(["logs", "last", "lint"], &[]).stdout.replace('\r', "");
    assert!(seen.contains("before\n▸ Install  (2 lines)\n::error"), "{seen}");
    let all = project.typed(["logs", "last", "lint", "--unfold"], &[]).stdout.replace('\r', "");
    assert!(all.contains("::group::Install\none\ntwo\n"), "{all}");
    insta::assert_snapshot!(project.run(["runs", "show", "1"]), @"
    run 1  pipeline p  done  N.NN s
      began NNNN-NN-NN NN:NN:NN, just now

      ✓ lint  done  N.NN s

      1 step wrote something:  windlass logs 1
      ✗ error  app.js:3:7  lint
          Style: Missing
          semicolon
      · warning  lint
          Old
    --- exit 0
    ");
    let events = project.done(["runs", "show", "1", "--json"]).stdout;
    assert_eq!(
        events.lines().filter(|line| line.contains("\"annotation\"")).count(),
        2,
        "{events}"
    );
}

#[test]
fn a_shell_has_what_the_step_has() {
    let project = TestProject::new()
        .variable("WINDLASS_SECRET_TOKEN", "correct-horse-battery")
        .variable("SHELL", "/bin/sh")
        .file(
            "pipelines/p.yml",
            "pipeline: p
steps:
  build: { run: [mkdir -p app out, echo made > out/site], artifacts: { site: out/site } }
  test:
    takes: [{ from: build.site, to: app }]
    directory: app
    env: { TOKEN: \"${secret.token}\", NAME: shop }
    run: ['./test.sh \"$TOKEN\" ${secret.token}', exit 1]
  unit: { matrix: { py: [a, b] }, run: [echo] }
  clear: { destroy: stacks/none.yml }
"
            .replace("  clear: { destroy: stacks/none.yml }\n", "  accept: { gate: {} }\n")
            .as_str(),
        );
    assert_eq!(project.run(["run", "p"]).code, 5);
    std::fs::remove_dir_all(project.place("app/out")).expect("out");
    let input = "pwd; cat out/site; echo $NAME $WINDLASS_STEP $WINDLASS_RUN; test \"$TOKEN\" = correct-horse-battery && echo has it; exit 0\n";
    let answer = project.with_input(["run", "p", "--shell", "test"], input);
    insta::assert_snapshot!(answer, @r#"
    /bin/sh as the step test has it, in /project/app; it runs
      ./test.sh "$TOKEN" ${secret.token}
      exit 1
    `exit` leaves
    /project/app
    made
    shop test 1
    has it
    --- exit 0
    "#);
    let answers = ["unit", "accept", "tset"]
        .map(|step| project.run(["run", "p", "--shell", step]).to_string());
    insta::assert_snapshot!(answers.join("\n"), @"
    --- stderr
    error: `unit` stands for 2 steps
        try: name one of `unit[a]` or `unit[b]`
    --- exit 2
    --- stderr
    error: `accept` runs no commands: it is `gate`
        try: name a step with `run`
    --- exit 2
    --- stderr
    error: `p` has no step `tset`
        try: did you mean `test`?
    --- exit 2
    ");
}
