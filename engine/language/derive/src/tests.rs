//! What the compiler says to those who declare a spec wrongly.

use syn::parse_quote;

use crate::input::Input;

macro_rules! refused {
    ($($test:ident: { $($item:tt)* } $message:literal;)*) => {$(
        #[test]
        fn $test() {
            let item = parse_quote!($($item)*);
            let error = Input::read(&item).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some($message));
        }
    )*};
}

refused! {
    a_key_without_a_doc_comment_is_refused: { struct S { a: u16 } }
        "say in a doc comment what this key is for: it is the help text";
    a_word_without_a_doc_comment_is_refused: { enum E { A } }
        "say in a doc comment what this word is for: it is the help text";
    a_variant_without_a_doc_comment_is_refused: { enum E { A { /** x */ a: u16 } } }
        "say in a doc comment what this variant is for: it is the help text";
    an_unknown_attribute_names_the_known_ones: { struct S { /** x */ #[spec(defualt = "1")] a: u16 } }
        "on a field can stand `key`, `default`, `flatten`, `replaces`, `follows` or `sensitive`";
    check_belongs_to_the_type: { struct S { /** x */ #[spec(check = c)] a: u16 } }
        "on a field can stand `key`, `default`, `flatten`, `replaces`, `follows` or `sensitive`";
    default_belongs_to_a_field: { #[spec(default = "1")] struct S { /** x */ a: u16 } }
        "on a type can stand `check` or `extensions`";
    an_attribute_on_a_variant_with_keys_is_refused: { enum E { /** x */ #[spec(key = "b")] A { /** x */ a: u16 } } }
        "on a variant can stand nothing";
    flatten_inside_a_variant_is_refused: { enum E { /** x */ A { /** x */ a: u16, #[spec(flatten)] b: B } } }
        "on a field of a variant can stand `key`, `default`, `replaces`, `follows` or `sensitive`";
    flatten_has_no_key_of_its_own: { struct S { #[spec(flatten, key = "b")] a: A } }
        "`flatten` takes in the keys of another type as they are";
    an_attribute_is_given_once: { struct S { /** x */ #[spec(default = "1")] #[spec(default = "2")] a: u16 } }
        "`default` is given twice";
    two_fields_cannot_have_one_key: { struct S { /** x */ a: u16, /** x */ #[spec(key = "a")] b: u16 } }
        "the key `a` is there twice";
    the_key_that_chooses_cannot_be_optional: { enum E { /** x */ A { /** x */ a: Option<u16> } } }
        "the first key chooses the variant: it can be neither optional nor a default";
    a_check_without_keys_is_refused: { #[spec(check = c)] enum E { /** x */ A } }
        "`check` looks at keys, and this type has none";
    a_tuple_struct_is_no_spec: { struct S(u16); }
        "a spec needs named fields; implement `Leaf` for a new kind of scalar";
    an_enum_of_mixed_variants_is_refused: { enum E { /** x */ A, /** x */ B(u16) } }
        "the variants must be all words, all with keys, or all with one value";
    an_enum_without_variants_is_refused: { enum E {} }
        "an enum without variants can never be written";
    type_parameters_are_refused: { struct S<T> { /** x */ a: T } }
        "a spec has no type parameters: people write one form of it";
    a_union_is_refused: { union U { a: u16 } }
        "a union cannot be a spec";
}
