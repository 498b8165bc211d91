//! What may be written where, as data: the source of JSON Schema, help and "expected …" texts.

use crate::document::{Content, Node};
use crate::suggest;

/// What a value looks like.
#[derive(Clone, Copy)]
pub enum Shape {
    Scalar(&'static ScalarShape),
    /// One of a few words.
    Choice(&'static [Choice]),
    List(fn() -> Shape),
    /// Keys that the author invents, values of one shape.
    Map(fn() -> Shape),
    Record(fn() -> &'static Layout),
    /// The value of one key says which other keys there are.
    Tagged(fn() -> Tagged),
    /// Told apart by form: a scalar, a list or a map.
    Either(&'static [Alternative]),
}

pub struct ScalarShape {
    /// With its article: "a duration".
    pub name: &'static str,
    pub examples: &'static [&'static str],
    /// JSON types in the order of preference; text may stand in quotes, the others may not.
    pub json: &'static [&'static str],
    /// For editors, as a JSON Schema pattern; [`crate::Leaf::parse`] is what decides.
    pub pattern: Option<&'static str>,
    /// It must be written out: a reference here is an error.
    pub literal: bool,
}

impl ScalarShape {
    pub const fn new(name: &'static str, json: &'static [&'static str]) -> Self {
        Self { name, examples: &[], json, pattern: None, literal: false }
    }

    pub const fn like(self, examples: &'static [&'static str]) -> Self {
        Self { examples, ..self }
    }

    pub const fn pattern(self, pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..self }
    }

    pub const fn literal(self) -> Self {
        Self { literal: true, ..self }
    }
}

pub struct Choice {
    pub name: &'static str,
    pub doc: &'static str,
}

pub struct Alternative {
    pub doc: &'static str,
    pub shape: fn() -> Shape,
}

pub struct Tagged {
    /// The key that decides, one of the shared ones.
    pub key: &'static str,
    pub shared: &'static Layout,
    /// By value of the key.
    pub layouts: Vec<(&'static str, &'static Layout)>,
}

/// The keys of a map that we define.
pub struct Layout {
    /// The Rust type, unique by its module path.
    pub id: &'static str,
    pub doc: &'static str,
    pub fields: Vec<Field>,
    /// Exactly one of these applies, chosen by which first key is present.
    pub cases: Vec<Case>,
}

pub struct Case {
    pub doc: &'static str,
    /// The first field's key chooses the case.
    pub fields: Vec<Field>,
}

#[derive(Clone, Copy)]
pub struct Field {
    pub key: &'static str,
    pub doc: &'static str,
    pub shape: fn() -> Shape,
    pub required: bool,
    /// As an author would write it.
    pub default: Option<&'static str>,
    /// A change of it cannot be made in place.
    pub replaces: bool,
    /// Of an attribute: the keys whose change may change it. None: any change may.
    pub follows: Option<&'static [&'static str]>,
}

impl Layout {
    /// Takes in the keys of a flattened part; only one part may be a choice.
    pub fn include(&mut self, part: &'static Layout) {
        assert!(self.cases.is_empty() || part.cases.is_empty(), "{} has two choices", self.id);
        self.fields.extend(&part.fields);
        let cases =
            part.cases.iter().map(|case| Case { doc: case.doc, fields: case.fields.clone() });
        self.cases.extend(cases);
    }

    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let cases = self.cases.iter().flat_map(|case| &case.fields);
        self.fields.iter().chain(cases).map(|field| field.key)
    }

    pub fn field(&self, key: &str) -> Option<&Field> {
        let cases = self.cases.iter().flat_map(|case| &case.fields);
        self.fields.iter().chain(cases).find(|field| field.key == key)
    }

    /// Returns the case to which a key belongs.
    pub fn case_of(&self, key: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.fields.iter().any(|field| field.key == key))
    }
}

impl Case {
    pub fn key(&self) -> &'static str {
        self.fields[0].key
    }
}

impl Shape {
    /// Returns whether a value of this form can be meant here, right or wrong inside.
    pub fn accepts(self, node: Node<'_>) -> bool {
        match (self, node.content()) {
            (Self::Either(alternatives), _) => {
                alternatives.iter().any(|one| (one.shape)().accepts(node))
            }
            (Self::Scalar(_) | Self::Choice(_), Content::Scalar(_)) => true,
            (Self::List(_), Content::List(_)) => true,
            (Self::Map(_) | Self::Record(_) | Self::Tagged(_), Content::Map(_)) => true,
            _ => false,
        }
    }

    /// Returns whether no reference may stand here.
    pub fn is_literal(self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.literal,
            Self::List(item) => item().is_literal(),
            _ => false,
        }
    }

    /// Returns "a duration such as `30s`", "a list of ports", for messages and help.
    pub fn expected(self) -> String {
        match self {
            Self::Scalar(scalar) => match scalar.examples {
                [] => scalar.name.to_owned(),
                [first, ..] => format!("{} such as `{first}`", scalar.name),
            },
            Self::Choice(choices) => suggest::list(choices.iter().map(|choice| choice.name)),
            Self::List(item) => format!("a list, each item {}", item().name()),
            Self::Map(value) => format!("a map, each value {}", value().name()),
            Self::Record(layout) => match &layout().cases[..] {
                [] => "a map".to_owned(),
                cases => format!("a map with {}", suggest::list(cases.iter().map(Case::key))),
            },
            Self::Tagged(tagged) => format!("a map with `{}`", tagged().key),
            Self::Either(alternatives) => {
                let names: Vec<String> =
                    alternatives.iter().map(|one| (one.shape)().name()).collect();
                names.join(" or ")
            }
        }
    }

    fn name(self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.name.to_owned(),
            other => other.expected(),
        }
    }
}
