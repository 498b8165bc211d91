//! A master file as lines of words: parentheses, comments and quotes are settled here.
//!
//! It must not know what the words mean.

/// One entry, which parentheses may have spread over several lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where it begins, from 1.
    pub(super) line: usize,
    /// It begins with blanks: the name is that of the entry before.
    pub(super) indented: bool,
    /// As they were written, with quotes and backslashes.
    pub(super) words: Vec<String>,
    /// The last comment in it, without the semicolon.
    pub(super) comment: Option<String>,
}

/// What is wrong, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// From 1.
    pub line: usize,
    /// In words.
    pub why: String,
}

/// Splits a text into entries; blank lines are left out, lines of comment alone are kept.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Wrong> {
    let mut entries = Vec::new();
    let mut entry = Entry::default();
    let mut open: Option<usize> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if open.is_none() {
            let indented = line.starts_with([' ', '\t']);
            entry = Entry { line: number, indented, ..Entry::default() };
        }
        read_line(line, &mut entry, &mut open, number)?;
        if open.is_none() && (!entry.words.is_empty() || entry.comment.is_some()) {
            entries.push(std::mem::take(&mut entry));
        }
    }
    match open {
        Some(line) => Err(Wrong { line, why: "this parenthesis is not closed".to_owned() }),
        None => Ok(entries),
    }
}

fn read_line(
    line: &str,
    entry: &mut Entry,
    open: &mut Option<usize>,
    number: usize,
) -> Result<(), Wrong> {
    let wrong = |why: &str| Wrong { line: number, why: why.to_owned() };
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        match first {
            ';' => {
                entry.comment = Some(rest[1..].trim().to_owned());
                return Ok(());
            }
            '(' if open.is_some() => return Err(wrong("a parenthesis within another")),
            '(' => *open = Some(number),
            ')' => *open = open.take().map_or(Err(wrong("nothing is open here")), |_| Ok(None))?,
            c if c.is_whitespace() => {}
            _ => {
                let length = word(rest).ok_or_else(|| wrong("a quote is not closed"))?;
                entry.words.push(rest[..length].to_owned());
                rest = &rest[length..];
                continue;
            }
        }
        rest = &rest[first.len_utf8()..];
    }
    Ok(())
}

/// Returns the length of the word that a line begins with; None: its quote is not closed.
fn word(line: &str) -> Option<usize> {
    let quoted = line.starts_with('"');
    let mut escaped = false;
    for (at, c) in line.char_indices().skip(usize::from(quoted)) {
        let ends = match c {
            _ if escaped => false,
            '"' if quoted => return Some(at + 1),
            '"' | ';' | '(' | ')' => !quoted,
            c => c.is_whitespace() && !quoted,
        };
        if ends {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    (!quoted).then_some(line.len())
}
