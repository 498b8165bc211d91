//! `${leader.private_ip}` inside text. There are no expressions, and there must never be: what needs one
//! is a template file.

use crate::source::Span;

/// A name between `${` and `}`, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Names with dots between them, as they are written.
    pub path: String,
    /// From `${` to `}`; all of the text where escapes hide the place.
    pub span: Span,
}

impl Reference {
    /// Returns the first name: a resource, a parameter, `secret`, `index`, `each`.
    pub fn head(&self) -> &str {
        self.path.split('.').next().unwrap_or_default()
    }

    /// Returns the name of the secret if this is one.
    pub fn secret(&self) -> Option<&str> {
        self.path.strip_prefix("secret.")
    }
}

/// Text with references in it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself.
    Literal(String),
    /// A name that stands for something.
    Reference(Reference),
}

/// A reference that cannot be read, where, and why.
#[derive(Debug)]
pub struct Malformed {
    /// Where.
    pub span: Span,
    /// What is wrong with it and what would be right.
    pub why: &'static str,
}

/// Splits text at its references. Before `{`, two `$` stand for one: `$${` is a literal `${`, and `$$${a}`
/// a literal `$` with a reference behind it. None if it holds neither.
///
/// `written` is what stands in the file at `span`, so that each reference gets a place of its own
/// even inside quotes and folded lines.
pub fn split(text: &str, written: &str, span: Span) -> Option<Result<Vec<Part>, Malformed>> {
    text.contains("${").then(|| pieces(text, written, span).into_iter().collect())
}

/// As [`split`], where what follows a reference that cannot be read counts too.
pub fn pieces(text: &str, written: &str, span: Span) -> Vec<Result<Part, Malformed>> {
    let place = &mut Place { written, span, searched: 0 };
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let before = rest[..at].trim_end_matches('$');
        let dollars = at - before.len() + 1;
        literal.push_str(before);
        literal.push_str(&"$".repeat(dollars / 2));
        if dollars.is_multiple_of(2) {
            literal.push('{');
            place.pass(&rest[before.len()..at + 2]);
            rest = &rest[at + 2..];
            continue;
        }
        let end = rest[at..].find('}').map(|end| at + end + 1);
        let token = &rest[at..end.unwrap_or(at + 2)];
        let span = place.pass(token);
        let path = token.strip_prefix("${").and_then(|token| token.strip_suffix('}'));
        let path = path.ok_or(NOT_CLOSED).and_then(checked);
        if !literal.is_empty() {
            parts.push(Ok(Part::Literal(std::mem::take(&mut literal))));
        }
        parts.push(match path {
            Ok(path) => Ok(Part::Reference(Reference { path: path.to_owned(), span })),
            Err(why) => Err(Malformed { span, why }),
        });
        rest = &rest[at + token.len()..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Ok(Part::Literal(literal)));
    }
    parts
}

/// What text is made of, to be written down again.
#[derive(Clone, Copy, Debug)]
pub enum Written<'t> {
    /// Text that stands for itself.
    Literal(&'t str),
    /// The path of a reference.
    Reference(&'t str),
}

/// Returns the text that [`split`] takes apart into these parts: no literal becomes a reference, and no
/// reference a literal, whatever stands beside it.
pub fn written<'t>(parts: impl IntoIterator<Item = Written<'t>>) -> String {
    let (mut out, mut dollars) = (String::new(), 0);
    for part in parts {
        match part {
            Written::Reference(path) => {
                out.push_str(&"$".repeat(dollars));
                out.push_str("${");
                out.push_str(path);
                out.push('}');
                dollars = 0;
            }
            Written::Literal(text) => {
                for c in text.chars() {
                    if c == '{' {
                        out.push_str(&"$".repeat(dollars));
                    }
                    dollars = if c == '$' { dollars + 1 } else { 0 };
                    out.push(c);
                }
            }
        }
    }
    out
}

/// Returns the text that stands for this one, in which nothing is a reference.
pub fn literal(text: &str) -> String {
    written([Written::Literal(text)])
}

/// How far the written text has been matched with the text that it stands for.
struct Place<'t> {
    written: &'t str,
    span: Span,
    searched: usize,
}

impl Place<'_> {
    /// Finds the token from where the last one ended; the whole scalar if escapes hide it.
    fn pass(&mut self, token: &str) -> Span {
        let Some(found) = self.written[self.searched..].find(token) else { return self.span };
        let start = self.span.start + (self.searched + found) as u32;
        self.searched += found + token.len();
        Span { start, end: start + token.len() as u32, ..self.span }
    }
}

const NOT_CLOSED: &str =
    "`${` is never closed: write `${name}`, or `$${` for the two characters themselves";

fn checked(path: &str) -> Result<&str, &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '[' | ']');
    if path.trim().is_empty() {
        Err("nothing stands between `${` and `}`")
    } else if path.contains("${") {
        Err("`}` is missing before the next `${`")
    } else if path.trim() != path {
        Err("no blanks inside: write `${name}`")
    } else if !path.split('.').all(|name| !name.is_empty() && name.chars().all(allowed)) {
        Err("names with dots between, such as `${web.url}`; there are no expressions")
    } else {
        Ok(path)
    }
}
