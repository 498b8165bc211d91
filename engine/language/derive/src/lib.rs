//! `#[derive(Spec)]`: a Rust type is the declaration of what people write.
//!
//! The form of the type decides; there is almost nothing to configure:
//!
//! | Rust | YAML |
//! |---|---|
//! | `struct S { a: A, b: Option<B> }` | a map with these keys |
//! | `enum E { One, TwoWords }` | one of the words `one`, `two-words` |
//! | `enum E { X { x: X, y: Y }, Z { z: Z } }` | a map; the first key of a variant, if present, chooses it |
//! | `enum E { Short(A), Long(Vec<A>) }` | told apart by form: scalar, list or map |
//!
//! Fields may be scalars and other specs, and `Option`, `Vec`, `BTreeMap<String, _>`, `Spanned` of them in
//! each other. `Box<T>` and `Option<Box<T>>` may stand as a field or as the one value of a variant, where
//! a type holds itself.
//!
//! Doc comments become help and schema; a key, a word and a variant without one do not compile.
//!
//! | attribute | on | says |
//! |---|---|---|
//! | `default = "30s"` | a field | its value if left out, as an author would write it |
//! | `key = "as"` | a field, a word | how it is written, where Rust cannot have the name |
//! | `flatten` | a field | the keys of its type stand among the others |
//! | `replaces` | a field | a change of it cannot be made in place |
//! | `follows = "names, days"` | an attribute of an object | only a change of these keys changes it; `""`: none does |
//! | `sensitive` | an attribute of an object | its value is never shown |
//! | `check = function` | a type with keys | `fn(&Self, &mut Keys)` looks at several keys at once |
//! | `extensions` | a type with keys | keys that start with `x-` are left alone: a home for anchors |

mod expand;
mod input;
mod options;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct or an enum a type that people write in YAML: see the documentation of this crate.
#[proc_macro_derive(Spec, attributes(spec))]
pub fn derive_spec(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    input::Input::read(&item)
        .map_or_else(|error| error.to_compile_error(), |input| expand::expand(&input))
        .into()
}
