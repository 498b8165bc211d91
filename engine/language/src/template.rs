//! `${leader.private_ip}` inside text.

use crate::source::Span;

/// A name between `${` and `}`, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub path: String,
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
    Literal(String),
    Reference(Reference),
}

/// A reference that cannot be read, where, and why.
pub struct Malformed {
    pub span: Span,
    pub why: &'static str,
}

/// Splits text at its references; `$${` stands for a literal `${`. None if it holds neither.
///
/// `written` is what stands in the file at `span`, so that each reference gets a place of its own
/// even inside quotes and folded lines.
pub fn split(text: &str, written: &str, span: Span) -> Option<Result<Vec<Part>, Malformed>> {
    text.contains("${").then(|| parts(text, written, span))
}

fn parts(text: &str, written: &str, span: Span) -> Result<Vec<Part>, Malformed> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    let mut searched = 0;
    while let Some(at) = rest.find("${") {
        literal.push_str(&rest[..at]);
        if literal.ends_with('$') {
            literal.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        let end = rest[at..].find('}').map(|end| at + end + 1);
        let token = &rest[at..end.unwrap_or(at + 2)];
        let place = locate(token, written, span, &mut searched);
        let path = token.trim_start_matches("${").trim_end_matches('}');
        check(path, end.is_some()).map_err(|why| Malformed { span: place, why })?;
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        parts.push(Part::Reference(Reference { path: path.to_owned(), span: place }));
        rest = &rest[at + token.len()..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// Finds the token in the file from where the last one ended; the whole scalar if escapes hide it.
fn locate(token: &str, written: &str, span: Span, searched: &mut usize) -> Span {
    let Some(found) = written[*searched..].find(token) else { return span };
    let start = *searched + found;
    *searched = start + token.len();
    Span { start: span.start + start as u32, end: span.start + *searched as u32, ..span }
}

fn check(path: &str, closed: bool) -> Result<(), &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '[' | ']');
    if !closed {
        Err("`${` is never closed: write `${name}`, or `$${` for the two characters themselves")
    } else if path.is_empty() {
        Err("nothing stands between `${` and `}`")
    } else if !path.split('.').all(|name| !name.is_empty() && name.chars().all(allowed)) {
        Err(
            "a reference is names with dots between them, such as `${leader.private_ip}`; there are no expressions",
        )
    } else {
        Ok(())
    }
}
