//! `#[derive(Spec)]`: a Rust type is the declaration of what people write.
//!
//! The form of the type decides; there is nothing to configure:
//!
//! | Rust | YAML |
//! |---|---|
//! | `struct S { a: A, b: Option<B> }` | a map with these keys |
//! | `enum E { One, TwoWords }` | one of the words `one`, `two-words` |
//! | `enum E { X { x: X, y: Y }, Z { z: Z } }` | a map; the first key of a variant, if present, chooses it |
//! | `enum E { Short(A), Long(Vec<A>) }` | told apart by form: scalar, list or map |
//!
//! Doc comments become help and schema. On a field: `#[spec(default = "30s")]` (as an author would
//! write it), `#[spec(key = "as")]`, `#[spec(flatten)]`. For the planner: `#[spec(replaces)]` (a change
//! of it cannot be made in place), and on an attribute `#[spec(follows = "names, days")]` (only a change
//! of these keys changes it; `""`: no update does). On a type: `#[spec(check = function)]`.

mod expand;
mod input;

use proc_macro::TokenStream;

#[proc_macro_derive(Spec, attributes(spec))]
pub fn derive_spec(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    input::Input::read(&item)
        .map_or_else(|error| error.to_compile_error(), |input| expand::expand(&input))
        .into()
}
