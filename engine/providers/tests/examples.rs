//! The example of each kind is right, and names everything that there is.

use std::collections::BTreeSet;
use std::sync::Arc;

use language::decoder::read_with;
use language::scope::Unresolved;
use language::{Content, Decoder, Diagnostics, Keys, Layout, Node, Record, Shape};
use model::file::stack::{Header, StackHead};
use model::{Erased, Reads, Registry};

use crate::lab::parse;

#[test]
fn every_example_is_without_errors() {
    let kinds = providers::kinds();
    for kind in kinds.kinds() {
        let document = parse(kind.name, kind.example);
        let mut diagnostics = Diagnostics::default();
        read_with(&document, &Unresolved, &mut diagnostics, |decoder| {
            check(document.root(), decoder, &kinds);
            Some(())
        });
        assert!(diagnostics.is_empty(), "{}: {:#?}", kind.name, diagnostics);
    }
}

#[test]
fn every_example_shows_every_key_of_its_kind() {
    for kind in providers::kinds().kinds() {
        let document = parse(kind.name, kind.example);
        let mut shown = BTreeSet::new();
        for (_, resource) in resources(document.root()) {
            if resource.get("kind").and_then(Node::scalar).is_some_and(|is| is.text == kind.name) {
                keys_in(resource, &mut shown);
            }
        }
        let mut declared = BTreeSet::new();
        keys_of((kind.spec)(), &mut declared);
        let missing: Vec<_> = declared.iter().filter(|key| !shown.contains(**key)).collect();
        assert!(missing.is_empty(), "the example of {} does not show {missing:?}", kind.name);
    }
}

#[test]
fn every_example_says_in_its_first_line_what_the_kind_is_for() {
    for kind in providers::kinds().kinds() {
        let first = kind.example.lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("# {} ", kind.name)), "{}: `{first}`", kind.name);
        assert!(first.ends_with('.'), "{}: `{first}` is a sentence", kind.name);
    }
}

#[test]
fn every_example_says_by_what_an_import_finds_one() {
    let kinds = providers::kinds();
    // What only reads has nothing to be found.
    let found =
        |kind: &&Arc<Erased>| kind.reads != Reads::Nothing && !kind.name.starts_with("data.");
    for kind in kinds.kinds().filter(found) {
        let (head, _) = kind.example.split_once("\nstack:").unwrap();
        assert!(head.contains("`windlass import`"), "{}: {head}", kind.name);
    }
}

#[test]
fn no_attribute_hides_behind_a_key_of_the_same_name() {
    for kind in providers::kinds().kinds() {
        for attribute in (kind.object)().keys() {
            assert!(kind.key(attribute).is_none(), "{}: `{attribute}` is both", kind.name);
        }
    }
}

#[test]
fn no_kind_has_a_key_that_every_resource_has_already() {
    for kind in providers::kinds().kinds() {
        for key in Header::layout().keys() {
            assert!(kind.key(key).is_none(), "{}: `{key}` is taken", kind.name);
        }
    }
}

#[test]
fn every_attribute_follows_keys_that_there_are() {
    for kind in providers::kinds().kinds() {
        for attribute in &(kind.object)().fields {
            for key in attribute.follows.unwrap_or_default() {
                let key_or_attribute = kind.key(key).is_some() || kind.attribute(key).is_some();
                let there = key_or_attribute || *key == "content";
                assert!(there, "{}: `{}` follows `{key}`", kind.name, attribute.key);
            }
        }
    }
}

/// Checks a stack file without the engine: its head, and each resource's keys.
fn check(root: Node<'_>, decoder: &mut Decoder<'_>, kinds: &Registry) {
    if let Some(mut keys) = decoder.open_partly(root, vec![StackHead::layout()]) {
        StackHead::take(&mut keys);
    }
    for (name, resource) in resources(root) {
        let kind = resource.get("kind").and_then(Node::scalar).map_or("", |kind| kind.text);
        // An example may use another kind beside its own, which is then built in as well.
        let kind = kinds.get(kind).unwrap_or_else(|| panic!("{name}: there is no kind `{kind}`"));
        resource_keys(resource, decoder, kind);
    }
}

fn resource_keys(resource: Node<'_>, decoder: &mut Decoder<'_>, kind: &Erased) {
    let layouts = vec![Header::layout(), (kind.spec)()];
    let mut keys: Keys<'_, '_, '_> = decoder.open(resource, layouts).expect("a map");
    Header::take(&mut keys);
    (kind.check)(&mut keys);
    keys.close();
}

fn resources(root: Node<'_>) -> Vec<(&str, Node<'_>)> {
    let Some(Content::Map(entries)) = root.get("resources").map(Node::content) else {
        panic!("an example has `resources:`");
    };
    entries.iter().map(|(key, value)| (key.scalar().map_or("", |key| key.text), value)).collect()
}

fn keys_in(node: Node<'_>, found: &mut BTreeSet<String>) {
    match node.content() {
        Content::Map(entries) => {
            for (key, value) in entries.iter() {
                found.extend(key.scalar().map(|key| key.text.to_owned()));
                keys_in(value, found);
            }
        }
        Content::List(list) => list.iter().for_each(|item| keys_in(item, found)),
        Content::Scalar(_) => {}
    }
}

fn keys_of(layout: &'static Layout, found: &mut BTreeSet<&'static str>) {
    let cases = layout.cases.iter().flat_map(|case| &case.fields);
    for field in layout.fields.iter().chain(cases) {
        found.insert(field.key);
        shape_keys((field.shape)(), found);
    }
}

fn shape_keys(shape: Shape, found: &mut BTreeSet<&'static str>) {
    match shape {
        Shape::Record(layout) => keys_of(layout(), found),
        Shape::List(item) | Shape::Map(item) | Shape::MapBy { value: item, .. } => {
            shape_keys(item(), found);
        }
        Shape::Either(forms) => {
            forms.alternatives.iter().for_each(|form| shape_keys((form.shape)(), found));
        }
        _ => {}
    }
}
