//! Whether this machine and this project are fit, and for each miss the one command that mends it.
//!
//! It must not look at anything.

use super::line::Line;
use super::measure::{counted, width, wrap};
use super::style::{Ink, Sign, Style};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What it is, in a word.
    pub(crate) name: String,
    /// How it is; or what is amiss.
    pub(crate) is: Result<String, String>,
    /// The command that mends it.
    pub(crate) mend: String,
    /// It may be meant: it is shown, and is no miss.
    pub(crate) may_be: bool,
}

/// Returns findings as text, with what to do last.
pub(crate) fn doctor(findings: &[Finding], style: Style) -> String {
    let mut out = String::new();
    let names = findings.iter().map(|one| width(&one.name)).max().unwrap_or(0).min(20);
    for one in findings {
        let (sign, ink, text) = match &one.is {
            Ok(text) => (Sign::Done, Ink::Plain, text),
            Err(text) if one.may_be => (Sign::Refused, Ink::Yellow, text),
            Err(text) => (Sign::Failed, Ink::Red, text),
        };
        let mut line = Line::new(style, 2);
        line.put(sign.ink(), style.sign(sign)).put(Ink::Plain, " ").path(
            Ink::Bold,
            &one.name,
            names,
        );
        line.to(4 + names + 2);
        let column = line.used();
        let mut lines = wrap(text, style.readable().saturating_sub(column)).into_iter();
        line.put(ink, &lines.next().unwrap_or_default());
        line.end_in(&mut out);
        for text in lines {
            let mut line = Line::new(style, column);
            line.put(ink, &text);
            line.end_in(&mut out);
        }
        if one.is.is_err() {
            // A command that is cut is no use.
            let mut line = Line::new(style, column).endless();
            line.put(Ink::Dim, "mend it:  ").put(Ink::Cyan, &one.mend);
            line.end_in(&mut out);
        }
    }
    let bad = findings.iter().filter(|one| one.is.is_err() && !one.may_be).count();
    let mut line = Line::new(style, 0);
    match bad {
        0 => line.put(Ink::Green, "Everything is fit."),
        bad => line.put(Ink::Red, &format!("{} to mend.", counted(bad, "thing"))),
    };
    line.end_in(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(name: &str, is: Result<&str, &str>, mend: &str) -> Finding {
        let is = is.map(str::to_owned).map_err(str::to_owned);
        Finding { name: name.to_owned(), is, mend: mend.to_owned(), may_be: false }
    }

    #[test]
    fn each_miss_has_the_command_that_mends_it() {
        let findings = [
            finding("project", Ok("/srv/shop"), "windlass init"),
            finding("git", Err("is not there"), "apt-get install git"),
        ];
        insta::assert_snapshot!(doctor(&findings, Style::plain(80)), @"
          ✓ project  /srv/shop
          ✗ git      is not there
                     mend it:  apt-get install git
        1 thing to mend.
        ");
    }

    #[test]
    fn where_nothing_is_amiss_that_is_the_last_line() {
        let findings = [finding("disk", Ok("41,000 MB free"), "")];
        assert!(doctor(&findings, Style::plain(80)).ends_with("Everything is fit.\n"));
    }
}
