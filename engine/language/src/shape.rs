//! What may be written where, as data: the source of JSON Schema, help and "expected …" texts.
//!
//! It reads nothing: see [`crate::decoder`].

use crate::document::{Content, Node};
use crate::suggest;

/// What a value looks like.
#[derive(Clone, Copy)]
pub enum Shape {
    /// One value.
    Scalar(&'static ScalarShape),
    /// One of a few words.
    Choice(&'static [Choice]),
    /// Values of one shape, in order.
    List(fn() -> Shape),
    /// Keys that the author invents, values of one shape.
    Map(fn() -> Shape),
    /// As [`Shape::Map`], where not every text can be a key.
    MapBy {
        /// What a key looks like.
        key: &'static ScalarShape,
        /// What a value looks like.
        value: fn() -> Shape,
    },
    /// Keys that we define.
    Record(fn() -> &'static Layout),
    /// The value of one key says which other keys there are.
    Tagged(fn() -> Tagged),
    /// Told apart by form: a scalar, a list or a map.
    Either(&'static Forms),
    /// Whatever the author likes: it is handed on as it is.
    Any,
}

/// What a single value looks like.
pub struct ScalarShape {
    /// With its article: "a duration".
    pub name: &'static str,
    /// Several of it, if that can be said in a word: "durations".
    pub plural: Option<&'static str>,
    /// What authors write, the most common first.
    pub examples: &'static [&'static str],
    /// JSON types in the order of preference; text may stand in quotes, the others may not.
    pub json: &'static [&'static str],
    /// For editors, as a JSON Schema pattern; [`crate::Leaf::parse`] is what decides.
    pub pattern: Option<&'static str>,
    /// The smallest and the largest number, for editors.
    pub bounds: Option<(i64, i64)>,
    /// It must be written out: a reference here is an error.
    pub literal: bool,
    /// A list of it holds each once.
    pub distinct: bool,
}

impl ScalarShape {
    /// A value with this name, article included, and these JSON types.
    pub const fn new(name: &'static str, json: &'static [&'static str]) -> Self {
        let (plural, pattern, bounds) = (None, None, None);
        let (literal, distinct) = (false, false);
        Self { name, plural, examples: &[], json, pattern, bounds, literal, distinct }
    }

    /// Says what several of it are called: "durations".
    pub const fn many(self, plural: &'static str) -> Self {
        Self { plural: Some(plural), ..self }
    }

    /// Shows what authors write.
    pub const fn like(self, examples: &'static [&'static str]) -> Self {
        Self { examples, ..self }
    }

    /// Tells editors what the text looks like, as a JSON Schema pattern.
    pub const fn pattern(self, pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..self }
    }

    /// Tells editors between which numbers it lies, both included.
    pub const fn between(self, least: i64, most: i64) -> Self {
        Self { bounds: Some((least, most)), ..self }
    }

    /// Refuses references.
    pub const fn literal(self) -> Self {
        Self { literal: true, ..self }
    }

    /// Tells editors that a list holds each once; whoever reads the list sees to it.
    pub const fn distinct(self) -> Self {
        Self { distinct: true, ..self }
    }
}

/// A word that may be chosen.
pub struct Choice {
    /// The word.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A value that may have one of several forms.
pub struct Forms {
    /// The Rust type, unique by its module path.
    pub id: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// The forms: at most one for a single value, one for a list and one for a map.
    pub alternatives: &'static [Alternative],
}

/// One of the forms of a value.
pub struct Alternative {
    /// What this form means.
    pub doc: &'static str,
    /// What it looks like.
    pub shape: fn() -> Shape,
}

/// A map in which one key decides what the others are.
pub struct Tagged {
    /// The key that decides, one of the shared ones.
    pub key: &'static str,
    /// Keys that are always there.
    pub shared: &'static Layout,
    /// By value of the key.
    pub layouts: Vec<(&'static str, &'static Layout)>,
}

/// The keys of a map that we define.
pub struct Layout {
    /// The Rust type, unique by its module path.
    pub id: &'static str,
    /// What it is for, in a sentence or two.
    pub doc: &'static str,
    /// The keys that apply in any case.
    pub fields: Vec<Field>,
    /// Exactly one of these applies, chosen by which first key is present.
    pub cases: Vec<Case>,
    /// Keys that start with `x-` are left alone: a home for anchors.
    pub extensions: bool,
}

/// Keys that go together, chosen by the first of them.
pub struct Case {
    /// What it means to choose this.
    pub doc: &'static str,
    /// The first field's key chooses the case.
    pub fields: Vec<Field>,
}

/// One key.
#[derive(Clone, Copy)]
pub struct Field {
    /// As it is written.
    pub key: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// What its value looks like.
    pub shape: fn() -> Shape,
    /// It cannot be left out.
    pub required: bool,
    /// As an author would write it.
    pub default: Option<&'static str>,
    /// A change of it cannot be made in place.
    pub replaces: bool,
    /// Of an attribute: the keys whose change may change it. None: any change may.
    pub follows: Option<&'static [&'static str]>,
    /// Of an attribute: its value is never shown.
    pub sensitive: bool,
}

/// What keys that are left alone start with.
pub(crate) const EXTENSION: &str = "x-";

impl Layout {
    /// Takes in the keys of a flattened part; only one part may be a choice.
    ///
    /// # Panics
    /// Two parts are choices: the declaration of the type is wrong, whatever a file says.
    pub fn include(&mut self, part: &'static Layout) {
        assert!(self.cases.is_empty() || part.cases.is_empty(), "{} has two choices", self.id);
        self.fields.extend(&part.fields);
        let cases =
            part.cases.iter().map(|case| Case { doc: case.doc, fields: case.fields.clone() });
        self.cases.extend(cases);
    }

    /// Returns every key, those of all cases included.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.all().map(|field| field.key)
    }

    /// Returns what is known of a key.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.all().find(|field| field.key == key)
    }

    /// Returns the case to which a key belongs.
    pub fn case_of(&self, key: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.fields.iter().any(|field| field.key == key))
    }

    fn all(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().chain(self.cases.iter().flat_map(|case| &case.fields))
    }
}

impl Case {
    /// Returns the key that chooses this.
    pub fn key(&self) -> &'static str {
        self.fields.first().map_or("", |field| field.key)
    }
}

impl Shape {
    /// Returns whether a value of this form can be meant here, right or wrong inside.
    pub fn accepts(self, node: Node<'_>) -> bool {
        match node.content() {
            Content::Scalar(_) => self.has_form(Form::Scalar),
            Content::List(_) => self.has_form(Form::List),
            Content::Map(_) => self.has_form(Form::Map),
        }
    }

    pub(crate) fn has_form(self, form: Form) -> bool {
        match self {
            Self::Scalar(_) | Self::Choice(_) => form == Form::Scalar,
            Self::List(_) => form == Form::List,
            Self::Map(_) | Self::MapBy { .. } | Self::Record(_) | Self::Tagged(_) => {
                form == Form::Map
            }
            Self::Either(forms) => {
                forms.alternatives.iter().any(|one| (one.shape)().has_form(form))
            }
            Self::Any => true,
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

    /// Returns "a duration such as `30s`", "a list of names", for messages and help.
    pub fn expected(self) -> String {
        match self {
            Self::Scalar(ScalarShape { name, examples: [first, ..], .. }) => {
                format!("{name} such as `{first}`")
            }
            _ => self.name(),
        }
    }

    /// Returns what it is, without an example.
    pub fn name(self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.name.to_owned(),
            Self::Choice(choices) => suggest::list(choices.iter().map(|choice| choice.name)),
            Self::List(item) => format!("a list{}", item().of_these("item")),
            Self::Map(value) | Self::MapBy { value, .. } => {
                format!("a map{}", value().of_these("value"))
            }
            Self::Record(layout) => match &layout().cases[..] {
                [] => "a map".to_owned(),
                cases => format!("a map with {}", suggest::list(cases.iter().map(Case::key))),
            },
            Self::Tagged(tagged) => format!("a map with `{}`", tagged().key),
            Self::Either(forms) => {
                let names = forms.alternatives.iter().map(|one| (one.shape)().name_inside());
                names.collect::<Vec<_>>().join(" or ")
            }
            Self::Any => "any value".to_owned(),
        }
    }

    /// Inside a form nothing is spelt out: the form may be inside itself.
    fn name_inside(self) -> String {
        match self {
            Self::List(item) => match item() {
                Self::Scalar(_) => self.name(),
                _ => "a list".to_owned(),
            },
            Self::Map(value) | Self::MapBy { value, .. } => match value() {
                Self::Scalar(_) => self.name(),
                _ => "a map".to_owned(),
            },
            Self::Either(_) => "another form".to_owned(),
            other => other.name(),
        }
    }

    /// What the items of a list or the values of a map are.
    fn of_these(self, each: &str) -> String {
        match self {
            Self::Any => String::new(),
            Self::Scalar(ScalarShape { plural: Some(plural), .. }) => format!(" of {plural}"),
            Self::Record(layout) if layout().cases.is_empty() => " of maps".to_owned(),
            Self::Tagged(_) => " of maps".to_owned(),
            other => format!(", each {each} {}", other.name_inside()),
        }
    }
}

/// Of which form a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Scalar,
    List,
    Map,
}
