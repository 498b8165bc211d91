//! JSON Schema (draft 7, which editors know best) from the shapes.
//!
//! It can say less than the decoder knows: a schema sees neither what a reference stands for nor what
//! the text of a value means beyond a pattern.

use serde_json::{Map, Value, json};

use crate::any;
use crate::document::{Content, Document, Node};
use crate::shape::{EXTENSION, Field, Form, Forms, Layout, ScalarShape, Shape, Tagged};
use crate::spec::Spec;

/// Returns the schema of a file.
pub fn schema<T: Spec>(title: &str) -> Value {
    let mut writer = Writer { definitions: Map::new() };
    let pattern = json!({ "type": "string", "pattern": r"\$\{[^}]+\}" });
    writer.definitions.insert("reference".to_owned(), pattern);
    let root = writer.value(T::shape());
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "allOf": [root],
        "definitions": writer.definitions,
    })
}

struct Writer {
    /// Each record once, by its id: a record may hold itself.
    definitions: Map<String, Value>,
}

impl Writer {
    fn value(&mut self, shape: Shape) -> Value {
        match shape {
            Shape::Scalar(shape) => scalar(shape),
            Shape::Choice(choices) => {
                let names: Vec<&str> = choices.iter().map(|choice| choice.name).collect();
                let docs: Vec<&str> = choices.iter().map(|choice| choice.doc).collect();
                json!({ "enum": names, "enumDescriptions": docs, "markdownEnumDescriptions": docs })
            }
            Shape::List(item) => {
                let mut list = json!({ "type": "array", "items": self.or_reference(item()) });
                if let Shape::Scalar(ScalarShape { distinct: true, .. }) = item() {
                    list["uniqueItems"] = true.into();
                }
                list
            }
            Shape::Map(value) => self.map(value()),
            Shape::MapBy { key, value } => {
                let mut map = self.map(value());
                if let Some(pattern) = key.pattern {
                    map["propertyNames"] = json!({ "pattern": pattern });
                }
                map
            }
            Shape::Record(layout) => self.defined(layout().id, |writer| writer.record(layout())),
            Shape::Tagged(tagged) => {
                let tagged = tagged();
                let id = format!("{} by {}", tagged.shared.id, tagged.key);
                self.defined(&id, |writer| writer.tagged(&tagged))
            }
            Shape::Either(forms) => self.defined(forms.id, |writer| writer.either(forms)),
            Shape::Any => json!({}),
        }
    }

    fn map(&mut self, value: Shape) -> Value {
        json!({ "type": "object", "additionalProperties": self.or_reference(value) })
    }

    fn defined(&mut self, id: &str, write: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.definitions.contains_key(id) {
            self.definitions.insert(id.to_owned(), Value::Null);
            let schema = write(self);
            self.definitions.insert(id.to_owned(), schema);
        }
        json!({ "$ref": format!("#/definitions/{}", id.replace(' ', "%20")) })
    }

    /// A reference may stand for anything. Lists and maps are told apart from it by `if`, because
    /// editors say little about what is wrong deep inside an `anyOf`.
    fn or_reference(&mut self, shape: Shape) -> Value {
        let schema = self.value(shape);
        let reference = json!({ "$ref": "#/definitions/reference" });
        match shape {
            // All text is welcome here, and so is a reference.
            Shape::Scalar(ScalarShape { json: ["string", ..], pattern: None, .. }) | Shape::Any => {
                schema
            }
            _ if shape.is_literal() => schema,
            // Beside a `$ref` nothing else counts in draft 7, and a description comes beside it.
            Shape::Either(_) => json!({ "allOf": [schema] }),
            Shape::Scalar(_) | Shape::Choice(_) => json!({ "anyOf": [schema, reference] }),
            _ => json!({ "if": { "type": "string" }, "then": reference, "else": schema }),
        }
    }

    fn record(&mut self, layout: &Layout) -> Value {
        match &layout.cases[..] {
            [] => self.closed(layout.doc, layout.fields.iter(), layout.extensions),
            _ => self.chosen(layout),
        }
    }

    /// One closed map for each value of the key, so that editors complete the keys of that kind alone.
    fn tagged(&mut self, tagged: &Tagged) -> Value {
        let names: Vec<&str> = tagged.layouts.iter().map(|(name, _)| *name).collect();
        let docs: Vec<&str> = tagged.layouts.iter().map(|(_, layout)| layout.doc).collect();
        let mut choices = Vec::new();
        for (name, layout) in &tagged.layouts {
            let mut both = Layout {
                id: layout.id,
                doc: layout.doc,
                fields: tagged.shared.fields.clone(),
                cases: Vec::new(),
                extensions: tagged.shared.extensions || layout.extensions,
            };
            both.fields.extend(&layout.fields);
            let then =
                if layout.cases.is_empty() {
                    self.closed(both.doc, both.fields.iter(), both.extensions)
                } else {
                    let cases = layout.cases.iter();
                    both.cases.extend(cases.map(|case| crate::shape::Case {
                        doc: case.doc,
                        fields: case.fields.clone(),
                    }));
                    self.chosen(&both)
                };
            let chosen = json!({ "required": [tagged.key], "properties": { tagged.key: { "const": name } } });
            choices.push(json!({ "if": chosen, "then": then }));
        }
        json!({
            "type": "object",
            "required": [tagged.key],
            "properties": { tagged.key: { "enum": names, "enumDescriptions": docs } },
            "allOf": choices,
        })
    }

    /// Exactly one key chooses; `if` then closes the map over that case and the shared keys, and an
    /// editor can name what is wrong in it, which it cannot inside a bare `oneOf`.
    fn chosen(&mut self, layout: &Layout) -> Value {
        let mut properties = Map::new();
        let (mut keys, mut cases) = (Vec::new(), Vec::new());
        for case in &layout.cases {
            properties.insert(case.key().to_owned(), json!({ "description": case.doc }));
            keys.push(json!({ "required": [case.key()] }));
            let fields = case.fields.iter().chain(&layout.fields);
            let then = self.closed(case.doc, fields, layout.extensions);
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
        &mut self,
        doc: &str,
        fields: impl Iterator<Item = &'f Field>,
        extensions: bool,
    ) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in fields {
            properties.insert(field.key.to_owned(), self.property(field));
            if field.required {
                required.push(field.key);
            }
        }
        let mut map = json!({
            "type": "object",
            "description": doc,
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
        if extensions {
            map["patternProperties"] = json!({ (format!("^{EXTENSION}")): {} });
        }
        map
    }

    fn property(&mut self, field: &Field) -> Value {
        let shape = (field.shape)();
        let mut property = self.or_reference(shape);
        let mut description = field.doc.to_owned();
        if field.replaces {
            description.push_str(" A change replaces.");
        }
        if field.sensitive {
            description.push_str(" Never shown.");
        }
        property["description"] = json!(description);
        if let Some(default) = field.default {
            property["default"] = typed(Document::value(default).root(), shape);
        }
        property
    }

    /// Told apart by `if`, one form after the other, so that errors are about the form that is there.
    fn either(&mut self, forms: &Forms) -> Value {
        let of_form = |form: Form| {
            let shapes = forms.alternatives.iter().map(|one| (one.shape)());
            shapes.into_iter().find(|shape| shape.has_form(form))
        };
        let mut schema = match of_form(Form::Scalar) {
            // A reference may stand for all of it, even where the text itself must be written out.
            Some(shape) if shape.is_literal() => {
                json!({ "anyOf": [self.value(shape), { "$ref": "#/definitions/reference" }] })
            }
            Some(shape) => self.or_reference(shape),
            None => json!({ "$ref": "#/definitions/reference" }),
        };
        for (form, name) in [(Form::Map, "object"), (Form::List, "array")] {
            if let Some(shape) = of_form(form) {
                let then = self.value(shape);
                schema = json!({ "if": { "type": name }, "then": then, "else": schema });
            }
        }
        if schema.get("$ref").is_none() {
            schema["description"] = json!(forms.doc);
        }
        schema
    }
}

fn scalar(shape: &ScalarShape) -> Value {
    let mut schema = match shape.json {
        [one] => json!({ "type": one }),
        several => json!({ "type": several }),
    };
    if let Some(pattern) = shape.pattern {
        schema["pattern"] = json!(pattern);
    }
    if let Some((least, most)) = shape.bounds {
        schema["minimum"] = json!(least);
        schema["maximum"] = json!(most);
    }
    if !shape.examples.is_empty() {
        let examples = shape.examples.iter().map(|example| of_type(example, shape));
        schema["examples"] = examples.collect();
    }
    schema
}

/// A text that an author would write, as the JSON value that an editor sees.
fn of_type(text: &str, shape: &ScalarShape) -> Value {
    let known = match shape.json.first() {
        Some(&"integer") => text.parse::<i64>().ok().map(Value::from),
        Some(&"number") => text.parse::<f64>().ok().map(Value::from),
        Some(&"boolean") => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    known.unwrap_or_else(|| Value::from(text))
}

/// A default as the JSON value that an editor sees.
fn typed(node: Node<'_>, shape: Shape) -> Value {
    match node.content() {
        Content::Scalar(scalar) => match shape {
            Shape::Scalar(shape) => of_type(scalar.text, shape),
            Shape::Any => any::guessed(&scalar),
            Shape::Either(forms) => {
                let shapes = forms.alternatives.iter().map(|one| (one.shape)());
                let mut fitting = shapes.filter(|shape| shape.has_form(Form::Scalar));
                fitting.next().map_or_else(|| scalar.text.into(), |shape| typed(node, shape))
            }
            _ if scalar.is_null() => Value::Null,
            _ => scalar.text.into(),
        },
        Content::List(list) => {
            let item = inside(shape, Form::List, "");
            list.iter().map(|node| typed(node, item)).collect()
        }
        Content::Map(entries) => {
            let entry = |(key, value): (Node<'_>, Node<'_>)| {
                let key = key.scalar().map_or("", |key| key.text);
                (key.to_owned(), typed(value, inside(shape, Form::Map, key)))
            };
            Value::Object(entries.iter().map(entry).collect())
        }
    }
}

/// What stands inside a list or a map.
fn inside(shape: Shape, form: Form, key: &str) -> Shape {
    match shape {
        Shape::List(item) => item(),
        Shape::Map(value) | Shape::MapBy { value, .. } => value(),
        Shape::Record(layout) => layout().field(key).map_or(Shape::Any, |field| (field.shape)()),
        Shape::Either(forms) => {
            let mut shapes = forms.alternatives.iter().map(|one| (one.shape)());
            shapes
                .find(|shape| shape.has_form(form))
                .map_or(Shape::Any, |shape| inside(shape, form, key))
        }
        _ => Shape::Any,
    }
}
