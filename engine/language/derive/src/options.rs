//! What stands in `#[spec(…)]` and in doc comments, and where it may stand.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Result};

/// What an attribute stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Type,
    Field,
    FieldOfVariant,
    /// A variant that is a word.
    Word,
    /// A variant with keys or with one value.
    Variant,
}

impl Place {
    fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Type => &["check", "extensions"],
            Self::Field => &["key", "default", "flatten", "replaces", "follows", "sensitive"],
            Self::FieldOfVariant => &["key", "default", "replaces", "follows", "sensitive"],
            Self::Word => &["key"],
            Self::Variant => &[],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Type => "a type",
            Self::Field => "a field",
            Self::FieldOfVariant => "a field of a variant",
            Self::Word => "a variant that is a word",
            Self::Variant => "a variant",
        }
    }
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are attributes, each on its own")]
pub(crate) struct Options {
    pub(crate) key: Option<String>,
    pub(crate) default: Option<String>,
    pub(crate) flatten: bool,
    pub(crate) check: Option<Path>,
    pub(crate) replaces: bool,
    pub(crate) sensitive: bool,
    pub(crate) extensions: bool,
    pub(crate) follows: Option<Vec<String>>,
}

impl Options {
    pub(crate) fn read(attributes: &[Attribute], place: Place) -> Result<Self> {
        let mut options = Self::default();
        let mut seen = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("spec")) {
            attribute.parse_nested_meta(|meta| {
                let name = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
                if !place.allowed().contains(&name.as_str()) {
                    return Err(refused(&meta, place));
                }
                options.take(&name, &meta)?;
                if seen.contains(&name) {
                    return Err(meta.error(format!("`{name}` is given twice")));
                }
                seen.push(name);
                let own = ["key", "default", "replaces", "follows", "sensitive"];
                if options.flatten && seen.iter().any(|name| own.contains(&name.as_str())) {
                    return Err(
                        meta.error("`flatten` takes in the keys of another type as they are")
                    );
                }
                Ok(())
            })?;
        }
        Ok(options)
    }

    fn take(&mut self, name: &str, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let text = || Ok::<_, Error>(meta.value()?.parse::<LitStr>()?.value());
        match name {
            "key" => self.key = Some(text()?),
            "default" => self.default = Some(text()?),
            "follows" => self.follows = Some(words(&text()?)),
            "check" => self.check = Some(meta.value()?.parse()?),
            "flatten" => self.flatten = true,
            "replaces" => self.replaces = true,
            "sensitive" => self.sensitive = true,
            _ => self.extensions = true,
        }
        Ok(())
    }
}

fn refused(meta: &ParseNestedMeta<'_>, place: Place) -> Error {
    let known: Vec<String> = place.allowed().iter().map(|name| format!("`{name}`")).collect();
    let known = match known.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    };
    meta.error(format!("on {} can stand {known}", place.name()))
}

fn words(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The doc comment, which must be there: it is what people read in help and in their editor.
pub(crate) fn doc_of(name: &Ident, attributes: &[Attribute], what: &str) -> Result<String> {
    let doc = doc(attributes);
    if doc.is_empty() {
        let message = format!("say in a doc comment what {what} is for: it is the help text");
        return Err(Error::new_spanned(name, message));
    }
    Ok(doc)
}

pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect::<Vec<_>>().join(" ").trim().to_owned()
}
