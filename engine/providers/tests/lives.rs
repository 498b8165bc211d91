//! Every kind of THE list lives a whole life, as `life.yml` in its folder says: made, read, changed,
//! found after a crash, destroyed.
//!
//! `life.yml` has `first` and `second`, the keys of one resource before and after a change in place
//! (`second` may be left out where there is none), and perhaps `before`: by their kinds, resources that
//! must be there first. A kind that needs more (a server, a program) says which test gives it its life
//! instead: `elsewhere: tests/servers.rs`.

use std::path::{Path, PathBuf};

use language::{Content, Node};
use model::{Change, Erased, Found, Reads, Value};

use crate::cases::desired;
use crate::lab::{Lab, parse};
use crate::life::Life;

#[tokio::test]
async fn every_kind_lives_a_whole_life() {
    for kind in providers::kinds().kinds() {
        let file = folder(kind.name).join("life.yml");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|_| {
            panic!(
                "{} has no life: write {} with `first` and `second`, the keys of one resource before \
                 and after a change (tests/lives.rs says more)",
                kind.name,
                file.display()
            )
        });
        let document = parse(&file.display().to_string(), &text);
        match document.root().get("elsewhere").and_then(Node::scalar) {
            Some(test) => is_lived_in(kind, test.text),
            None => lives(kind, document.root()).await,
        }
    }
}

async fn lives(kind: &Erased, told: Node<'_>) {
    let lab = Lab::new();
    if let Some(Content::Map(before)) = told.get("before").map(Node::content) {
        for (other, keys) in before.iter() {
            let other = Life::of(&lab, other.scalar().unwrap().text);
            other.create(keys.scalar().unwrap().text).await.unwrap();
        }
    }
    let keys = |name: &str| told.get(name).and_then(Node::scalar).map(|keys| keys.text);
    let life = Life::of(&lab, kind.name);
    let first = keys("first").unwrap_or_else(|| panic!("{}: life.yml has no `first`", kind.name));
    match keys("second") {
        Some(second) => life.runs(first, second).await,
        None => {
            let made = life.create(first).await.unwrap();
            life.is_as_applied(first, &made).await;
            life.ends(first, &made).await;
        }
    }
    is_found_or_made_again(&life, first).await;
}

/// After a crash nobody knows whether it was made: `find` says so, or says that nothing is lost when it is
/// made again under the same token.
async fn is_found_or_made_again(life: &Life<'_>, keys: &str) {
    let (name, tree, token) = (life.kind.name, life.lab.tree(keys), life.lab.token());
    let found = life.find(Change::Create(&tree), &token).await;
    assert!(
        !matches!(found, Found::Done(_)),
        "{name}: `find` says that a create happened which was never begun"
    );
    let made = life.create_as(keys, &token).await.unwrap();
    let found = life.find(Change::Create(&tree), &token).await;
    match found {
        Found::Done(found) => assert_eq!(
            found.as_ref(),
            Some(&made),
            "{name}: let `find` return just what `apply` returned for the same token"
        ),
        _ => assert!(
            life.kind.reads != Reads::ById,
            "{name}: `find` does not see what was made under its token: after a crash it would be \
             made twice"
        ),
    }
    let again = life.create_as(keys, &token).await.unwrap();
    assert_eq!(
        again, made,
        "{name}: let a second create with the same token return the same object"
    );
    life.ends(keys, &made).await;
}

/// The test is there, and is about this kind.
fn is_lived_in(kind: &Erased, test: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(test);
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|_| panic!("{}: life.yml names {test}, which is not there", kind.name));
    let lives = ["life.runs(", ".runs(&", "is_made_once("].iter().any(|call| text.contains(call));
    assert!(
        lives && text.contains(&format!("\"{}\"", kind.name)),
        "{test} gives {} no life: let it call `Life::of(&lab, \"{}\").runs(first, second)`",
        kind.name,
        kind.name
    );
}

#[test]
fn kinds_that_are_a_path_share_one_space() {
    let space = crate::lab::kind("file.text").space;
    let mut seen = 0;
    for kind in providers::kinds().kinds() {
        for tree in desired(kind.name) {
            let Some(identity) = (kind.identity)(&tree) else { continue };
            let is_path = |value: &Value| {
                value.as_text().is_some_and(|text| text.contains(['/', '.']) && text == identity)
            };
            if tree.values().any(is_path) {
                seen += 1;
                assert_eq!(
                    kind.space, space,
                    "{}: it is the path {identity}: give it `const SPACE: &'static str = \
                     disk::SPACE`, so that no other kind can be the same path",
                    kind.name
                );
            }
        }
    }
    assert!(seen > 20, "only {seen} paths were compared");
}

fn folder(kind: &str) -> PathBuf {
    let (provider, noun) = kind.split_once('.').unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    source.join(provider).join(noun.replace('-', "_"))
}
