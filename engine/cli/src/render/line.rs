//! One line that cannot become longer than it may.
//!
//! Colours count nothing, wide characters count twice. It must not break lines.

use super::measure::{self, clean, cut, cut_middle};
use super::style::{Ink, Style};

/// A line under construction.
pub(crate) struct Line {
    style: Style,
    text: String,
    used: usize,
    most: usize,
}

impl Line {
    /// Returns a line that begins with so many blanks.
    pub(crate) fn new(style: Style, indent: usize) -> Self {
        let mut line = Self { style, text: String::new(), used: 0, most: style.width };
        line.to(indent);
        line
    }

    /// Returns a line that is never cut: for what must be complete.
    pub(crate) fn endless(self) -> Self {
        Self { most: usize::MAX, ..self }
    }

    /// Returns how many columns are left.
    pub(crate) fn room(&self) -> usize {
        self.most.saturating_sub(self.used)
    }

    /// Returns how many columns it takes so far.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Appends text, as far as it fits.
    pub(crate) fn put(&mut self, ink: Ink, text: &str) -> &mut Self {
        let text = clean(text);
        let text = cut(&text, self.room(), self.style);
        self.used += measure::width(&text);
        self.style.paint_into(ink, &text, &mut self.text);
        self
    }

    /// Appends a path or name in at most so many columns.
    pub(crate) fn path(&mut self, ink: Ink, text: &str, columns: usize) -> &mut Self {
        let text = clean(text);
        let text = cut_middle(&text, columns.min(self.room()), self.style);
        self.used += measure::width(&text);
        self.style.paint_into(ink, &text, &mut self.text);
        self
    }

    /// Goes on to a column; one blank at least if it has been passed.
    pub(crate) fn to(&mut self, column: usize) -> &mut Self {
        let blanks = column.saturating_sub(self.used);
        let blanks = if blanks == 0 && self.used > 0 { 2 } else { blanks };
        let blanks = blanks.min(self.room());
        self.text.extend(std::iter::repeat_n(' ', blanks));
        self.used += blanks;
        self
    }

    /// Appends text that ends at a column, or follows after two blanks where that is taken. It is left
    /// out if it does not fit at all.
    pub(crate) fn right(&mut self, ink: Ink, text: &str, column: usize) -> &mut Self {
        let wanted = measure::width(text);
        if wanted + 2 <= self.room() {
            let start = column.min(self.most).saturating_sub(wanted).max(self.used + 2);
            self.to(start).put(ink, text);
        }
        self
    }

    /// Returns the line without blanks at its end and without a line break.
    pub(crate) fn end(mut self) -> String {
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text
    }

    /// Appends the line and a line break to a text.
    pub(crate) fn end_in(self, out: &mut String) {
        out.push_str(&self.end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(width: usize) -> Line {
        Line::new(Style::plain(width), 2)
    }

    #[test]
    fn text_fits_whatever_is_put() {
        let mut line = line(20);
        line.put(Ink::Plain, "process.service").to(10).put(Ink::Dim, "web is waiting");
        assert_eq!(line.end(), "  process.service  …");
    }

    #[test]
    fn the_right_end_gives_way_to_the_left() {
        let mut narrow = line(20);
        narrow.put(Ink::Plain, "abcdefghijkl").right(Ink::Dim, "1.0 s", 20);
        assert_eq!(narrow.end(), "  abcdefghijkl");
        let mut wide = line(24);
        wide.put(Ink::Plain, "abcdefghijkl").right(Ink::Dim, "1.0 s", 24);
        assert_eq!(wide.end(), "  abcdefghijkl     1.0 s");
    }

    #[test]
    fn colours_take_no_columns() {
        let mut line = Line::new(Style { colour: true, ..Style::plain(10) }, 0);
        line.put(Ink::Red, "12345").put(Ink::Red, "67890");
        assert_eq!(line.end(), "\x1b[31m12345\x1b[0m\x1b[31m67890\x1b[0m");
    }
}
