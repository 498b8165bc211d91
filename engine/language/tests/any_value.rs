//! Free values: what YAML 1.2 says they are, with secrets as handles.

use language::{AnyValue, Builder, Diagnostics, Text, decoder, scope::Unresolved};
use serde_json::{Value, json};

use crate::answer::{answer, good};

fn json_of(text: &str) -> Value {
    let mut written = |text: &Text| Ok::<_, ()>(text.written());
    good::<AnyValue>(text).to_json(&mut written).unwrap()
}

#[test]
fn scalars_are_what_the_core_schema_says() {
    let cases = [
        ("null", json!(null)),
        ("~", json!(null)),
        ("true", json!(true)),
        ("False", json!(false)),
        ("yes", json!("yes")),
        ("NO", json!("NO")),
        ("0", json!(0)),
        ("-12", json!(-12)),
        ("+12", json!(12)),
        ("010", json!(10)),
        ("0o17", json!(15)),
        ("0xFF", json!(255)),
        ("0o18", json!("0o18")),
        ("1_000", json!("1_000")),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("3.10", json!(3.1)),
        (".5", json!(0.5)),
        ("1e3", json!(1000.0)),
        ("1e", json!("1e")),
        (".", json!(".")),
        ("1.2.3", json!("1.2.3")),
        ("2024-01-01", json!("2024-01-01")),
        ("12:30", json!("12:30")),
        ("'8080'", json!("8080")),
        ("\"true\"", json!("true")),
        ("''", json!("")),
    ];
    for (text, expected) in cases {
        assert_eq!(json_of(&format!("[{text}]")), json!([expected]), "{text}");
    }
}

#[test]
fn lists_and_maps_keep_their_form() {
    assert_eq!(
        json_of("{ b: [1, [], {}], a: { c: x }, n: }"),
        json!({ "a": { "c": "x" }, "b": [1, [], {}], "n": null })
    );
}

#[test]
fn a_number_can_be_had_as_it_was_written() {
    let AnyValue::Number(number) = good::<AnyValue>("3.10") else { panic!("it is a number") };
    assert_eq!(number.as_str(), "3.10");
}

#[test]
fn secrets_stay_handles_until_somebody_puts_them_in() {
    let value: AnyValue = good("{ url: \"https://a:${secret.token}@b\", plain: c }");
    let mut names = Vec::new();
    value.texts(&mut |text| names.extend(text.secrets().map(str::to_owned)));
    assert_eq!(names, ["token"]);
    let refused = value.to_json(&mut |text| text.literal().map(str::to_owned).ok_or("a secret"));
    assert_eq!(refused, Err("a secret"));
    assert!(!format!("{value:?}").contains("hunter2"));
}

#[test]
fn a_number_beyond_all_bounds_is_refused() {
    for text in [".inf", "-.Inf", ".nan", "1e999"] {
        let answer = answer::<AnyValue>("a.yml", text);
        assert!(answer.contains("cannot be kept as a number"), "{text}: {answer}");
        assert!(answer.contains("put it in quotes"), "{text}: {answer}");
    }
}

#[test]
fn a_built_document_says_what_stood_without_quotes() {
    let mut builder = Builder::default();
    let items = vec![
        builder.plain("8080"),
        builder.text("8080"),
        builder.plain("true"),
        builder.text("true"),
        builder.null(),
        builder.text("null"),
        builder.plain("~"),
    ];
    let root = builder.list(items);
    let document = builder.finish(root);
    let mut diagnostics = Diagnostics::default();
    let value = decoder::decode::<AnyValue>(&document, &Unresolved, &mut diagnostics).value;
    let mut written = |text: &Text| Ok::<_, ()>(text.written());
    let value = value.unwrap().to_json(&mut written).unwrap();
    assert_eq!(value, json!([8080, "8080", true, "true", null, "null", "~"]));
    let numbers = decoder::decode::<Vec<String>>(&document, &Unresolved, &mut diagnostics);
    assert!(numbers.value.is_none() && diagnostics.len() == 1, "null is not text");
}
