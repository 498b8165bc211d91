//! Everything that is wrong with files, as excerpts with the place marked, and how much it is.
//!
//! The excerpts come from `language::render`. It must not stop at the first.

use language::render::{DecorStyle, Renderer, render_one};
use language::{Code, Diagnostic, Diagnostics, Severity, Sources};

use super::line::Line;
use super::measure::{counted, number, width};
use super::style::{Ink, Style};

/// A file that is wrong all over is not read to its end by anyone.
const MOST: usize = 50;

/// Returns findings as text, and one line at the end that counts them. `files`: how many were looked at;
/// `exit`: what the shell will see. Empty if there is nothing to say.
pub(crate) fn diagnostics(
    found: Diagnostics,
    sources: &Sources,
    files: usize,
    exit: u8,
    style: Style,
) -> String {
    if found.is_empty() {
        return String::new();
    }
    let kept = found.iter().count();
    let not_kept = found.len() - kept;
    let sorted = found.sorted();
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let decor = if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    let renderer = renderer.decor_style(decor);
    let mut out = String::new();
    for one in sorted.iter().take(MOST) {
        out.push_str(&render_one(one, sources, &renderer, style.width));
        out.push_str("\n\n");
    }
    let counts = Counts::of(&sorted, not_kept);
    let kind = sorted.iter().find_map(|one| kind_of(one, sources));
    closing(&counts, files, kind, exit, style, &mut out);
    out
}

/// Returns what is said where nothing is wrong: `2 files checked, nothing is wrong`.
pub(crate) fn well(files: usize, style: Style) -> String {
    let mut out = String::new();
    let mut line = Line::new(style, 0);
    let text = format!("{} checked, ", counted(files, "file"));
    line.put(Ink::Plain, &text).put(Ink::Green, "nothing is wrong");
    line.end_in(&mut out);
    out
}

struct Counts {
    errors: usize,
    warnings: usize,
    /// Only counted.
    more: bool,
    cut: bool,
}

impl Counts {
    fn of(sorted: &[Diagnostic], not_kept: usize) -> Self {
        let errors = sorted.iter().filter(|one| one.severity == Severity::Error).count();
        let warnings = sorted.len() - errors;
        Self { errors, warnings, more: not_kept > 0, cut: sorted.len() > MOST }
    }

    fn text(&self) -> String {
        let parts = [("error", self.errors), ("warning", self.warnings)];
        let parts = parts.iter().filter(|(_, count)| *count > 0);
        let parts: Vec<String> = parts.map(|(what, count)| counted(*count, what)).collect();
        let more = if self.more { "more than " } else { "" };
        let cut = if self.cut { format!(", the first {MOST} shown") } else { String::new() };
        format!("{more}{}{cut}", parts.join(", "))
    }
}

fn closing(
    counts: &Counts,
    files: usize,
    kind: Option<&str>,
    exit: u8,
    style: Style,
    out: &mut String,
) {
    let mut line = Line::new(style, 0);
    let checked = if files == 1 { "file checked, " } else { "files checked, " };
    line.put(Ink::Plain, &format!("{} {checked}", number(files)));
    let ink = if counts.errors > 0 { Ink::Red } else { Ink::Yellow };
    line.put(ink, &counts.text()).put(Ink::Plain, ".");
    if let Some(kind) = kind {
        let help = format!("`windlass explain {kind}` lists its keys.");
        if width(&help) + 1 > line.room() {
            std::mem::replace(&mut line, Line::new(style, 0)).end_in(out);
        } else {
            line.put(Ink::Plain, " ");
        }
        line.put(Ink::Plain, &help);
    }
    if counts.errors > 0 {
        line.right(Ink::Dim, &format!("exit {exit}"), style.readable());
    }
    line.end_in(out);
}

/// Returns the kind in whose block a key or value is wrong: what stands after `kind:` beside it.
fn kind_of<'s>(one: &Diagnostic, sources: &'s Sources) -> Option<&'s str> {
    let about_keys = [Code::UnknownKey, Code::MissingKey, Code::WrongType, Code::WrongVariant];
    if !about_keys.contains(&one.code) {
        return None;
    }
    let source = sources.find(one.span().source)?;
    let lines: Vec<&str> = source.text.lines().collect();
    let at = source.line_of(one.span().start);
    let here = lines.get(at)?;
    if let Some(kind) = named(here) {
        return Some(kind);
    }
    let (before, after) = lines.split_at(at);
    let mut level = indent(here);
    for line in before.iter().rev().take_while(|line| line.is_empty() || indent(line) > 0) {
        match named(line).filter(|_| indent(line) == level) {
            Some(kind) => return Some(kind),
            None if !line.trim().is_empty() => level = level.min(indent(line)),
            None => {}
        }
    }
    let level = indent(here);
    let same = after.iter().skip(1).take_while(|line| line.is_empty() || indent(line) >= level);
    same.filter(|line| indent(line) == level).find_map(|line| named(line))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn named(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("kind:")?;
    let bare = before.trim_end().is_empty() || before.trim_end().ends_with(['{', ',']);
    let kind = after.trim_start().split([' ', ',', '}', '#']).next()?;
    (bare && kind.contains('.')).then_some(kind)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

    use super::*;
    use language::Span;

    const FILE: &str = "stack: shop\nresources:\n  web:\n    kind: process.service\n    command: serve\n    helth: { http: / }\n";

    fn drawn(style: Style, errors: &[(&str, Code, &str)]) -> String {
        let mut sources = Sources::default();
        let id = sources.add("stacks/shop.yml", FILE);
        let mut found = Diagnostics::default();
        for (text, code, message) in errors {
            let start = FILE.find(text).unwrap() as u32;
            let span = Span { source: id, start, end: start + text.len() as u32 };
            found.push(Diagnostic::new(*code, span, *message).label("did you mean `health`?"));
        }
        diagnostics(found, &sources, 2, 2, style)
    }

    #[test]
    fn all_errors_are_shown_and_counted_and_the_kind_is_named() {
        let errors = [
            ("helth", Code::UnknownKey, "unknown key `helth`"),
            ("serve", Code::BadValue, "no such program"),
        ];
        insta::assert_snapshot!(drawn(Style::plain(80), &errors), @"
        error[W014]: no such program
          ╭▸ stacks/shop.yml:5:14
          │
        5 │     command: serve
          ╰╴             ━━━━━ did you mean `health`?

        error[W012]: unknown key `helth`
          ╭▸ stacks/shop.yml:6:5
          │
        6 │     helth: { http: / }
          ╰╴    ━━━━━ did you mean `health`?

        2 files checked, 2 errors. `windlass explain process.service` lists its keys.
        ");
        insta::assert_snapshot!(drawn(Style { unicode: false, ..Style::plain(80) }, &errors), @"
        error[W014]: no such program
         --> stacks/shop.yml:5:14
          |
        5 |     command: serve
          |              ^^^^^ did you mean `health`?

        error[W012]: unknown key `helth`
         --> stacks/shop.yml:6:5
          |
        6 |     helth: { http: / }
          |     ^^^^^ did you mean `health`?

        2 files checked, 2 errors. `windlass explain process.service` lists its keys.
        ");
    }

    #[test]
    fn with_colour_the_words_are_the_same() {
        let errors = [("helth", Code::UnknownKey, "unknown key `helth`")];
        let coloured = drawn(Style { colour: true, ..Style::plain(80) }, &errors);
        assert!(coloured.contains("\x1b["));
        let bare: Vec<_> = coloured.lines().map(super::super::measure::clean).collect();
        assert_eq!(bare.join("\n") + "\n", drawn(Style::plain(80), &errors));
    }

    #[test]
    fn without_errors_there_is_nothing_to_say_but_how_much_was_checked() {
        assert_eq!(drawn(Style::plain(80), &[]), "");
        assert_eq!(well(2, Style::plain(80)), "2 files checked, nothing is wrong\n");
    }
}
