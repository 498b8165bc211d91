//! Values from outside: what a file declares, what was given, and whether they fit.
//!
//! It must not know where given values came from (a file, a flag, the environment).

mod file;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use language::decoder::read_with;
use language::scope::Unresolved;
use language::{
    Builder, Code, Content, Diagnostic, Diagnostics, Document, Found, Leaf, Name, Node, Reference,
    Scope, Span, suggest, template,
};
use model::file::stack::{Parameter, ParameterType};
use model::value::written;
use model::{Tree, Value};

/// Parameters that were given, by name, as people typed them.
pub type Given = BTreeMap<String, String>;

/// Keeps the text of a secret parameter, and returns its handle, or says why it cannot.
pub type Keep<'k> = &'k dyn Fn(&str, &str) -> Result<Value, String>;

/// What comes from outside of a file.
#[derive(Clone, Copy)]
pub struct Outside<'o> {
    /// What was given.
    pub given: &'o Given,
    /// What was given as handles of secrets.
    pub secrets: &'o Tree,
    /// Keeps secret parameters.
    pub keep: Keep<'o>,
    /// The project's folder, for parameters that name a file.
    pub project: &'o Path,
    /// Whether every parameter must have a value; else one without is a value that comes later.
    pub complete: bool,
}

/// No secrets.
pub const NONE: &Tree = &Tree::new();

/// The values that references to parameters stand for.
#[derive(Default)]
pub struct Parameters {
    values: HashMap<String, (Document, Value)>,
    /// Declared, and without a value that fits: that was said once, or it comes later.
    open: BTreeSet<String>,
    /// Any text will do for them.
    free: BTreeSet<String>,
}

/// Words that have a meaning of their own in references.
const RESERVED: [&str; 5] = ["secret", "stack", "index", "each", "run"];

/// Returns why nothing can have this name to which files refer.
pub fn unfit_name(name: &str) -> Option<String> {
    match Name::parse(name) {
        Err(why) => Some(why),
        Ok(_) if RESERVED.contains(&name) => {
            Some("this word has a meaning of its own in references".to_owned())
        }
        Ok(_) => None,
    }
}

/// A parameter as it stands in a file.
pub struct Declared<'d> {
    /// Its name.
    pub name: &'d str,
    /// Where the name stands.
    pub key: Node<'d>,
    /// What it may be; None if that cannot be read, which is said where the whole file is read.
    pub parameter: Option<Parameter>,
    /// References in it, which can mean nothing yet.
    references: Vec<Reference>,
}

/// Returns the parameters that stand under a node.
pub fn declared<'d>(document: &'d Document, node: Option<Node<'d>>) -> Vec<Declared<'d>> {
    let Some(Content::Map(entries)) = node.map(Node::content) else { return Vec::new() };
    let read = |(key, value): (Node<'d>, Node<'d>)| {
        let mut unheard = Diagnostics::default();
        let read = read_with(document, &Unresolved, &mut unheard, |decoder| decoder.read(value));
        let (parameter, references) = (read.value, read.waiting);
        Some(Declared { name: key.scalar()?.text, key, parameter, references })
    };
    entries.iter().filter_map(read).collect()
}

impl Parameters {
    /// Checks what was given against what the file declares under `node`, and notes what does not fit
    /// at the declaration; what is given and not declared is noted at `place`.
    pub fn read(
        document: &Document,
        node: Option<Node<'_>>,
        place: Span,
        outside: &Outside<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let declared = declared(document, node);
        let names = || declared.iter().map(|one| one.name);
        for name in outside.given.keys().chain(outside.secrets.keys()) {
            if !names().any(|declared| declared == name) {
                diagnostics.push(undeclared(name, names(), place));
            }
        }
        let mut parameters = Self::default();
        for Declared { name, key, parameter, references } in &declared {
            for reference in references {
                diagnostics.push(no_reference(reference));
            }
            // What is no name at all is said where the whole file is read.
            if let Some(why) = unfit_name(name).filter(|_| RESERVED.contains(name)) {
                let message = format!("`{name}` cannot name a parameter");
                diagnostics.push(Diagnostic::new(Code::BadValue, key.span(), message).label(why));
            }
            let is_free = |parameter: &Parameter| {
                let bound = parameter.choices.is_some() || parameter.pattern.is_some();
                parameter.is == ParameterType::String && !bound
            };
            if parameter.as_ref().is_some_and(is_free) {
                parameters.free.insert((*name).to_owned());
            }
            let value = parameter.as_ref().map(|parameter| value(name, parameter, outside));
            match value {
                Some(Ok(Some(value))) => {
                    let entry = (document_of(&value), value);
                    parameters.values.insert((*name).to_owned(), entry);
                    continue;
                }
                Some(Err((message, help))) => {
                    let span = node.and_then(|node| node.get(name)).map_or(place, Node::span);
                    diagnostics.push(Diagnostic::new(Code::BadValue, span, message).help(help));
                }
                Some(Ok(None)) | None => {}
            }
            parameters.open.insert((*name).to_owned());
        }
        parameters
    }

    /// Returns whether it is declared, whatever its value.
    pub fn declares(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.open.contains(name)
    }

    /// Returns the value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(|(_, value)| value)
    }

    /// Returns all names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let names = self.values.keys().chain(&self.open);
        let mut names: Vec<&str> = names.map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

impl Scope for Parameters {
    fn find(&self, reference: &Reference) -> Found<'_> {
        match self.values.get(&reference.path) {
            Some((document, _)) => Found::Known(document.root()),
            None if self.open.contains(&reference.path) => Found::Later,
            None => Found::Unknown { names: self.names().into_iter().map(str::to_owned).collect() },
        }
    }

    fn is_chosen(&self, reference: &Reference) -> bool {
        self.free.contains(&reference.path)
    }
}

/// Says that something is given that no file asks for.
pub fn undeclared<'n>(
    name: &str,
    declared: impl Iterator<Item = &'n str>,
    place: Span,
) -> Diagnostic {
    let message = format!("there is no parameter `{name}`, and one was given");
    let error = Diagnostic::new(Code::UnknownName, place, message);
    match suggest::nearest(name, declared) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error.help("declare it under `parameters`, or leave it out"),
    }
}

/// What is wrong, and what to do.
type Problem = (String, String);

/// Says that a reference stands where nothing is known yet to which it could refer.
pub fn no_reference(reference: &Reference) -> Diagnostic {
    let message = "no reference can stand here";
    Diagnostic::new(Code::BadReference, reference.span, message)
        .label("this is read before there are values, so it must be written out")
}

const SEE: &str = "see its declaration here";

/// Its value; None: it comes later.
fn value(
    name: &str,
    parameter: &Parameter,
    outside: &Outside<'_>,
) -> Result<Option<Value>, Problem> {
    if let Some(handle) = outside.secrets.get(name) {
        return match parameter.is {
            ParameterType::Secret => Ok(Some(handle.clone())),
            _ => Err((not_secret(name), "declare it here with `type: secret`".to_owned())),
        };
    }
    let given = outside.given.get(name);
    let Some(text) = given.or(parameter.default.as_ref()) else {
        if !outside.complete {
            return Ok(None);
        }
        let message = format!("the parameter `{name}` has no value");
        return Err((message, format!("give it, `--param {name}=VALUE`, or write a `default`")));
    };
    if parameter.is == ParameterType::Secret {
        return (outside.keep)(name, text).map(Some).map_err(|why| {
            (format!("the secret parameter `{name}` cannot be used: {why}"), SEE.to_owned())
        });
    }
    let origin = if given.is_some() { "given" } else { "default" };
    if parameter.is == ParameterType::File
        && let Some(why) = file::unfit(outside.project, text, parameter)
    {
        return Err((wrong(origin, text, name, &why), SEE.to_owned()));
    }
    fitting(name, parameter, text, origin).map(Some).map_err(|message| (message, SEE.to_owned()))
}

/// Says that a secret goes to a parameter that would show it.
pub fn not_secret(name: &str) -> String {
    format!("a secret was given for the parameter `{name}`, which is shown and kept in the open")
}

/// Returns the value that a text stands for, or why it does not fit. `origin` says what sort of value
/// it is, in a word. The text of a secret parameter is not looked at.
///
/// # Errors
/// In words.
pub fn fitting(
    name: &str,
    parameter: &Parameter,
    text: &str,
    origin: &str,
) -> Result<Value, String> {
    let wrong = |why: String| wrong(origin, text, name, &why);
    let measured = match parameter.is {
        ParameterType::Integer => Some((
            "is",
            text.parse::<i64>().map_err(|_| wrong("it is not a whole number".to_owned()))?,
        )),
        ParameterType::Boolean => {
            bool::parse(text).map_err(wrong)?;
            None
        }
        ParameterType::String | ParameterType::Choice => {
            Some(("has a length of", text.chars().count() as i64))
        }
        ParameterType::File => None,
        ParameterType::Secret => return Ok(Value::text(text)),
    };
    if let Some((verb, size)) = measured {
        let min = parameter.min.filter(|min| size < *min);
        let max = parameter.max.filter(|max| size > *max);
        if let Some(bound) = min {
            return Err(wrong(format!("it {verb} {size}, and the least is {bound}")));
        }
        if let Some(bound) = max {
            return Err(wrong(format!("it {verb} {size}, and the most is {bound}")));
        }
    }
    if let Some(choices) = &parameter.choices
        && !choices.iter().any(|choice| choice == text)
    {
        let choices = suggest::list(choices.iter().map(String::as_str));
        return Err(wrong(format!("it is none of {choices}")));
    }
    if let Some(pattern) = &parameter.pattern
        && !fits(pattern, text)
    {
        return Err(wrong(format!("it does not fit the pattern `{pattern}`")));
    }
    Ok(match parameter.is {
        ParameterType::Integer | ParameterType::Boolean => Value::Plain(text.to_owned()),
        _ => Value::text(text),
    })
}

fn wrong(origin: &str, text: &str, name: &str, why: &str) -> String {
    format!("the {origin} value `{text}` of the parameter `{name}` does not fit: {why}")
}

fn document_of(value: &Value) -> Document {
    let mut builder = Builder::default();
    let text = match value {
        Value::Parts(pieces) => written(pieces),
        other => template::literal(other.as_text().unwrap_or_default()),
    };
    let root = builder.text(&text);
    builder.finish(root)
}

/// `*` stands for any text and `?` for one character.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == text[read] => {
                at += 1;
                read += 1;
            }
            // The last star takes in one character more.
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, read) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|left| *left == '*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_are_those_of_the_shell() {
        for (pattern, text, expected) in [
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "example.org", false),
            ("v?.*", "v1.2", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("", "", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
