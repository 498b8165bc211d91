//! The schemas, proven as an editor uses them: by a validator and a YAML reader that are not ours.

use jsonschema::Validator;
use language::Spec;
use language::schema::schema;
use serde_json::Value;

use crate::answer::answer;
use crate::example::everything::Everything;
use crate::example::pipeline::Pipeline;
use crate::example::stack::Stack;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files");

fn validator<T: Spec>() -> Validator {
    jsonschema::draft7::new(&schema::<T>("file")).unwrap()
}

/// What an editor makes of a file; None if it shows an error of its own.
fn editor(text: &str) -> Option<Value> {
    let mut value: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    value.apply_merge().ok()?;
    serde_json::to_value(value).ok()
}

/// Whether an editor marks the file, by itself or by the schema.
fn refuses<T: Spec>(text: &str) -> bool {
    editor(text).is_none_or(|value| !validator::<T>().is_valid(&value))
}

#[test]
fn the_schemas_are_draft_7() {
    for schema in [schema::<Stack>("a"), schema::<Pipeline>("b"), schema::<Everything>("c")] {
        assert!(jsonschema::draft7::meta::is_valid(&schema), "{schema:#}");
    }
}

#[test]
fn what_we_accept_an_editor_accepts() {
    fn accepted<T: Spec>(name: &str, text: &str) {
        assert_eq!(answer::<T>(name, text), "");
        let value = editor(text).unwrap();
        let errors: Vec<String> = validator::<T>()
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
    accepted::<Stack>("good-stack.yml", include_str!("files/good-stack.yml"));
    accepted::<Pipeline>("good-pipeline.yml", include_str!("files/good-pipeline.yml"));
    accepted::<Everything>("good-everything.yml", include_str!("files/good-everything.yml"));
}

/// Files that we refuse and whose error no schema can say, and why.
const BEYOND_A_SCHEMA: &[(&str, &str)] =
    &[("directive.yml", "a directive is no part of the value that a schema sees")];

#[test]
fn what_we_refuse_an_editor_refuses() {
    for file in std::fs::read_dir(FOLDER).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let text = String::from_utf8(std::fs::read(file.path()).unwrap()).unwrap();
        let (ours, editors) = match name.as_str() {
            "pipeline.yml" | "good-pipeline.yml" => {
                (!answer::<Pipeline>(&name, &text).is_empty(), refuses::<Pipeline>(&text))
            }
            "anchors.yml" | "good-everything.yml" | "wrong-everything.yml" | "open-secrets.yml" => {
                (!answer::<Everything>(&name, &text).is_empty(), refuses::<Everything>(&text))
            }
            _ => (!answer::<Stack>(&name, &text).is_empty(), refuses::<Stack>(&text)),
        };
        match BEYOND_A_SCHEMA.iter().find(|(beyond, _)| *beyond == name) {
            None => assert_eq!(editors, ours, "{name}"),
            Some((_, why)) => assert!(ours && !editors, "{name} is listed because {why}"),
        }
    }
}

/// Each line alone in a file of its own, and what a schema cannot see in it.
const WRONG: &[(&str, Option<&str>)] = &[
    ("offset: 1.5", None),
    ("offset: many", None),
    ("bytes: -1", None),
    ("share: half", None),
    ("port: 70000", None),
    ("port: 0", None),
    ("port: \"80\"", None),
    ("ports: http", None),
    ("ports: 9-8", Some("a pattern cannot compare two numbers")),
    ("mode: rw", None),
    ("mode: 644", Some("an editor's YAML reader makes one number of 644 and 0644")),
    ("url: ftp://example.org", None),
    ("url: http://example.org:0", Some("a pattern that knew ports would be unreadable")),
    ("url: http://u:p@example.org", None),
    ("file: ~/a", None),
    ("file: \"a \"", None),
    ("template: /a", None),
    ("template: ../a", Some("where `..` leads is counted, not matched")),
    ("host: web_1", None),
    ("host: 10.0.0.7", Some("an address looks like a name of numbers")),
    ("record: a..b", None),
    ("address: web", None),
    ("address: 10.0.0.300", Some("a pattern that knew addresses would be unreadable")),
    ("wait: 5 minutes", None),
    ("wait: 5", None),
    ("memory: 10", None),
    ("memory: 99999999999TiB", Some("a pattern cannot compute")),
    ("switch: Yes", None),
    ("text: [a]", None),
    ("text: ~", None),
    ("text: \"${a b}\"", Some("text is text: what stands between `${` and `}` is read by us")),
    ("password: hunter2", None),
    ("values: .inf", Some("JSON has no such number, so an editor sees nothing")),
    ("named: { 1st: [] }", None),
    ("named: { a: 7 }", None),
    ("named: { a: [x] }", None),
    ("next: { next: { style: uppercase } }", None),
    ("next: 7", None),
    ("when: { nott: a }", None),
    ("when: [[{ not: { not: 1 } }]]", None),
    ("when: 1.5", None),
    ("style: UPPER_CASE", None),
    ("share: 2", Some("a check across values is code")),
    ("unknown: 1", None),
    ("next: { x-fine: 1, y: 2 }", None),
];

#[test]
fn each_wrong_value_is_refused_where_a_schema_can_say_it() {
    for (text, beyond) in WRONG {
        assert_ne!(answer::<Everything>("a.yml", text), "", "{text}");
        assert_eq!(refuses::<Everything>(text), beyond.is_none(), "{text}");
    }
}

#[test]
fn defaults_have_the_type_that_an_author_would_write() {
    let schema = schema::<Everything>("everything");
    let record = schema["definitions"].as_object().unwrap();
    let (_, record) = record.iter().find(|(id, _)| id.ends_with("::Everything")).unwrap();
    let default = |key: &str| &record["properties"][key]["default"];
    assert_eq!(default("share"), &serde_json::json!(0.5));
    assert_eq!(default("port"), 8080);
    assert_eq!(default("mode"), "0644");
    assert_eq!(default("switch"), true);
    assert_eq!(default("text"), "hello");
    assert_eq!(default("wait"), "1h30m");
    assert_eq!(
        default("values"),
        &serde_json::json!({ "title": "Shop", "open": true, "since": 2024 })
    );
    assert_eq!(default("named"), &serde_json::json!({}));
    assert_eq!(default("style"), "plain");
    let examples = &record["properties"]["port"]["anyOf"][0]["examples"];
    assert_eq!(examples, &serde_json::json!([8080]));
}

#[test]
fn every_default_fits_its_own_schema() {
    let schema = schema::<Everything>("everything");
    for (id, record) in schema["definitions"].as_object().unwrap() {
        for (key, property) in record["properties"].as_object().into_iter().flatten() {
            let Some(default) = property.get("default") else { continue };
            let mut alone = property.clone();
            alone["definitions"] = schema["definitions"].clone();
            let validator = jsonschema::draft7::new(&alone).unwrap();
            assert!(validator.is_valid(default), "{id}.{key}: {default}");
        }
    }
}

#[test]
fn every_key_has_hover_text() {
    let schema = schema::<Everything>("everything");
    for record in schema["definitions"].as_object().unwrap().values() {
        for (key, property) in record["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{key}");
        }
    }
}

#[test]
fn the_schema_of_a_pipeline_has_one_case_for_each_kind_of_step() {
    let schema = schema::<Pipeline>("Windlass pipeline");
    let definitions = schema["definitions"].as_object().unwrap();
    let (_, step) = definitions.iter().find(|(id, _)| id.ends_with("::Step")).unwrap();
    let cases = step["allOf"].as_array().unwrap();
    let chosen_by: Vec<_> = cases.iter().map(|case| &case["if"]["required"][0]).collect();
    assert_eq!(chosen_by, ["run", "apply", "build", "gate", "cutover"]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&cases[1]).unwrap());
}
