//! The parts of a stack file that are the same for all kinds.
//!
//! It must not know kinds, or what a reference means.

use std::collections::{BTreeMap, HashSet};

use language::shape::ScalarShape;
use language::{Content, Decoder, Keys, Leaf, Name, Node, Shape, Spec, Text};

/// What belongs together and is planned and applied as one.
#[derive(Clone, Debug, Spec)]
#[spec(extensions)]
pub struct StackHead {
    /// The name of the stack.
    pub stack: Name,
    /// What it is for, in a line.
    pub description: Option<String>,
    /// Values from outside, by name.
    #[spec(default = "{}")]
    pub parameters: BTreeMap<Name, Parameter>,
    /// Its resources by name.
    pub resources: Option<Resources>,
    /// Things that have got another name and keep their object.
    #[spec(default = "[]")]
    pub moved: Vec<Moved>,
    /// Things that are no longer looked after.
    #[spec(default = "[]")]
    pub removed: Vec<Removed>,
    /// What other stacks and people may read, by name.
    pub outputs: Option<Outputs>,
}

/// The resources of a stack, each by its name. What stands in them is up to their kinds, so they are
/// read one by one by whoever knows the kinds.
#[derive(Clone, Debug)]
pub struct Resources;

impl Spec for Resources {
    fn shape() -> Shape {
        Shape::Map(String::shape)
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        match node.content() {
            Content::Map(_) => Some(Self),
            _ => decoder.mismatch(node, Self::shape()),
        }
    }
}

/// A value from outside.
#[derive(Clone, Debug, Spec)]
#[spec(check = check_bounds)]
pub struct Parameter {
    /// What it may be.
    #[spec(key = "type", default = "string")]
    pub is: ParameterType,
    /// Its value when none is given; without it, one must be given.
    pub default: Option<String>,
    /// What it is for, in a line.
    pub description: Option<String>,
    /// The smallest number, the shortest text, or the smallest file in bytes.
    pub min: Option<i64>,
    /// The largest number, the longest text, or the largest file in bytes.
    pub max: Option<i64>,
    /// The values to choose from.
    pub choices: Option<Vec<String>>,
    /// A pattern in the manner of shell globs that text must fit, such as `*.example.org`.
    pub pattern: Option<String>,
}

fn check_bounds(parameter: &Parameter, keys: &mut Keys<'_, '_, '_>) {
    if let (Some(min), Some(max)) = (parameter.min, parameter.max)
        && min > max
    {
        keys.refuse("min", format!("no value is at least {min} and at most {max}"));
    }
    let choices = parameter.choices.as_ref().map_or(0, Vec::len);
    if parameter.is == ParameterType::Choice && choices == 0 {
        keys.refuse("type", "a choice needs `choices`: a list of the values to choose from");
    }
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum ParameterType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// One of `choices`.
    Choice,
    /// Text that is never shown or kept in the open.
    Secret,
    /// The path of a file of the project, relative to its folder. It must be there; `pattern` is for its
    /// path, `min` and `max` are for its size in bytes.
    File,
}

/// What every resource has, beside the keys of its kind.
#[derive(Clone, Debug, Default, Spec)]
#[spec(check = check)]
pub struct Header {
    /// Which kind of resource this is.
    pub kind: String,
    /// Resources that must be ready first, beside those that are referred to.
    #[spec(default = "[]")]
    pub needs: Vec<String>,
    /// How many of it there are: `${index}` counts from 0.
    pub count: Option<u32>,
    /// One of it for each of these: `${each}` is the one.
    pub each: Option<Vec<Each>>,
    /// Refuses to destroy or replace it, even when its block is gone.
    #[spec(default = "false")]
    pub protect: bool,
    /// How long one attempt to change it may take.
    pub timeout: Option<language::Period>,
    /// How often a change is tried when the fault may pass.
    #[spec(default = "4")]
    pub attempts: u32,
}

/// So many of one block at most: what is more is a mistake, and would be memory before it is noticed.
const MOST: u32 = 100_000;

fn check(header: &Header, keys: &mut Keys<'_, '_, '_>) {
    keys.exclude("count", "each");
    if header.count.is_some_and(|count| count > MOST) {
        keys.refuse("count", "a block stands for at most 100000 resources");
    }
    let mut seen = HashSet::new();
    for Each(one) in header.each.iter().flatten() {
        if !seen.insert(one) {
            keys.refuse("each", format!("`{one}` stands in it twice"));
        }
        if one.is_empty() || one.contains(|c: char| matches!(c, '[' | ']') || c.is_control()) {
            let what = match one.is_empty() {
                true => "an empty text".to_owned(),
                false => format!("`{one}`"),
            };
            let why = format!("{what} cannot be a part of an address, such as `web[one]`");
            keys.refuse("each", why);
        }
    }
}

/// One of those for which a block is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Each(pub String);

impl Leaf for Each {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("text", &["string", "number", "boolean"]).many("text").distinct();

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

/// A thing that has got another name, and keeps its object. It may stay in the file: once it took
/// effect, or where there never was such a thing, it means nothing.
#[derive(Clone, Debug, Spec)]
pub struct Moved {
    /// The name that it had: an address such as `web[0]`, or the name of a block for all that it made.
    pub from: String,
    /// The name that it has now.
    pub to: String,
}

/// A thing that is no longer looked after. It may stay in the file: once it took effect, or where there
/// never was such a thing, it means nothing.
#[derive(Clone, Debug, Spec)]
pub struct Removed {
    /// The name that it had: an address such as `web[0]`, or the name of a block for all that it made.
    pub address: String,
    /// Whether it is destroyed, or only forgotten.
    #[spec(default = "true")]
    pub destroy: bool,
}

/// The outputs of a stack. What they read is there only once the stack is planned, so they are looked
/// at for their form alone.
#[derive(Clone, Debug)]
pub struct Outputs;

impl Spec for Outputs {
    fn shape() -> Shape {
        Shape::Map(Output::shape)
    }

    fn decode(node: Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Content::Map(entries) = node.content() else {
            return decoder.mismatch(node, Self::shape());
        };
        for (key, value) in entries.iter() {
            // Errors are noted; that a reference waits is as it should be.
            _ = decoder.entry::<String, Output>(key, value);
        }
        Some(Self)
    }
}

/// A value for others.
#[derive(Clone, Debug, Spec)]
pub enum Output {
    /// The value.
    Plain(Text),
    /// The value and what it is for.
    Described(Described),
}

/// A value for others, described.
#[derive(Clone, Debug, Spec)]
pub struct Described {
    /// The value.
    pub value: Text,
    /// What it is for, in a line.
    pub description: Option<String>,
}
