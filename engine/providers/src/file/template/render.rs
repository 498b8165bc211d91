//! Rendering a template whose values may hold secrets, without looking at them.
//!
//! While the template is rendered, a mark stands in the place of each secret; what comes out is
//! split at the marks. So a secret never passes through the template engine, nor into one of its
//! errors.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use handlebars::{
    Handlebars, RenderError, RenderErrorReason, TemplateError, TemplateErrorReason,
    handlebars_helper,
};
use language::text::{Text, TextPart};
use language::{AnyValue, suggest};
use model::secret::revealed_name;
use model::{Fault, SecretText, Secrets};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::spec::Escape;

/// Around a mark: characters that Unicode keeps for such uses and that no text may hold.
const OPEN: char = '\u{FDD0}';
const CLOSE: char = '\u{FDD1}';
/// What is to be done to the secret when it is put in.
const AS_JSON: char = 'j';
const AS_HTML: char = 'h';

/// What came out, in order.
pub(crate) struct Rendered(Vec<Part>);

enum Part {
    Literal(String),
    /// The name of a secret, and what is to be done to it.
    Secret(String, String),
}

/// Renders a template.
///
/// # Errors
/// Line and column, what is wrong there, and what was meant perhaps; below it the line itself.
pub(crate) fn render(
    template: &str,
    values: &BTreeMap<String, AnyValue>,
    escape: Escape,
) -> Result<Rendered, String> {
    let mut names = Vec::new();
    let mut data = serde_json::Map::new();
    for (name, value) in values {
        data.insert(name.clone(), json(value, &mut names));
    }
    let data = Json::Object(data);
    if template.contains([OPEN, CLOSE]) {
        return Err("1:1: it holds U+FDD0 or U+FDD1, which no text may hold".to_owned());
    }
    let engine = match escape {
        Escape::None => &*PLAIN,
        Escape::Html => &*HTML,
    };
    let text = engine
        .render_template(template, &data)
        .map_err(|error| explain(&error, &data, template))?;
    Ok(split(&text, &names))
}

impl Rendered {
    /// Returns the text with its secrets put in.
    pub(crate) fn revealed(&self, secrets: &dyn Secrets) -> Result<SecretText, Fault> {
        let mut text = Zeroizing::new(String::new());
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Secret(name, forms) => {
                    text.push_str(&formed(revealed_name(secrets, name)?.expose(), forms));
                }
            }
        }
        Ok(SecretText::new(text.as_str()))
    }
}

static PLAIN: LazyLock<Handlebars<'static>> = LazyLock::new(|| engine(str::to_owned));
static HTML: LazyLock<Handlebars<'static>> =
    LazyLock::new(|| engine(|text| marked(&handlebars::html_escape(text), AS_HTML)));

handlebars_helper!(as_json: |value: Json| marked(&value.to_string(), AS_JSON));

fn engine(escape: fn(&str) -> String) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(escape);
    engine.register_helper("json", Box::new(as_json));
    // It would write to a log that nobody reads.
    engine.unregister_helper("log");
    engine
}

/// A value as the template sees it. A number keeps the digits with which it was written.
fn json(value: &AnyValue, names: &mut Vec<String>) -> Json {
    match value {
        AnyValue::Null => Json::Null,
        AnyValue::Bool(value) => Json::Bool(*value),
        AnyValue::Number(number) => {
            let (json, written) = (number.to_json(), number.as_str());
            let same = json.to_string();
            if same == written { json } else { written.into() }
        }
        AnyValue::Text(text) => Json::String(mark(text, names)),
        AnyValue::List(values) => {
            Json::Array(values.iter().map(|value| json(value, names)).collect())
        }
        AnyValue::Map(values) => {
            let entry = |(name, value): (&String, &AnyValue)| (name.clone(), json(value, names));
            Json::Object(values.iter().map(entry).collect())
        }
    }
}

fn mark(text: &Text, names: &mut Vec<String>) -> String {
    let mut marked = String::new();
    for part in &text.parts {
        match part {
            TextPart::Literal(literal) => {
                // What no text may hold means nothing in one.
                marked.extend(literal.chars().filter(|c| !matches!(*c, OPEN | CLOSE)));
            }
            TextPart::Secret(name) => {
                marked.push(OPEN);
                marked.push_str(&names.len().to_string());
                marked.push(CLOSE);
                names.push(name.clone());
            }
        }
    }
    marked
}

/// Notes in every mark of a text what has been done to the text around it.
fn marked(text: &str, form: char) -> String {
    text.replace(CLOSE, &format!("{form}{CLOSE}"))
}

fn split(text: &str, names: &[String]) -> Rendered {
    let mut parts = Vec::new();
    for (index, piece) in text.split(OPEN).enumerate() {
        let literal = match piece.split_once(CLOSE).filter(|_| index > 0) {
            Some((mark, literal)) => {
                let digits = mark.trim_end_matches([AS_JSON, AS_HTML]);
                let name = digits.parse::<usize>().ok().and_then(|number| names.get(number));
                let forms = mark[digits.len()..].to_owned();
                parts.extend(name.map(|name| Part::Secret(name.clone(), forms)));
                literal
            }
            None => piece,
        };
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
    }
    Rendered(parts)
}

fn formed(secret: &str, forms: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(secret.to_owned());
    for form in forms.chars() {
        text = Zeroizing::new(match form {
            AS_JSON => {
                let quoted = Zeroizing::new(serde_json::to_string(&*text).unwrap_or_default());
                quoted[1..quoted.len() - 1].to_owned()
            }
            _ => handlebars::html_escape(&text),
        });
    }
    text
}

fn explain(error: &RenderError, data: &Json, template: &str) -> String {
    if let RenderErrorReason::TemplateError(error) = error.reason() {
        return malformed(error, template);
    }
    let (line, column) = (error.line_no.unwrap_or(1), error.column_no.unwrap_or(1));
    let why = match error.reason() {
        RenderErrorReason::MissingVariable(Some(path)) => missing(path, data),
        RenderErrorReason::MissingVariable(None) => "a value is missing".to_owned(),
        RenderErrorReason::HelperNotFound(name) => missing(name, data),
        RenderErrorReason::PartialNotFound(name) => {
            format!("there is no partial `{name}`: a template is one file")
        }
        other => lowercase(&other.to_string()),
    };
    shown(line, column, &why, template)
}

/// What is wrong at a place, and the line with a mark under it.
fn shown(line: usize, column: usize, why: &str, template: &str) -> String {
    /// More of a line is data, in characters.
    const MOST: usize = 72;
    let says = format!("{line}:{column}: {why}");
    let Some(text) = template.lines().nth(line.saturating_sub(1)) else { return says };
    let from = column.saturating_sub(1).saturating_sub(MOST / 2);
    let text: String = text.chars().skip(from).take(MOST).collect();
    let (number, text) = (line.to_string(), text.replace('\t', " "));
    let (blank, wide, mark) = ("", number.len(), column.saturating_sub(1) - from);
    format!("{says}\n  {number} | {text}\n  {blank:wide$} | {blank:mark$}^")
}

/// Says that a value is missing, and which one may be meant.
fn missing(path: &str, data: &Json) -> String {
    let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = parent.split('.').filter(|part| !matches!(*part, "" | "this"));
    let object = parent.into_iter().try_fold(data, |value, part| value.get(part));
    let names: Vec<&str> = object
        .and_then(Json::as_object)
        .map(|object| object.keys().map(String::as_str).collect())
        .unwrap_or_default();
    match suggest::nearest(last, names.iter().copied()) {
        Some(near) => format!("there is no value `{path}`: did you mean `{near}`?"),
        None if names.is_empty() => format!("there is no value `{path}`"),
        None => format!("there is no value `{path}`, only {}", suggest::list(names.into_iter())),
    }
}

fn malformed(error: &TemplateError, template: &str) -> String {
    // The parser only notices at the end of the file.
    if let Some((begin, why)) = unclosed(template) {
        let before = &template[..begin];
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        return shown(before.matches('\n').count() + 1, column, &why, template);
    }
    let (line, column) = error.pos().unwrap_or((1, 1));
    let why = match error.reason() {
        // It names rules of a grammar that nobody has read.
        TemplateErrorReason::InvalidSyntax(_) => {
            "this cannot be read: between `{{` and `}}` stands a name, a helper with its values, or \
             the beginning or end of a block"
                .to_owned()
        }
        other => lowercase(&other.to_string()),
    };
    shown(line, column, &why, template)
}

/// Returns what has no end, and where it begins, in bytes: braces, or the innermost block. None: all
/// have one, or a block ends as another one.
fn unclosed(template: &str) -> Option<(usize, String)> {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    while let Some(found) = template[at..].find("{{") {
        let (begin, tail) = (at + found, &template[at + found + 2..]);
        let end = if tail.trim_start_matches('~').starts_with("!--") { "--}}" } else { "}}" };
        let Some(length) = tail.find(end) else {
            return Some((begin, format!("`{{{{` has no end: `{end}` is missing")));
        };
        let tag = tail[..length].trim_matches('~').trim();
        let word = |rest: &str| rest.split_whitespace().next().unwrap_or_default().to_owned();
        if let Some(rest) = tag.strip_prefix('#') {
            open.push((begin, word(rest)));
        } else if let Some(rest) = tag.strip_prefix('/')
            && open.pop()?.1 != word(rest)
        {
            return None;
        }
        at = begin + 2 + length + end.len();
    }
    let (begin, name) = open.pop()?;
    Some((begin, format!("`{{{{#{name}}}}}` has no end: `{{{{/{name}}}}}` is missing")))
}

fn lowercase(text: &str) -> String {
    let mut letters = text.trim().chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}
