//! The annotated type, read into what matters, and every wrong use of an attribute refused where it
//! stands. It writes no code.

use syn::{Data, DeriveInput, Error, Fields, Ident, Path, Result, Type};

use crate::options::{Options, Place, doc, doc_of};

pub(crate) struct Input<'i> {
    pub(crate) name: &'i Ident,
    pub(crate) doc: String,
    pub(crate) check: Option<Path>,
    pub(crate) extensions: bool,
    pub(crate) body: Body<'i>,
}

pub(crate) enum Body<'i> {
    Keys(Vec<Key<'i>>),
    Words(Vec<Word<'i>>),
    Cases(Vec<Variant<'i>>),
    Forms(Vec<Form<'i>>),
}

pub(crate) struct Word<'i> {
    pub(crate) name: &'i Ident,
    pub(crate) written: String,
    pub(crate) doc: String,
}

pub(crate) struct Variant<'i> {
    pub(crate) name: &'i Ident,
    pub(crate) doc: String,
    pub(crate) keys: Vec<Key<'i>>,
}

pub(crate) struct Form<'i> {
    pub(crate) name: &'i Ident,
    pub(crate) doc: String,
    pub(crate) ty: &'i Type,
}

pub(crate) struct Key<'i> {
    pub(crate) field: &'i Ident,
    pub(crate) ty: &'i Type,
    pub(crate) doc: String,
    pub(crate) written: String,
    pub(crate) default: Option<String>,
    pub(crate) flatten: bool,
    pub(crate) replaces: bool,
    pub(crate) sensitive: bool,
    pub(crate) follows: Option<Vec<String>>,
}

impl<'i> Input<'i> {
    pub(crate) fn read(item: &'i DeriveInput) -> Result<Self> {
        if !item.generics.params.is_empty() {
            let message = "a spec has no type parameters: people write one form of it";
            return Err(Error::new_spanned(&item.generics, message));
        }
        let options = Options::read(&item.attrs, Place::Type)?;
        let body = match &item.data {
            Data::Struct(data) => Body::Keys(keys(&data.fields, Place::Field)?),
            Data::Enum(data) => variants(data, &item.ident)?,
            Data::Union(_) => return Err(Error::new_spanned(item, "a union cannot be a spec")),
        };
        let is_record = matches!(body, Body::Keys(_) | Body::Cases(_));
        if !is_record && let Some(check) = &options.check {
            let message = "`check` looks at keys, and this type has none";
            return Err(Error::new_spanned(check, message));
        }
        let (check, extensions) = (options.check, options.extensions);
        Ok(Self { name: &item.ident, doc: doc(&item.attrs), check, extensions, body })
    }
}

fn variants<'i>(data: &'i syn::DataEnum, name: &Ident) -> Result<Body<'i>> {
    let all = |form: fn(&Fields) -> bool| data.variants.iter().all(|variant| form(&variant.fields));
    let variants = data.variants.iter();
    if data.variants.is_empty() {
        Err(Error::new_spanned(name, "an enum without variants can never be written"))
    } else if all(|fields| matches!(fields, Fields::Unit)) {
        Ok(Body::Words(variants.map(word).collect::<Result<_>>()?))
    } else if all(|fields| matches!(fields, Fields::Named(named) if !named.named.is_empty())) {
        Ok(Body::Cases(variants.map(case).collect::<Result<_>>()?))
    } else if all(|fields| matches!(fields, Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1))
    {
        Ok(Body::Forms(variants.map(form).collect::<Result<_>>()?))
    } else {
        Err(Error::new_spanned(
            name,
            "the variants must be all words, all with keys, or all with one value",
        ))
    }
}

fn word(variant: &syn::Variant) -> Result<Word<'_>> {
    let options = Options::read(&variant.attrs, Place::Word)?;
    let doc = doc_of(&variant.ident, &variant.attrs, "this word")?;
    let written = options.key.unwrap_or_else(|| kebab(&variant.ident.to_string()));
    Ok(Word { name: &variant.ident, written, doc })
}

fn case(variant: &syn::Variant) -> Result<Variant<'_>> {
    Options::read(&variant.attrs, Place::Variant)?;
    let doc = doc_of(&variant.ident, &variant.attrs, "this variant")?;
    let keys = keys(&variant.fields, Place::FieldOfVariant)?;
    if let Some(first) = keys.first()
        && (first.default.is_some() || is_option(first.ty))
    {
        let message = "the first key chooses the variant: it can be neither optional nor a default";
        return Err(Error::new_spanned(first.field, message));
    }
    Ok(Variant { name: &variant.ident, doc, keys })
}

fn form(variant: &syn::Variant) -> Result<Form<'_>> {
    Options::read(&variant.attrs, Place::Variant)?;
    let doc = doc_of(&variant.ident, &variant.attrs, "this form")?;
    let message = "a form has one value";
    let field = variant.fields.iter().next();
    let field = field.ok_or_else(|| Error::new_spanned(variant, message))?;
    Options::read(&field.attrs, Place::Variant)?;
    Ok(Form { name: &variant.ident, doc, ty: &field.ty })
}

fn keys(fields: &Fields, place: Place) -> Result<Vec<Key<'_>>> {
    let keys: Vec<Key<'_>> = fields.iter().map(|field| key(field, place)).collect::<Result<_>>()?;
    for (index, key) in keys.iter().enumerate() {
        let same =
            |other: &&Key<'_>| other.written == key.written && !other.flatten && !key.flatten;
        if keys[..index].iter().any(|other| same(&other)) {
            let message = format!("the key `{}` is there twice", key.written);
            return Err(Error::new_spanned(key.field, message));
        }
    }
    Ok(keys)
}

fn key(field: &syn::Field, place: Place) -> Result<Key<'_>> {
    let message = "a spec needs named fields; implement `Leaf` for a new kind of scalar";
    let name = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, message))?;
    let options = Options::read(&field.attrs, place)?;
    let doc = if options.flatten { String::new() } else { doc_of(name, &field.attrs, "this key")? };
    let written =
        options.key.unwrap_or_else(|| name.to_string().trim_start_matches("r#").to_owned());
    let Options { default, flatten, replaces, sensitive, follows, .. } = options;
    Ok(Key {
        field: name,
        ty: &field.ty,
        doc,
        written,
        default,
        flatten,
        replaces,
        sensitive,
        follows,
    })
}

/// Returns what stands in the brackets of `Option<…>`, `Box<…>`.
pub(crate) fn inside<'t>(ty: &'t Type, outer: &str) -> Option<&'t Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == outer)?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(inner)) if arguments.args.len() == 1 => Some(inner),
        _ => None,
    }
}

fn is_option(ty: &Type) -> bool {
    inside(ty, "Option").is_some()
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
