//! Values from outside: what a file declares, what was given, and whether they fit.
//!
//! It must not know where given values came from (a file, a flag, the environment).

use std::collections::{BTreeMap, HashMap, HashSet};

use language::{
    Builder, Code, Diagnostic, Diagnostics, Document, Found, Leaf, Node, Reference, Scope, Span,
    suggest,
};
use model::Value;
use model::file::stack::{Parameter, ParameterType};

/// Parameters that were given, by name, as people typed them.
pub type Given = BTreeMap<String, String>;

/// Keeps the text of a secret parameter, and returns its handle, or says why it cannot.
pub type Keep<'k> = &'k dyn Fn(&str, &str) -> Result<Value, String>;

/// The values that references to parameters stand for.
#[derive(Default)]
pub struct Parameters {
    values: HashMap<String, (Document, Value)>,
    /// Declared, and without a value that fits: that was said once.
    unfit: HashSet<String>,
}

impl Parameters {
    /// Checks what was given against what the file declares under `parameters`, and notes what does
    /// not fit at the declaration.
    pub fn new(
        declared: &BTreeMap<String, Parameter>,
        node: Option<Node<'_>>,
        root: Span,
        given: &Given,
        keep: Keep<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let place = |name: &str| node.and_then(|node| node.get(name)).map_or(root, Node::span);
        for name in given.keys().filter(|name| !declared.contains_key(*name)) {
            let message = format!("there is no parameter `{name}`, and one was given");
            let error = Diagnostic::new(Code::UnknownName, root, message);
            let near = suggest::nearest(name, declared.keys().map(String::as_str));
            diagnostics.push(match near {
                Some(near) => error.label(format!("did you mean `{near}`?")),
                None => error.help("declare it under `parameters`, or leave it out"),
            });
        }
        let (mut values, mut unfit) = (HashMap::new(), HashSet::new());
        for (name, parameter) in declared {
            match value(name, parameter, given.get(name), keep) {
                Ok(value) => _ = values.insert(name.clone(), (document(&value), value)),
                Err((message, help)) => {
                    unfit.insert(name.clone());
                    let error = Diagnostic::new(Code::BadValue, place(name), message);
                    diagnostics.push(error.help(help));
                }
            }
        }
        Self { values, unfit }
    }

    /// Returns whether it is declared, whatever its value.
    pub fn declares(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.unfit.contains(name)
    }

    /// Returns the value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(|(_, value)| value)
    }

    /// Returns all names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.values.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

impl Scope for Parameters {
    fn find(&self, reference: &Reference) -> Found<'_> {
        match self.values.get(&reference.path) {
            Some((document, _)) => Found::Known(document.root()),
            None if self.unfit.contains(&reference.path) => Found::Later,
            None => Found::Unknown { names: self.values.keys().cloned().collect() },
        }
    }
}

type Problem = (String, String);

fn value(
    name: &str,
    parameter: &Parameter,
    given: Option<&String>,
    keep: Keep<'_>,
) -> Result<Value, Problem> {
    let text = given.or(parameter.default.as_ref()).ok_or_else(|| {
        let message = format!("the parameter `{name}` has no value");
        (message, format!("give it, `--param {name}=VALUE`, or write a `default`"))
    })?;
    if parameter.is == ParameterType::Secret {
        let see = "see its declaration here".to_owned();
        return keep(name, text)
            .map_err(|why| (format!("the secret parameter `{name}` cannot be used: {why}"), see));
    }
    let wrong = |why: String| {
        let origin = if given.is_some() { "given" } else { "default" };
        (
            format!("the {origin} value `{text}` of the parameter `{name}` does not fit: {why}"),
            "see its declaration here".to_owned(),
        )
    };
    let measured = match parameter.is {
        ParameterType::Integer => Some((
            "is",
            text.parse::<i64>().map_err(|_| wrong("it is not a whole number".to_owned()))?,
        )),
        ParameterType::Boolean => {
            bool::parse(text).map_err(wrong)?;
            None
        }
        ParameterType::String | ParameterType::Secret => {
            Some(("has a length of", text.chars().count() as i64))
        }
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
        && !choices.contains(text)
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
        ParameterType::String | ParameterType::Secret => Value::text(text),
        ParameterType::Integer | ParameterType::Boolean => Value::Plain(text.clone()),
    })
}

fn document(value: &Value) -> Document {
    let mut builder = Builder::default();
    let text = match value.secrets().first() {
        Some((name, _)) => format!("${{secret.{name}}}"),
        None => value.as_text().unwrap_or_default().replace("${", "$${"),
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
