//! `file.template`: what comes out, and what is said when nothing can.

use model::Object;

use crate::lab::{Lab, kind};
use crate::life::{Life, is_made_once};

const KEYS: &str = r#"
path: run/nginx.conf
template: { path: templates/nginx.conf.hbs, content: "listen {{port}}; # {{token}}\n" }
values: { port: 8080, token: "${secret.api}" }
"#;

#[tokio::test]
async fn a_template_is_rendered_written_changed_and_removed() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.template");
    life.runs(KEYS, &KEYS.replace("8080", "8081")).await;
    let made = is_made_once(&life, KEYS).await;
    assert_eq!(lab.text("run/nginx.conf"), "listen 8080; # canary-of-api-7431\n");
    life.ends(KEYS, &made).await;
}

/// Returns what is said about a template.
fn said(template: &str, values: &str) -> String {
    let lab = Lab::new();
    let template = serde_json::to_string(template).unwrap();
    let keys = format!(
        "{{path: a, template: {{path: templates/a.hbs, content: {template}}}, values: {values}}}"
    );
    (kind("file.template").diff)(&lab.tree(&keys), &Object::new("a", []), &*lab.vault).unwrap_err()
}

#[test]
fn a_value_that_is_missing_is_named_with_its_place_and_its_neighbour() {
    let said = said("first\n  port {{prot}};\n", "{port: 80, name: a}");
    assert_eq!(
        said,
        "templates/a.hbs:2:8: there is no value `prot`: did you mean `port`?\n  2 |   port {{prot}};\n    |        ^"
    );
}

#[test]
fn a_value_that_is_missing_deep_inside_is_named_with_its_neighbour() {
    let said = said("{{db.hots}}", "{db: {host: a}}");
    assert_eq!(
        said,
        "templates/a.hbs:1:1: there is no value `db.hots`: did you mean `host`?\n  1 | {{db.hots}}\n    | ^"
    );
}

#[test]
fn a_value_that_is_missing_without_a_neighbour_says_what_there_is() {
    let said = said("{{zebra}}", "{port: 80, name: a}");
    assert_eq!(
        said,
        "templates/a.hbs:1:1: there is no value `zebra`, only `name` or `port`\n  1 | {{zebra}}\n    | ^"
    );
}

#[test]
fn a_block_that_is_never_closed_says_where_it_began() {
    let said = said("a\n{{#if port}}\nb\n", "{port: 80}");
    assert_eq!(
        said,
        "templates/a.hbs:2:1: `{{#if}}` has no end: `{{/if}}` is missing\n  2 | {{#if port}}\n    | ^"
    );
}

#[test]
fn what_cannot_be_read_is_shown_in_words() {
    let endless = said("a\nb {{name\n", "{name: a}");
    assert_eq!(
        endless,
        "templates/a.hbs:2:3: `{{` has no end: `}}` is missing\n  2 | b {{name\n    |   ^"
    );
    let broken = said("a\nb {{ = }}\n", "{name: a}");
    assert!(broken.starts_with("templates/a.hbs:2:"), "{broken}");
    assert!(broken.contains("this cannot be read: between `{{` and `}}` stands"), "{broken}");
    let crossed = said("{{#if a}}{{/each}}", "{a: 1}");
    assert!(crossed.contains("\"if\" was opened, but \"each\" is closing"), "{crossed}");
    let long = said(&format!("{}{{{{prot}}}}", "größe ".repeat(100)), "{port: 80}");
    assert!(long.lines().all(|line| line.chars().count() < 100), "{long}");
}

#[test]
fn a_partial_is_refused() {
    let said = said("{{> header}}", "{}");
    assert_eq!(
        said,
        "templates/a.hbs:1:1: there is no partial `header`: a template is one file\n  1 | {{> header}}\n    | ^"
    );
}

#[test]
fn a_secret_does_not_get_into_an_error() {
    let said = said("{{#each token}}{{/each}}{{lookup token missing}}", "{token: '${secret.api}'}");
    assert!(!said.contains("canary") && !said.contains('\u{FDD0}'), "{said}");
}

#[test]
fn a_secret_cannot_be_looked_at() {
    let lab = Lab::new();
    let keys = "{path: a, template: {path: t, content: '{{#if (eq token \"canary-of-api-7431\")}}yes{{else}}no{{/if}}'}, values: {token: '${secret.api}'}}";
    let object = Object::new("a", []);
    let found = (kind("file.template").diff)(&lab.tree(keys), &object, &*lab.vault).unwrap();
    let no = model::Secrets::hash(&*lab.vault, "no");
    assert_eq!(found[0].to, model::Value::Sealed(no));
}
