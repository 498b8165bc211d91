//! Values for people: quotes only where something would be misread without them, everything in one
//! line, nothing of a secret but that it is one.
//!
//! It must not compare.

use model::Value;
use model::value::Piece;

use super::measure::{clean, counted};

/// What stands for the text of a secret.
pub(crate) const SECRET: &str = "(secret)";
/// What stands for text of which only a hash is kept, since a secret is part of it.
pub(crate) const SEALED: &str = "(holds a secret)";

/// Returns a value in one line. Text of several lines is told by their number.
pub(crate) fn shown(value: &Value) -> String {
    let mut out = String::new();
    write(value, false, &mut out);
    out
}

/// Returns the text of a value with its secrets and holes named, line breaks kept; None: it is no text.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Plain(text) => Some(text.clone()),
        Value::Parts(pieces) => Some(pieces.iter().map(piece).collect()),
        _ => None,
    }
}

/// Returns how many lines a text has: `41 lines`.
pub(crate) fn lines(text: &str) -> String {
    counted(text.lines().count(), "line")
}

/// Returns whether a value is text of several lines.
pub(crate) fn is_long(value: &Value) -> bool {
    text_of(value).is_some_and(|text| text.trim_end_matches('\n').contains('\n'))
}

/// Returns whether there is nothing to be said about a value: it is empty.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        Value::Map(tree) => tree.is_empty(),
        _ => false,
    }
}

fn write(value: &Value, within: bool, out: &mut String) {
    match value {
        Value::Null => out.push_str("(nothing)"),
        Value::Sealed(_) => out.push_str(SEALED),
        Value::Text(text) | Value::Plain(text) => write_text(text, within, out),
        Value::Parts(pieces) => {
            let text: String = pieces.iter().map(piece).collect();
            write_line(&text, out);
        }
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write(item, true, out);
            }
            out.push(']');
        }
        Value::Map(tree) => {
            out.push('{');
            for (at, (key, value)) in tree.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write_text(key, true, out);
                out.push_str(": ");
                write(value, true, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, within: bool, out: &mut String) {
    let misread = text.is_empty()
        || text.starts_with([' ', '"', '('])
        || text.ends_with(' ')
        || within && text.contains([',', '[', ']', '{', '}', '"'])
        || within && text.contains(": ");
    if text.trim_end_matches('\n').contains('\n') {
        write_line(text, out);
    } else if misread {
        out.push('"');
        for character in clean(text.trim_end_matches('\n')).chars() {
            out.extend((character == '"').then_some('\\'));
            out.push(character);
        }
        out.push('"');
    } else {
        write_line(text, out);
    }
}

fn write_line(text: &str, out: &mut String) {
    if text.trim_end_matches('\n').contains('\n') {
        out.push('(');
        out.push_str(&lines(text));
        out.push(')');
    } else {
        out.push_str(&clean(text.trim_end_matches('\n')));
    }
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Secret { .. } => SECRET.to_owned(),
        Piece::Later(path) => format!("(known after apply: {path})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Digest, Tree};

    #[test]
    fn quotes_stand_only_where_a_text_would_be_misread() {
        assert_eq!(shown(&"serve --workers 4".into()), "serve --workers 4");
        assert_eq!(shown(&"".into()), "\"\"");
        assert_eq!(shown(&" x ".into()), "\" x \"");
        assert_eq!(shown(&"(secret)".into()), "\"(secret)\"");
        assert_eq!(shown(&Value::Plain("3".to_owned())), "3");
        assert_eq!(
            shown(&Value::from(vec!["a", "b, c", "say \"x\""])),
            r#"[a, "b, c", "say \"x\""]"#
        );
    }

    #[test]
    fn maps_and_lists_are_compact_and_nothing_is_a_word() {
        let tree =
            Tree::from([("http".to_owned(), "/".into()), ("port".to_owned(), 80_u16.into())]);
        assert_eq!(shown(&Value::Map(tree)), "{http: /, port: 80}");
        assert_eq!(shown(&Value::Null), "(nothing)");
    }

    #[test]
    fn of_a_secret_only_that_it_is_one_is_told() {
        let secret = Piece::Secret { name: "db".to_owned(), hash: Digest::of(b"x") };
        let text = Value::Parts(vec![Piece::Literal("postgres://api:".to_owned()), secret]);
        assert_eq!(shown(&text), "postgres://api:(secret)");
        assert_eq!(shown(&Value::Sealed(Digest::of(b"x"))), "(holds a secret)");
    }

    #[test]
    fn what_becomes_known_later_says_from_where() {
        let later = Value::Parts(vec![Piece::Later("site.fingerprint".to_owned())]);
        assert_eq!(shown(&later), "(known after apply: site.fingerprint)");
    }

    #[test]
    fn text_of_several_lines_is_told_by_their_number() {
        assert_eq!(shown(&"a\nb\nc\n".into()), "(3 lines)");
        assert_eq!(shown(&"only one\n".into()), "only one");
        assert!(is_long(&"a\nb".into()) && !is_long(&"a\n".into()));
    }
}
