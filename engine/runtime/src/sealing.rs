//! Secrets that came into the open: what must not be kept or shown is taken out here, whoever let it
//! through.
//!
//! It must not know where the text is going.

use std::sync::Arc;

use model::mask::Masker;
use model::{Digest, Fault, Object, Tree, Value};

/// Knows the texts that must not be shown.
pub trait Sealing: Send + Sync {
    /// Returns what covers every secret that is known by now.
    fn masker(&self) -> Arc<Masker>;

    /// Returns a hash under the project's own key.
    fn hash(&self, text: &str) -> Digest;

    /// Returns the text with every secret in it covered.
    fn masked(&self, text: &str) -> String {
        self.masker().masked(text)
    }

    /// Returns whether a secret stands in the text, in any of its forms.
    fn betrays(&self, text: &str) -> bool {
        self.masker().shown(text).is_some()
    }

    /// Returns a value in which text that betrays a secret is only a hash.
    fn sealed(&self, value: Value) -> Value {
        match value {
            Value::Text(text) | Value::Plain(text) if self.betrays(&text) => {
                Value::Sealed(self.hash(&text))
            }
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| self.sealed(item)).collect())
            }
            Value::Map(tree) => Value::Map(self.sealed_tree(tree)),
            other => other,
        }
    }

    /// Returns a tree whose values are sealed.
    fn sealed_tree(&self, tree: Tree) -> Tree {
        tree.into_iter().map(|(key, value)| (key, self.sealed(value))).collect()
    }

    /// Returns an object that may be kept. `before` is what was kept of it, if nothing but the world may
    /// have changed it since: what was sealed then stays sealed. The secret may have another text by
    /// now, and what there is may still hold the old one.
    fn sealed_object(&self, object: Object, before: Option<&Object>) -> Object {
        let attributes = self.sealed_tree(object.attributes);
        let attributes = match before {
            Some(before) => self.still_sealed_tree(attributes, &before.attributes),
            None => attributes,
        };
        Object { id: object.id, attributes }
    }

    /// Returns a value that is sealed wherever it was before.
    fn still_sealed(&self, value: Value, before: &Value) -> Value {
        match (value, before) {
            (Value::Text(text) | Value::Plain(text), Value::Sealed(_)) if !text.is_empty() => {
                Value::Sealed(self.hash(&text))
            }
            (Value::List(items), Value::List(before)) => {
                let before = before.iter().chain(std::iter::repeat(&Value::Null));
                let both = items.into_iter().zip(before);
                Value::List(both.map(|(item, before)| self.still_sealed(item, before)).collect())
            }
            (Value::Map(tree), Value::Map(before)) => {
                Value::Map(self.still_sealed_tree(tree, before))
            }
            (other, _) => other,
        }
    }

    /// Returns a tree whose values are sealed wherever they were before.
    fn still_sealed_tree(&self, tree: Tree, before: &Tree) -> Tree {
        let still = |(key, value): (String, Value)| {
            let before = before.get(&key).unwrap_or(&Value::Null);
            let value = self.still_sealed(value, before);
            (key, value)
        };
        tree.into_iter().map(still).collect()
    }

    /// Returns a fault that may be shown.
    fn masked_fault(&self, fault: Fault) -> Fault {
        Fault {
            nature: fault.nature,
            message: self.masked(&fault.message),
            help: fault.help.map(|help| self.masked(&help)),
            details: fault.details.iter().map(|line| self.masked(line)).collect(),
        }
    }
}
