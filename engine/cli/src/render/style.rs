//! What the text is drawn for (colour or none, Unicode or ASCII, how wide) and the signs that follow.
//!
//! Colour is never the only carrier: whatever is painted also has a sign or a word. It must not find out
//! what the terminal can do: that is handed in.

/// What the text is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether escape sequences for colour may stand in it.
    pub(crate) colour: bool,
    /// Whether it may hold more than ASCII of its own (what people wrote stays as it is).
    pub(crate) unicode: bool,
    /// Columns of the terminal.
    pub(crate) width: usize,
}

/// How a piece of text is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// As it is.
    Plain,
    /// What the eye should find first.
    Bold,
    /// What may be overlooked.
    Dim,
    /// Made, done, well.
    Green,
    /// Changed, worth a look.
    Yellow,
    /// Destroyed, failed.
    Red,
    /// Names to type, and what runs.
    Cyan,
}

/// A sign of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Create,
    Update,
    Replace,
    Delete,
    Forget,
    Remember,
    Refused,
    Done,
    Failed,
    /// At work; the number turns it.
    Running(usize),
    Waiting,
    Skipped,
}

/// Lines that are read, not scanned, are no longer than this however wide the terminal is.
const READABLE: usize = 100;

impl Style {
    /// Returns a style for files and pipes.
    pub(crate) fn plain(width: usize) -> Self {
        Self { colour: false, unicode: true, width }
    }

    /// Returns the column where headlines and sentences end.
    pub(crate) fn readable(self) -> usize {
        self.width.min(READABLE)
    }

    /// Returns the text in a colour, if there is colour.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 9);
        self.paint_into(ink, text, &mut out);
        out
    }

    /// Appends the text in a colour, if there is colour.
    pub(crate) fn paint_into(self, ink: Ink, text: &str, out: &mut String) {
        match ink.code().filter(|_| self.colour && !text.is_empty()) {
            Some(code) => {
                out.push_str("\x1b[");
                out.push_str(code);
                out.push('m');
                out.push_str(text);
                out.push_str("\x1b[0m");
            }
            None => out.push_str(text),
        }
    }

    /// Returns a name or command to type.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(Ink::Bold, text)
    }

    /// Returns a sign as text of one column.
    pub(crate) fn sign(self, sign: Sign) -> &'static str {
        let (unicode, ascii) = match sign {
            Sign::Create => ("+", "+"),
            Sign::Update => ("~", "~"),
            Sign::Replace => ("±", "*"),
            Sign::Delete => ("-", "-"),
            Sign::Forget => ("∅", "o"),
            Sign::Remember => ("»", ">"),
            Sign::Refused => ("!", "!"),
            Sign::Done => ("✓", "v"),
            Sign::Failed => ("✗", "x"),
            Sign::Running(turn) => {
                (["◐", "◓", "◑", "◒"][turn % 4], ["|", "/", "-", "\\"][turn % 4])
            }
            Sign::Waiting => ("·", "."),
            Sign::Skipped => ("○", "o"),
        };
        if self.unicode { unicode } else { ascii }
    }

    /// Returns the arrow between before and after.
    pub(crate) fn arrow(self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    /// Returns what stands for something left out.
    pub(crate) fn dots(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// Returns what stands between two remarks in a line.
    pub(crate) fn dot(self) -> &'static str {
        if self.unicode { "·" } else { "-" }
    }
}

impl Ink {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Green => Some("32"),
            Self::Yellow => Some("33"),
            Self::Red => Some("31"),
            Self::Cyan => Some("36"),
        }
    }
}

impl Sign {
    /// Returns the colour that goes with it.
    pub(crate) fn ink(self) -> Ink {
        match self {
            Self::Create | Self::Done => Ink::Green,
            Self::Update | Self::Replace | Self::Refused => Ink::Yellow,
            Self::Delete | Self::Failed => Ink::Red,
            Self::Running(_) => Ink::Cyan,
            Self::Forget | Self::Remember | Self::Waiting | Self::Skipped => Ink::Dim,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ink, Sign, Style};
    use crate::render::measure;

    const SIGNS: [Sign; 12] = [
        Sign::Create,
        Sign::Update,
        Sign::Replace,
        Sign::Delete,
        Sign::Forget,
        Sign::Remember,
        Sign::Refused,
        Sign::Done,
        Sign::Failed,
        Sign::Running(3),
        Sign::Waiting,
        Sign::Skipped,
    ];

    #[test]
    fn without_colour_there_are_no_escapes() {
        let style = Style::plain(80);
        assert_eq!(style.paint(Ink::Red, "gone"), "gone");
        let style = Style { colour: true, ..style };
        assert_eq!(style.paint(Ink::Red, "gone"), "\x1b[31mgone\x1b[0m");
        assert_eq!(style.paint(Ink::Red, ""), "");
    }

    #[test]
    fn every_sign_is_one_column_wide_and_has_an_ascii_form() {
        let ascii = Style { unicode: false, ..Style::plain(80) };
        for sign in SIGNS {
            assert_eq!(measure::width(Style::plain(80).sign(sign)), 1, "{sign:?}");
            assert!(ascii.sign(sign).is_ascii() && ascii.sign(sign).len() == 1, "{sign:?}");
        }
    }
}
