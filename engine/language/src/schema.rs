//! JSON Schema (draft 7, which editors know best) from the shapes.

use serde_json::{Map, Value, json};

use crate::shape::{Field, Layout, ScalarShape, Shape, Tagged};
use crate::spec::Spec;

/// Returns the schema of a file.
pub fn schema<T: Spec>(title: &str) -> Value {
    let mut definitions = Map::new();
    definitions
        .insert("reference".to_owned(), json!({ "type": "string", "pattern": r"\$\{[^}]+\}" }));
    let root = value(T::shape(), &mut definitions);
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "allOf": [root],
        "definitions": definitions,
    })
}

fn value(shape: Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Scalar(shape) => scalar(shape),
        Shape::Choice(choices) => {
            let one = |choice: &crate::shape::Choice| json!({ "const": choice.name, "description": choice.doc });
            json!({ "oneOf": choices.iter().map(one).collect::<Vec<_>>() })
        }
        Shape::List(item) => json!({ "type": "array", "items": or_reference(item(), definitions) }),
        Shape::Map(of) => {
            json!({ "type": "object", "additionalProperties": or_reference(of(), definitions) })
        }
        Shape::Record(layout) => record(layout(), definitions),
        Shape::Tagged(kinds) => tagged(&kinds(), definitions),
        Shape::Either(alternatives) => {
            let all: Vec<Value> =
                alternatives.iter().map(|one| value((one.shape)(), definitions)).collect();
            json!({ "anyOf": all })
        }
    }
}

/// A reference may stand for anything. Lists and maps are told apart from it by `if`, because
/// editors say little about what is wrong deep inside an `anyOf`.
fn or_reference(shape: Shape, definitions: &mut Map<String, Value>) -> Value {
    let literal = shape.is_literal();
    let schema = value(shape, definitions);
    let reference = json!({ "$ref": "#/definitions/reference" });
    match shape {
        _ if literal => schema,
        Shape::Scalar(_) | Shape::Choice(_) | Shape::Either(_) => {
            json!({ "anyOf": [schema, reference] })
        }
        _ => json!({ "if": { "type": "string" }, "then": reference, "else": schema }),
    }
}

fn scalar(shape: &ScalarShape) -> Value {
    let mut schema = json!({ "type": shape.json });
    if let Some(pattern) = shape.pattern {
        schema["pattern"] = json!(pattern);
    }
    if !shape.examples.is_empty() {
        schema["examples"] = json!(shape.examples);
    }
    schema
}

fn record(layout: &'static Layout, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(layout.id) {
        definitions.insert(layout.id.to_owned(), Value::Null);
        let schema = match &layout.cases[..] {
            [] => closed(layout.doc, layout.fields.iter(), None, definitions),
            _ => chosen(layout, definitions),
        };
        definitions.insert(layout.id.to_owned(), schema);
    }
    json!({ "$ref": format!("#/definitions/{}", layout.id) })
}

/// One closed map for each value of the key, so that editors complete the keys of that kind alone.
fn tagged(tagged: &Tagged, definitions: &mut Map<String, Value>) -> Value {
    let names: Vec<&str> = tagged.layouts.iter().map(|(name, _)| *name).collect();
    let mut choices = Vec::new();
    for (name, layout) in &tagged.layouts {
        let fields = tagged.shared.fields.iter().chain(&layout.fields);
        let then = closed(layout.doc, fields, Some(tagged.key), definitions);
        choices.push(
            json!({ "if": { "properties": { tagged.key: { "const": name } } }, "then": then }),
        );
    }
    json!({
        "type": "object",
        "required": [tagged.key],
        "properties": { tagged.key: { "enum": names } },
        "allOf": choices,
    })
}

/// Exactly one key chooses; `if` then closes the map over that case and the shared keys, and an
/// editor can name what is wrong in it, which it cannot inside a bare `oneOf`.
fn chosen(layout: &Layout, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let (mut keys, mut cases) = (Vec::new(), Vec::new());
    for case in &layout.cases {
        properties.insert(case.key().to_owned(), json!({ "description": case.doc }));
        keys.push(json!({ "required": [case.key()] }));
        let then = closed(case.doc, case.fields.iter().chain(&layout.fields), None, definitions);
        cases.push(json!({ "if": { "required": [case.key()] }, "then": then }));
    }
    json!({
        "type": "object",
        "description": layout.doc,
        "properties": properties,
        "oneOf": keys,
        "allOf": cases,
    })
}

fn closed<'f>(
    doc: &str,
    fields: impl Iterator<Item = &'f Field>,
    chosen_by: Option<&str>,
    definitions: &mut Map<String, Value>,
) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        let mut property = or_reference((field.shape)(), definitions);
        property["description"] = json!(field.doc);
        if let Some(default) = field.default {
            property["default"] = json!(default);
        }
        properties.insert(field.key.to_owned(), property);
        if field.required || chosen_by == Some(field.key) {
            required.push(field.key);
        }
    }
    json!({
        "type": "object",
        "description": doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
