//! Secrets that came into the open: what must not be kept or shown is taken out here, whoever let it
//! through.
//!
//! It must not know where the text is going.

use model::{Digest, Fault, Object, Tree, Value};

/// Knows the texts that must not be shown.
pub trait Sealing: Send + Sync {
    /// Returns the text with every secret in it covered.
    fn masked(&self, text: &str) -> String;

    /// Returns whether a secret stands in the text, in any of its forms.
    fn betrays(&self, text: &str) -> bool;

    /// Returns a hash under the project's own key.
    fn hash(&self, text: &str) -> Digest;

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

    /// Returns an object that may be kept.
    fn sealed_object(&self, object: Object) -> Object {
        Object { id: object.id, attributes: self.sealed_tree(object.attributes) }
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
