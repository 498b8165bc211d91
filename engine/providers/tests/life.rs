//! The life of a resource that works on this machine alone: made, read, changed, read, destroyed.
//!
//! What must hold for every kind stands here; each kind's test says only what it is made of.

use std::sync::Arc;

use model::value::Tree;
use model::{Change, Erased, Fault, Found, Known, Object, Reads, Token};

use crate::lab::{Lab, kind};

/// One resource in a lab.
pub(crate) struct Life<'l> {
    pub(crate) lab: &'l Lab,
    pub(crate) kind: Arc<Erased>,
}

impl<'l> Life<'l> {
    pub(crate) fn of(lab: &'l Lab, name: &str) -> Self {
        Self { lab, kind: kind(name) }
    }

    pub(crate) async fn create(&self, keys: &str) -> Result<Object, Fault> {
        self.create_as(keys, &self.lab.token()).await
    }

    pub(crate) async fn create_as(&self, keys: &str, token: &Token) -> Result<Object, Fault> {
        let tree = self.lab.tree(keys);
        self.apply(Change::Create(&tree), token).await.map(|made| made.expect("an object"))
    }

    pub(crate) async fn update(&self, keys: &str, object: &Object) -> Result<Object, Fault> {
        let tree = self.lab.tree(keys);
        let made = self.apply(Change::Update(&tree, object), &self.lab.token()).await;
        made.map(|made| made.expect("an object"))
    }

    pub(crate) async fn delete(&self, keys: &str, object: &Object) -> Result<(), Fault> {
        let tree = self.lab.tree(keys);
        let gone = self.apply(Change::Delete(Some(&tree), object), &self.lab.token()).await?;
        assert_eq!(gone, None, "after a deletion there is nothing");
        Ok(())
    }

    pub(crate) async fn apply(
        &self,
        change: Change<'_, Tree>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        self.kind.effects.apply(&self.lab.context, change, token).await
    }

    pub(crate) async fn foresee(&self, change: Change<'_, Tree>) -> Result<Option<String>, Fault> {
        self.kind.effects.foresee(&self.lab.context, change).await
    }

    pub(crate) async fn find(&self, change: Change<'_, Tree>, token: &Token) -> Found {
        self.kind.effects.find(&self.lab.context, change, token).await.unwrap()
    }

    pub(crate) async fn read(&self, keys: &str, object: &Object) -> Result<Option<Object>, Fault> {
        let tree = self.lab.tree(keys);
        let known = Known {
            id: object.id.clone(),
            sealed: tree.values().any(|value| !value.secrets().is_empty()),
            spec: (self.kind.reads == Reads::BySpec).then_some(tree),
        };
        let mut found = self.kind.effects.read(&self.lab.context, &[known]).await?;
        found.remove(0)
    }

    /// Returns the keys that differ.
    pub(crate) fn differing(&self, keys: &str, object: &Object) -> Vec<&'static str> {
        let tree = self.lab.tree(keys);
        let found = (self.kind.diff)(&tree, object, &*self.lab.vault).unwrap();
        found.into_iter().map(|difference| difference.key).collect()
    }

    /// Makes it, changes it and destroys it, and looks after each step.
    pub(crate) async fn runs(&self, first: &str, second: &str) {
        let made = self.create(first).await.unwrap();
        self.is_as_applied(first, &made).await;
        let differing = self.differing(second, &made);
        let name = self.kind.name;
        assert!(
            !differing.is_empty(),
            "{name}: `diff` sees no difference between `first` and `second`"
        );
        let changed = self.update(second, &made).await.unwrap();
        self.is_as_applied(second, &changed).await;
        self.ends(second, &changed).await;
    }

    /// Destroys it, twice.
    pub(crate) async fn ends(&self, keys: &str, object: &Object) {
        self.delete(keys, object).await.unwrap();
        if self.kind.reads == Reads::ById {
            let read = self.read(keys, object).await.unwrap();
            assert_eq!(read, None, "{}: let `read` return None for what is gone", self.kind.name);
        }
        self.delete(keys, object).await.unwrap();
        let tree = self.lab.tree(keys);
        let change = Change::Delete(Some(&tree), object);
        self.find(change, &self.lab.token()).await;
    }

    /// What was applied is read as the same, does not differ, holds every attribute and no secret.
    pub(crate) async fn is_as_applied(&self, keys: &str, object: &Object) {
        if self.kind.reads != Reads::Nothing {
            let read = self.read(keys, object).await.unwrap();
            let read = read.unwrap_or_else(|| panic!("{}: `read` does not see it", self.kind.name));
            let name = self.kind.name;
            assert_eq!(&read, object, "{name}: let `read` return just what `apply` returned");
            assert_eq!(read.digest(), object.digest());
        }
        let differing = self.differing(keys, object);
        let name = self.kind.name;
        assert!(differing.is_empty(), "{name}: it was just applied, and `diff` says {differing:?}");
        for attribute in (self.kind.object)().keys() {
            let there = object.attributes.contains_key(attribute);
            assert!(there, "{name}: `{attribute}` is declared, and `apply` does not return it");
        }
        self.shows_no_secret(&format!("{object:?}"));
    }

    /// Nothing that a kind hands over holds the text of a secret.
    pub(crate) fn shows_no_secret(&self, text: &str) {
        for secret in self.lab.vault.texts() {
            assert!(!text.contains(&secret), "{}: a secret shows in {text}", self.kind.name);
        }
    }
}

/// A create with one token twice makes one, and `find` knows it from one that was not begun.
pub(crate) async fn is_made_once(life: &Life<'_>, keys: &str) -> Object {
    let (token, tree) = (life.lab.token(), life.lab.tree(keys));
    let found = life.find(Change::Create(&tree), &token).await;
    assert!(!matches!(found, Found::Done(_)), "not begun");
    let made = life.create_as(keys, &token).await.unwrap();
    assert_eq!(life.find(Change::Create(&tree), &token).await, Found::Done(Some(made.clone())));
    let again = life.create_as(keys, &token).await.unwrap();
    assert_eq!(again, made, "{}: the same token, the same thing", life.kind.name);
    made
}
