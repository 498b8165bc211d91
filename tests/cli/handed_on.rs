//! Secrets that a pipeline hands on to a stack.

use std::fs;
use std::path::Path;

use crate::cli::project::TestProject;

const TEXT: &str = "correct-horse-battery";

fn project(parameters: &str) -> TestProject {
    let project = TestProject::new()
        .stack(
            "shop",
            r#"stack: shop
parameters:
  token: { type: secret }
  open: { default: x }
resources:
  file: { kind: file.text, path: out.txt, content: "token=${token}\n" }
  value: { kind: data.value, input: "${open} ${token}" }
outputs:
  token: "${token}"
"#,
        )
        .file(
            "pipelines/ship.yml",
            &format!(
                "pipeline: ship
steps:
  deploy: {{ apply: shop, parameters: {{ {parameters} }} }}
"
            ),
        );
    project.with_input(["secret", "set", "token"], TEXT);
    project
}

/// Files below a folder that hold the text of the secret.
fn holding(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path));
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(TEXT.len()).any(|window| window == TEXT.as_bytes()) {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found
}

#[test]
fn its_text_is_nowhere_but_where_it_is_used() {
    let project = project("token: \"bearer ${secret.token}\"");
    project.done(["check"]);
    let shown = project.done(["run", "ship"]);
    assert!(!shown.to_string().contains(TEXT), "{shown}");
    assert_eq!(project.read("out.txt"), format!("token=bearer {TEXT}\n"));
    assert_eq!(holding(project.folder()), ["out.txt"]);
    let again = project.done(["run", "ship"]);
    assert!(again.stdout.contains("shop: nothing to change, 2 resources"), "{again}");
}

#[test]
fn a_new_text_of_it_is_a_change() {
    let project = project("token: \"${secret.token}\"");
    project.done(["run", "ship"]);
    project.with_input(["secret", "set", "token"], "another-horse-battery");
    project.done(["run", "ship"]);
    assert_eq!(project.read("out.txt"), "token=another-horse-battery\n");
}

#[test]
fn it_does_not_go_where_it_would_be_shown() {
    let project = project("token: long-enough-text, open: \"${secret.token}\"");
    let answer = project.run(["run", "ship"]);
    assert_eq!(answer.code, 2, "{answer}");
    assert!(answer.stderr.contains("a secret was given for the parameter `open`"), "{answer}");
    assert_eq!(holding(project.folder()), [""; 0]);
}
