//! The annotated type, read into what matters.

use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Fields, Ident, Lit, LitStr, Meta, Path,
    Result, Type,
};

pub struct Input<'i> {
    pub name: &'i Ident,
    pub doc: String,
    pub check: Option<Path>,
    pub body: Body<'i>,
}

pub enum Body<'i> {
    Keys(Vec<Key<'i>>),
    Words(Vec<(&'i Ident, String)>),
    Cases(Vec<Variant<'i>>),
    Forms(Vec<(&'i Ident, String, &'i Type)>),
}

pub struct Variant<'i> {
    pub name: &'i Ident,
    pub doc: String,
    pub keys: Vec<Key<'i>>,
}

pub struct Key<'i> {
    pub field: &'i Ident,
    pub ty: &'i Type,
    pub doc: String,
    pub key: String,
    pub default: Option<String>,
    pub flatten: bool,
    pub replaces: bool,
    pub follows: Option<Vec<String>>,
}

impl<'i> Input<'i> {
    pub fn read(item: &'i DeriveInput) -> Result<Self> {
        let options = Options::read(&item.attrs)?;
        let body = match &item.data {
            Data::Struct(data) => Body::Keys(keys(&data.fields)?),
            Data::Enum(data) => variants(data, &item.ident)?,
            Data::Union(_) => return Err(Error::new_spanned(item, "a union cannot be a spec")),
        };
        Ok(Self { name: &item.ident, doc: doc(&item.attrs), check: options.check, body })
    }
}

fn variants<'i>(data: &'i syn::DataEnum, name: &Ident) -> Result<Body<'i>> {
    let all = |form: fn(&Fields) -> bool| data.variants.iter().all(|variant| form(&variant.fields));
    let variants = data.variants.iter();
    if all(|fields| matches!(fields, Fields::Unit)) {
        Ok(Body::Words(variants.map(|variant| (&variant.ident, doc(&variant.attrs))).collect()))
    } else if all(|fields| matches!(fields, Fields::Named(named) if !named.named.is_empty())) {
        let case = |variant: &'i syn::Variant| {
            Ok(Variant {
                name: &variant.ident,
                doc: doc(&variant.attrs),
                keys: keys(&variant.fields)?,
            })
        };
        Ok(Body::Cases(variants.map(case).collect::<Result<_>>()?))
    } else if all(|fields| matches!(fields, Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1))
    {
        let form = |variant: &'i syn::Variant| {
            (
                &variant.ident,
                doc(&variant.attrs),
                &variant.fields.iter().next().expect("counted above").ty,
            )
        };
        Ok(Body::Forms(variants.map(form).collect()))
    } else {
        Err(Error::new_spanned(
            name,
            "the variants must be all words, all with keys, or all with one value",
        ))
    }
}

fn keys(fields: &Fields) -> Result<Vec<Key<'_>>> {
    fields.iter().map(key).collect()
}

fn key(field: &syn::Field) -> Result<Key<'_>> {
    let name = field
        .ident
        .as_ref()
        .ok_or_else(|| Error::new_spanned(field, "a spec needs named fields"))?;
    let options = Options::read(&field.attrs)?;
    let doc = doc(&field.attrs);
    if doc.is_empty() && !options.flatten {
        return Err(Error::new_spanned(
            name,
            "say in a doc comment what this key is for: it is the help text",
        ));
    }
    let key = options.key.unwrap_or_else(|| name.to_string().trim_start_matches("r#").to_owned());
    let Options { default, flatten, replaces, follows, .. } = options;
    Ok(Key { field: name, ty: &field.ty, doc, key, default, flatten, replaces, follows })
}

#[derive(Default)]
struct Options {
    key: Option<String>,
    default: Option<String>,
    flatten: bool,
    check: Option<Path>,
    replaces: bool,
    follows: Option<Vec<String>>,
}

impl Options {
    fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("spec")) {
            attribute.parse_nested_meta(|meta| {
                let name = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
                match name.as_str() {
                    "key" => options.key = Some(meta.value()?.parse::<LitStr>()?.value()),
                    "default" => options.default = Some(meta.value()?.parse::<LitStr>()?.value()),
                    "flatten" => options.flatten = true,
                    "replaces" => options.replaces = true,
                    "follows" => {
                        options.follows = Some(words(&meta.value()?.parse::<LitStr>()?.value()))
                    }
                    "check" => options.check = Some(meta.value()?.parse()?),
                    _ => return Err(meta.error(
                        "expected `key`, `default`, `flatten`, `check`, `replaces` or `follows`",
                    )),
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn doc(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect::<Vec<_>>().join(" ").trim().to_owned()
}
