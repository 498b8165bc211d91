//! The annotated type, written out as impls of `Spec` and `Record`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type};

use crate::input::{Body, Form, Input, Key, Variant, Word, inside};

pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    match &input.body {
        Body::Keys(keys) => {
            record(input, &layout(keys, &[]), &construct(input.name, &quote!(Self), keys, input))
        }
        Body::Cases(cases) => record(input, &layout(&[], cases), &choose(input, cases)),
        Body::Words(words) => choice(input.name, words),
        Body::Forms(forms) => either(input, forms),
    }
}

fn record(input: &Input<'_>, layout: &TokenStream, take: &TokenStream) -> TokenStream {
    let (name, doc, extensions) = (input.name, &input.doc, input.extensions);
    quote! {
        impl ::language::Record for #name {
            fn layout() -> &'static ::language::Layout {
                static LAYOUT: ::std::sync::LazyLock<::language::Layout> = ::std::sync::LazyLock::new(|| {
                    let mut layout = ::language::Layout {
                        id: concat!(module_path!(), "::", stringify!(#name)),
                        doc: #doc,
                        fields: Vec::new(),
                        cases: Vec::new(),
                        extensions: #extensions,
                    };
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
fn layout(keys: &[Key<'_>], cases: &[Variant<'_>]) -> TokenStream {
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

fn field(key: &Key<'_>) -> TokenStream {
    let Key { written: name, doc, replaces, sensitive, .. } = key;
    let ty = Boxes::of(key.ty).spec;
    let follows = key.follows.as_ref();
    let follows = follows.map_or_else(|| quote!(None), |keys| quote!(Some(&[#(#keys),*])));
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
            sensitive: #sensitive,
        }
    }
}

/// A type without the boxes that only Rust needs, and how they are put back. It is done here because a
/// trait cannot do it: another crate could make `Box` of its own type a leaf.
struct Boxes {
    spec: TokenStream,
    put_back: TokenStream,
}

impl Boxes {
    fn of(ty: &Type) -> Self {
        if let Some(inner) = inside(ty, "Box") {
            return Self { spec: quote!(#inner), put_back: quote!(.map(Box::new)) };
        }
        if let Some(inner) = inside(ty, "Option").and_then(|inner| inside(inner, "Box")) {
            let put_back = quote!(.map(|value| value.map(Box::new)));
            return Self { spec: quote!(Option<#inner>), put_back };
        }
        Self { spec: quote!(#ty), put_back: TokenStream::new() }
    }
}

/// Reads every key before it looks whether one failed, so that all errors are found.
fn construct(name: &Ident, path: &TokenStream, keys: &[Key<'_>], input: &Input<'_>) -> TokenStream {
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

fn read(key: &Key<'_>) -> TokenStream {
    let name = &key.written;
    if key.flatten {
        let ty = key.ty;
        return quote!(<#ty as ::language::Record>::take(keys));
    }
    let Boxes { spec: ty, put_back } = Boxes::of(key.ty);
    match &key.default {
        None => quote!(keys.field::<#ty>(#name) #put_back),
        Some(default) => quote! {{
            static DEFAULT: ::std::sync::LazyLock<::language::Document> =
                ::std::sync::LazyLock::new(|| ::language::Document::value(#default));
            keys.field_or::<#ty>(#name, &DEFAULT) #put_back
        }},
    }
}

fn choose(input: &Input<'_>, cases: &[Variant<'_>]) -> TokenStream {
    let chosen_by = cases.iter().filter_map(|case| case.keys.first()).map(|first| &first.written);
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

fn choice(name: &Ident, words: &[Word<'_>]) -> TokenStream {
    let arms = words.iter().enumerate().map(|(index, word)| {
        let variant = word.name;
        quote!(#index => Self::#variant,)
    });
    let choices = words.iter().map(
        |Word { written, doc, .. }| quote!(::language::shape::Choice { name: #written, doc: #doc }),
    );
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

fn either(input: &Input<'_>, forms: &[Form<'_>]) -> TokenStream {
    let (name, doc) = (input.name, &input.doc);
    let alternatives = forms.iter().map(|Form { doc, ty, .. }| {
        let ty = Boxes::of(ty).spec;
        quote!(::language::shape::Alternative { doc: #doc, shape: <#ty as ::language::Spec>::shape })
    });
    let arms = forms.iter().map(|Form { name: variant, ty, .. }| {
        let Boxes { spec: ty, put_back } = Boxes::of(ty);
        quote! {
            if <#ty as ::language::Spec>::shape().accepts(node) {
                return <#ty as ::language::Spec>::decode(node, decoder) #put_back .map(Self::#variant);
            }
        }
    });
    quote! {
        impl ::language::Spec for #name {
            fn shape() -> ::language::Shape {
                const FORMS: &::language::shape::Forms = &::language::shape::Forms {
                    id: concat!(module_path!(), "::", stringify!(#name)),
                    doc: #doc,
                    alternatives: &[#(#alternatives),*],
                };
                ::language::Shape::Either(FORMS)
            }

            fn decode(node: ::language::Node<'_>, decoder: &mut ::language::Decoder<'_>) -> Option<Self> {
                #(#arms)*
                decoder.mismatch(node, Self::shape())
            }
        }
    }
}
