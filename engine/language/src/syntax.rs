//! What the YAML parser complains about, in the words of an author.

use granit_parser::ErrorKind;

/// What to do where a reference is taken for a map.
pub(crate) const QUOTE_REFERENCE: &str =
    "inside `{ }` and `[ ]`, put text with `${…}` in quotes: \"${name}\"";
pub(crate) const NO_TABS: &str = "indent with spaces: YAML does not allow tabs";
const QUOTE: &str = "put this text in quotes";

/// Returns what is wrong and what to do about it.
pub(crate) fn explained(kind: &ErrorKind) -> (String, Option<&'static str>) {
    let (message, help) = match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => {
            ("a tab stands where indentation should be", Some(NO_TABS))
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            ("a quote is not closed", Some("close it on the line on which the text ends"))
        }
        ErrorKind::DocumentIndicatorInQuotedScalar => {
            ("`---` or `...` stands inside quotes", Some("close the quote before"))
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "text goes on after the closing quote",
            Some(
                "put all of it in quotes; inside `'` write `''` for a quote, inside `\"` write `\\\"`",
            ),
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            "inside `\"`, a backslash starts an escape, and there is none like this",
            Some("write `\\\\` for a backslash, or use `'` around the text"),
        ),
        ErrorKind::BomInsideDocument => (
            "an invisible byte order mark stands inside the text",
            Some("delete it; it can come from pasting one file into another"),
        ),
        ErrorKind::DirectiveDisallowed => {
            ("a directive has no meaning here", Some("leave out the lines that start with `%`"))
        }
        ErrorKind::RecursionLimitExceeded => (
            "lists and maps stand too deep in each other",
            Some("give parts of it names of their own"),
        ),
        ErrorKind::MappingValueNotAllowed => (
            "a `:` makes this a key, and no key can stand here",
            Some("start a new line, indented as the keys beside it, or put the text in quotes"),
        ),
        ErrorKind::InvalidColonPlacement => (
            "a `:` makes this a key, and no key can stand here",
            Some("a `]` or `}` may be missing before this"),
        ),
        ErrorKind::UnclosedFlowCollection { .. } => ("this is never closed", None),
        ErrorKind::ExpectedFlowMappingSeparator => ("`,` or `}` is missing before this", None),
        ErrorKind::ExpectedFlowSequenceSeparator => ("`,` or `]` is missing before this", None),
        ErrorKind::MisplacedFlowCollectionEnd => ("nothing is open that this could close", None),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::SimpleKeyExpected => (
            "a key and `:` is expected here",
            Some("keys of one map start in the same column; a value needs a blank after its `:`"),
        ),
        ErrorKind::ExpectedBlockSequenceEntry => {
            ("`-` is expected here", Some("items of one list start in the same column"))
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            ("a list cannot start here", Some("start it on a line of its own, or write `[a, b]`"))
        }
        ErrorKind::InvalidIndentation | ErrorKind::InvalidFlowScalarIndent => {
            ("this is indented less than what it belongs to", Some("indent it further"))
        }
        ErrorKind::CommentInterceptedScalar => {
            ("a comment stands in the middle of a text", Some("put the comment before the text"))
        }
        ErrorKind::CommentNotSeparated => ("a comment needs a blank before its `#`", None),
        ErrorKind::UnexpectedCharacter { character } => return unexpected(*character),
        other => return (other.to_string(), None),
    };
    (message.to_owned(), help)
}

fn unexpected(character: char) -> (String, Option<&'static str>) {
    match character {
        '\0' => ("a NUL byte stands here".to_owned(), Some("is this a text file?")),
        '@' | '`' | '%' => (format!("text cannot start with `{character}`"), Some(QUOTE)),
        other if other.is_control() => (
            format!("the invisible character U+{:04X} stands here", u32::from(other)),
            Some("delete it, or write it as an escape inside `\"`"),
        ),
        other => (format!("`{other}` cannot stand here"), Some(QUOTE)),
    }
}
