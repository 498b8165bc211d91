//! The annotated type, written out as impls of `Spec` and `Record`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type};

use crate::input::{Body, Input, Key, Variant};

pub fn expand(input: &Input) -> TokenStream {
    match &input.body {
        Body::Keys(keys) => {
            record(input, &layout(keys, &[]), &construct(input.name, &quote!(Self), keys, input))
        }
        Body::Cases(cases) => record(input, &layout(&[], cases), &choose(input, cases)),
        Body::Words(words) => choice(input.name, words),
        Body::Forms(forms) => either(input.name, forms),
    }
}

fn record(input: &Input, layout: &TokenStream, take: &TokenStream) -> TokenStream {
    let (name, doc) = (input.name, &input.doc);
    quote! {
        impl ::language::Record for #name {
            fn layout() -> &'static ::language::Layout {
                static LAYOUT: ::std::sync::LazyLock<::language::Layout> = ::std::sync::LazyLock::new(|| {
                    let id = concat!(module_path!(), "::", stringify!(#name));
                    let mut layout = ::language::Layout { id, doc: #doc, fields: Vec::new(), cases: Vec::new() };
                    #layout
                    layout
                });
                &LAYOUT
            }

            fn take(keys: &mut ::language::Keys<'_, '_, '_>) -> Option<Self> {
                #take
            }
        }

        impl ::language::Spec for #name {
            fn shape() -> ::language::Shape {
                ::language::Shape::Record(<Self as ::language::Record>::layout)
            }

            fn decode(node: ::language::Node<'_>, decoder: &mut ::language::Decoder<'_>) -> Option<Self> {
                decoder.record(node)
            }
        }
    }
}

/// Statements that fill `layout`.
fn layout(keys: &[Key], cases: &[Variant]) -> TokenStream {
    let keys = keys.iter().map(|key| {
        let ty = key.ty;
        if key.flatten {
            return quote!(layout.include(<#ty as ::language::Record>::layout()););
        }
        let field = field(key);
        quote!(layout.fields.push(#field);)
    });
    let cases = cases.iter().map(|case| {
        let (doc, fields) = (&case.doc, case.keys.iter().map(field));
        quote!(layout.cases.push(::language::shape::Case { doc: #doc, fields: vec![#(#fields),*] });)
    });
    quote!(#(#keys)* #(#cases)*)
}

fn field(key: &Key) -> TokenStream {
    let Key { key: name, doc, ty, replaces, .. } = key;
    let follows = match &key.follows {
        Some(keys) => quote!(Some(&[#(#keys),*])),
        None => quote!(None),
    };
    let (required, default) = match &key.default {
        Some(default) => (quote!(false), quote!(Some(#default))),
        None => (quote!(<#ty as ::language::Spec>::absent().is_none()), quote!(None)),
    };
    quote! {
        ::language::Field {
            key: #name,
            doc: #doc,
            shape: <#ty as ::language::Spec>::shape,
            required: #required,
            default: #default,
            replaces: #replaces,
            follows: #follows,
        }
    }
}

/// Reads every key before it looks whether one failed, so that all errors are found.
fn construct(name: &Ident, path: &TokenStream, keys: &[Key], input: &Input) -> TokenStream {
    let fields: Vec<&Ident> = keys.iter().map(|key| key.field).collect();
    let reads = keys.iter().map(read);
    let check = input.check.as_ref().map(|check| quote!(#check(&value, keys);));
    quote! {
        #(let #fields = #reads;)*
        let value: #name = #path { #(#fields: #fields?),* };
        #check
        Some(value)
    }
}

fn read(key: &Key) -> TokenStream {
    let (name, ty) = (&key.key, key.ty);
    match &key.default {
        _ if key.flatten => quote!(<#ty as ::language::Record>::take(keys)),
        None => quote!(keys.field::<#ty>(#name)),
        Some(default) => quote! {{
            static DEFAULT: ::std::sync::LazyLock<::language::Document> =
                ::std::sync::LazyLock::new(|| ::language::Document::value(#default));
            keys.field_or::<#ty>(#name, &DEFAULT)
        }},
    }
}

fn choose(input: &Input, cases: &[Variant]) -> TokenStream {
    let chosen_by = cases.iter().map(|case| &case.keys[0].key);
    let arms = cases.iter().enumerate().map(|(index, case)| {
        let variant = case.name;
        let construct = construct(input.name, &quote!(Self::#variant), &case.keys, input);
        quote!(Some(#index) => { #construct })
    });
    quote! {
        match keys.choose(&[#(#chosen_by),*]) {
            #(#arms)*
            _ => None,
        }
    }
}

fn choice(name: &Ident, words: &[(&Ident, String)]) -> TokenStream {
    let arms =
        words.iter().enumerate().map(|(index, (variant, _))| quote!(#index => Self::#variant,));
    let choices = words.iter().map(|(variant, doc)| {
        let word = kebab(&variant.to_string());
        quote!(::language::shape::Choice { name: #word, doc: #doc })
    });
    quote! {
        impl ::language::Spec for #name {
            fn shape() -> ::language::Shape {
                const CHOICES: &[::language::shape::Choice] = &[#(#choices),*];
                ::language::Shape::Choice(CHOICES)
            }

            fn decode(node: ::language::Node<'_>, decoder: &mut ::language::Decoder<'_>) -> Option<Self> {
                Some(match decoder.choice(node, Self::shape())? {
                    #(#arms)*
                    _ => return None,
                })
            }
        }
    }
}

fn either(name: &Ident, forms: &[(&Ident, String, &Type)]) -> TokenStream {
    let alternatives = forms.iter().map(
        |(_, doc, ty)| quote!(::language::shape::Alternative { doc: #doc, shape: <#ty as ::language::Spec>::shape }),
    );
    let arms = forms.iter().map(|(variant, _, ty)| {
        quote! {
            if <#ty as ::language::Spec>::shape().accepts(node) {
                return <#ty as ::language::Spec>::decode(node, decoder).map(Self::#variant);
            }
        }
    });
    quote! {
        impl ::language::Spec for #name {
            fn shape() -> ::language::Shape {
                const FORMS: &[::language::shape::Alternative] = &[#(#alternatives),*];
                ::language::Shape::Either(FORMS)
            }

            fn decode(node: ::language::Node<'_>, decoder: &mut ::language::Decoder<'_>) -> Option<Self> {
                #(#arms)*
                decoder.mismatch(node, Self::shape())
            }
        }
    }
}

/// `OnFailure` as `on-failure`.
fn kebab(name: &str) -> String {
    let mut word = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            word.push('-');
        }
        word.extend(letter.to_lowercase());
    }
    word
}
