//! What to type next: `Apply it:  windlass apply shop    Keep it:  windlass plan -o shop.plan`.
//!
//! It must not know commands: they are handed in.

use super::line::Line;
use super::measure::width;
use super::style::{Ink, Style};

/// Something that a person may want to type next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    /// What for: `Apply it`.
    pub(crate) what: String,
    /// What to type: `windlass apply shop`.
    pub(crate) command: String,
}

/// Columns between two hints in a line.
const APART: usize = 6;

impl Hint {
    /// Returns a hint.
    pub(crate) fn new(what: impl Into<String>, command: impl Into<String>) -> Self {
        Self { what: what.into(), command: command.into() }
    }

    fn width(&self) -> usize {
        width(&self.what) + 3 + width(&self.command)
    }

    /// Appends it to a line, if it fits: a command that is cut is no use.
    pub(crate) fn put(&self, line: &mut Line) {
        line.put(Ink::Dim, &self.what).put(Ink::Dim, ":  ").put(Ink::Cyan, &self.command);
    }
}

/// Appends hints in one line, or one each if they do not fit; each line with a line break.
pub(crate) fn write(hints: &[Hint], style: Style, out: &mut String) {
    let whole = hints.iter().map(|hint| hint.width() + APART).sum::<usize>();
    if whole <= style.width + APART {
        let mut line = Line::new(style, 0);
        for hint in hints {
            let at = line.used();
            line.to(if at == 0 { 0 } else { at + APART });
            hint.put(&mut line);
        }
        if !hints.is_empty() {
            line.end_in(out);
        }
        return;
    }
    let column = hints.iter().map(|hint| width(&hint.what)).max().unwrap_or(0) + 3;
    for hint in hints {
        let mut line = Line::new(style, 0).endless();
        line.put(Ink::Dim, &hint.what).put(Ink::Dim, ":").to(column).put(Ink::Cyan, &hint.command);
        line.end_in(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_stand_beside_each_other_where_they_fit() {
        let hints = [
            Hint::new("Apply it", "windlass apply stacks/shop.yml"),
            Hint::new("Keep it", "windlass plan -o shop.plan"),
        ];
        let drawn = |width| {
            let mut out = String::new();
            write(&hints, Style::plain(width), &mut out);
            out
        };
        insta::assert_snapshot!(drawn(100), @"Apply it:  windlass apply stacks/shop.yml      Keep it:  windlass plan -o shop.plan");
        insta::assert_snapshot!(drawn(60), @"
        Apply it:  windlass apply stacks/shop.yml
        Keep it:   windlass plan -o shop.plan
        ");
        assert_eq!(drawn(100).lines().count(), 1);
    }
}
