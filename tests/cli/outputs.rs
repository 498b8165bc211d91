//! One output alone, as scripts take it.

use crate::cli::project::TestProject;

const PEM: &str =
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ2h\n\tkept\n-----END CERTIFICATE-----\n";

/// The bytes themselves: nothing is covered.
fn alone(project: &TestProject, name: &str) -> String {
    let output = project.command(["outputs", "shop", name]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn one_output_is_printed_as_it_is() {
    let pem: String = PEM.lines().map(|line| format!("    {line}\n")).collect();
    let project = TestProject::new().stack(
        "shop",
        &format!(
            "stack: shop
outputs:
  pem: |
{pem}
  empty: ''
  blank: '  two before, one after '
  quoted: '\"(secret)\"'
  port: 8080
"
        ),
    );
    project.done(["apply", "-y"]);
    assert_eq!(alone(&project, "pem"), PEM);
    assert_eq!(alone(&project, "empty"), "\n");
    assert_eq!(alone(&project, "blank"), "  two before, one after \n");
    assert_eq!(alone(&project, "quoted"), "\"(secret)\"\n");
    assert_eq!(alone(&project, "port"), "8080\n");
}

#[test]
fn a_secret_is_refused_and_where_it_can_be_read_is_told() {
    let project = TestProject::new().stack(
        "shop",
        "stack: shop
resources:
  key: { kind: random.password }
outputs:
  key: ${key.value}
  with: of ${key.value}
",
    );
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["outputs", "shop", "key"]), @r#"
    --- stderr
    refused: the output `key` of `shop` holds a secret, which is never printed
        try: hand it on: another stack reads it as `${stack.shop.key}`, and a file.text or secret.file
             puts it into a file; `--json` prints its handle
    --- exit 4
    "#);
    assert_eq!(project.run(["outputs", "shop", "with"]).code, 4);
    let told = project.done(["outputs", "shop", "key", "--json"]);
    assert!(told.stdout.contains(r#""values":{"key":{"secret":"#), "{told}");
}

#[test]
fn an_apply_of_a_part_brings_up_to_date_what_is_known_of_it() {
    let stack = |text: &str| {
        format!(
            "stack: shop
resources:
  one: {{ kind: file.text, path: one.txt, content: {text} }}
  two: {{ kind: file.text, path: two.txt, content: {text} }}
outputs:
  one: ${{one.content}}
  two: ${{two.content}}
"
        )
    };
    let project = TestProject::new().stack("shop", &stack("old"));
    let told = project.done(["apply", "-y", "--target", "one"]);
    assert!(told.stdout.contains("one  old"), "{told}");
    assert_eq!(alone(&project, "one"), "old\n");
    assert_ne!(project.run(["outputs", "shop", "two"]).code, 0);
    project.done(["apply", "-y"]);
    let project = project.stack("shop", &stack("new"));
    project.done(["apply", "-y", "--target", "two"]);
    assert_eq!((alone(&project, "one"), alone(&project, "two")), ("old\n".into(), "new\n".into()));
    project.done(["apply", "-y"]);
    assert_eq!(alone(&project, "one"), "new\n");
}
