//! How wide text is on a terminal, and text that is made to fit.
//!
//! Everything that people, programs or machines wrote passes [`clean`] before it is drawn: no escape
//! sequence of theirs reaches the terminal. It must not know colours.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::style::Style;

/// Returns the columns that a text takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Returns the text without escape sequences and other control characters: colours of a program's
/// output are dropped, tabs become blanks, what is left is shown as what it is.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => skip_sequence(&mut rest),
            '\t' => out.push_str("    "),
            '\n' => out.push(' '),
            '\r' => {}
            other if is_unsafe(other) => out.extend(other.escape_default()),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// Returns the text cleaned line by line: its line ends stay.
pub(crate) fn clean_lines(text: &str) -> String {
    let parts = text.split_inclusive('\n').map(|line| match line.strip_suffix('\n') {
        Some(line) => clean(line) + "\n",
        None => clean(line),
    });
    parts.collect()
}

/// Control characters, and marks that turn the direction of what follows.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Skips what follows an escape character: `[…m`, `]…` up to its end, or one character.
fn skip_sequence(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        Some('[') => _ = rest.find(|next| ('\u{40}'..='\u{7e}').contains(next)),
        Some(']') => {
            while let Some(next) = rest.next() {
                if next == '\u{7}' || next == '\u{1b}' && rest.next().is_some() {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// Returns the text in at most so many columns, its end cut off if it must.
pub(crate) fn cut(text: &str, columns: usize, style: Style) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let dots = style.dots();
    let room = columns.saturating_sub(width(dots));
    let mut out = head(text, room).trim_end().to_owned();
    if columns >= width(dots) {
        out.push_str(dots);
    }
    Cow::Owned(out)
}

/// Returns the text in at most so many columns, its middle left out if it must: of a path, the end
/// says more than the middle.
pub(crate) fn cut_middle(text: &str, columns: usize, style: Style) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let dots = style.dots();
    let Some(room) = columns.checked_sub(width(dots)).filter(|room| *room >= 2) else {
        return cut(text, columns, style);
    };
    let end = tail(text, room - room / 3);
    Cow::Owned(format!("{}{dots}{end}", head(text, room - width(end))))
}

/// Returns as much of the beginning as fits.
pub(crate) fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// Returns as much of the end as fits.
pub(crate) fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices().rev() {
        used += character.width().unwrap_or(0);
        if used > columns {
            return &text[at + character.len_utf8()..];
        }
    }
    text
}

/// Returns the text broken between words into lines of at most so many columns. A word that is longer
/// is broken, never lost.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for mut word in clean(paragraph).split(' ').filter(|word| !word.is_empty()) {
            if !line.is_empty() && width(&line) + 1 + width(word) > columns {
                lines.push(std::mem::take(&mut line));
            }
            while width(word) > columns {
                let part = head(word, columns);
                lines.push(part.to_owned());
                word = &word[part.len()..];
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// Returns a number as people read it: `10,000`.
pub(crate) fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns a number and what is counted: `1 resource`, `16 resources`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let stem = one.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match (count, stem) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{} {stem}ies", number(count)),
        (_, None) => format!("{} {one}s", number(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { colour: false, unicode: true, width: 80 };

    #[test]
    fn what_is_too_long_is_cut_with_dots() {
        assert_eq!(cut("a long sentence", 8, STYLE), "a long…");
        assert_eq!(cut("fits", 4, STYLE), "fits");
        assert_eq!(cut("名前名前", 5, STYLE), "名前…");
        assert_eq!(cut("abc", 0, STYLE), "");
    }

    #[test]
    fn a_path_keeps_its_beginning_and_more_of_its_end() {
        let path = "/srv/projects/shop/config/nginx/sites/shop.conf";
        assert_eq!(cut_middle(path, 24, STYLE), "/srv/pr…/sites/shop.conf");
        assert_eq!(width(&cut_middle(path, 24, STYLE)), 24);
    }

    #[test]
    fn nothing_that_a_program_wrote_steers_the_terminal() {
        assert_eq!(clean("\x1b[31mred\x1b[0m\tend\r"), "red    end");
        assert_eq!(clean("\x1b]0;title\x07text"), "text");
        assert_eq!(clean("bell\x07 turned\u{202e}round"), "bell\\u{7} turned\\u{202e}round");
        assert!(matches!(clean("größe 名前"), Cow::Borrowed(_)));
        assert_eq!(clean_lines("a\x1b[2J\n\n\tb"), "a\n\n    b");
    }

    #[test]
    fn words_are_wrapped_and_too_long_ones_broken() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
    }

    #[test]
    fn numbers_are_read_in_groups_of_three() {
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(counted(10_000, "resource"), "10,000 resources");
        assert_eq!(counted(1, "entry"), "1 entry");
        assert_eq!(counted(2, "entry"), "2 entries");
        assert_eq!(counted(4, "key"), "4 keys");
    }
}
