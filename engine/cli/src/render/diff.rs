//! Two texts as what differs between them, line by line.
//!
//! It must not know where they come from; which is old and which is new is up to who asks.

use similar::{ChangeTag, DiffOp, capture_diff_slices_deadline};

use super::line::Line;
use super::measure::{counted, number};
use super::style::{Ink, Style};

/// Lines around a difference that are shown so that it is found.
const AROUND: usize = 2;
/// Texts with more lines than this are compared from both ends alone: the exact way takes its time.
const MOST_LINES: usize = 20_000;
/// Where the lines stand.
const INDENT: usize = 6;

/// Appends the lines that differ, each with `-` or `+`, with a few around them; at most `most` of them,
/// and how many are left out. The word `full` in the last line is what shows the rest.
pub(crate) fn unified(from: &str, to: &str, most: usize, style: Style, out: &mut Vec<Line>) {
    let (old, new): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let mut left = most;
    let mut left_out = 0;
    for group in groups(&old, &new) {
        let Some(first) = group.first() else { continue };
        if left > 0 && first.new_range().start > 0 {
            let text = format!("{} line {}", style.dots(), number(first.new_range().start + 1));
            let mut line = Line::new(style, INDENT);
            line.put(Ink::Dim, &text);
            out.push(line);
        }
        for change in group.iter().flat_map(|op| op.iter_changes(&old, &new)) {
            if left == 0 {
                left_out += usize::from(change.tag() != ChangeTag::Equal);
                continue;
            }
            left -= 1;
            out.push(drawn(change.tag(), change.value(), most, style));
        }
    }
    if left_out > 0 {
        let mut line = Line::new(style, INDENT);
        let text = format!("{} {} more that differ", style.dots(), counted(left_out, "line"));
        line.put(Ink::Dim, &text);
        out.push(line);
    }
}

/// Returns how many lines go and come: `2 lines out, 3 in`.
pub(crate) fn summary(from: &str, to: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let (mut gone, mut come) = (0, 0);
    for op in ops(&old, &new) {
        if !matches!(op, DiffOp::Equal { .. }) {
            gone += op.old_range().len();
            come += op.new_range().len();
        }
    }
    match (gone, come) {
        (0, 0) => "only the line end at the end".to_owned(),
        (gone, 0) => format!("{} removed", counted(gone, "line")),
        (0, come) => format!("{} added", counted(come, "line")),
        (gone, come) if gone == come => format!("{} changed", counted(come, "line")),
        (gone, come) => format!("{} removed, {} added", counted(gone, "line"), number(come)),
    }
}

fn drawn(tag: ChangeTag, text: &str, most: usize, style: Style) -> Line {
    let (sign, ink) = match tag {
        ChangeTag::Delete => ("- ", Ink::Red),
        ChangeTag::Insert => ("+ ", Ink::Green),
        ChangeTag::Equal => ("  ", Ink::Dim),
    };
    let line = Line::new(style, INDENT);
    let mut line = if most == usize::MAX { line.endless() } else { line };
    line.put(ink, sign).put(ink, text);
    line
}

fn groups(old: &[&str], new: &[&str]) -> Vec<Vec<DiffOp>> {
    similar::group_diff_ops(ops(old, new), AROUND)
}

fn ops(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    if old.len() + new.len() <= MOST_LINES {
        return capture_diff_slices_deadline(similar::Algorithm::Myers, old, new, None);
    }
    let before = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = (&old[before..], &new[before..]);
    let after = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_len, new_len) = (rest.0.len() - after, rest.1.len() - after);
    vec![
        DiffOp::Equal { old_index: 0, new_index: 0, len: before },
        DiffOp::Replace { old_index: before, old_len, new_index: before, new_len },
        DiffOp::Equal { old_index: before + old_len, new_index: before + new_len, len: after },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(from: &str, to: &str, most: usize) -> String {
        let mut lines = Vec::new();
        unified(from, to, most, Style::plain(40), &mut lines);
        lines.into_iter().map(|line| line.end() + "\n").collect()
    }

    #[test]
    fn what_differs_is_shown_with_a_little_around_it() {
        let from = "a\nb\nc\nd\ne\nf\ng\n";
        insta::assert_snapshot!(drawn(from, &from.replace('e', "E"), 40), @"
        … line 3
          c
          d
        - e
        + E
          f
          g
        ");
        assert_eq!(summary(from, &from.replace('e', "E")), "1 line changed");
    }

    #[test]
    fn a_long_difference_is_cut_and_the_rest_counted() {
        let from: String = (0..50).map(|line| format!("old {line}\n")).collect();
        let to: String = (0..60).map(|line| format!("new {line}\n")).collect();
        insta::assert_snapshot!(drawn(&from, &to, 3), @"
        - old 0
        - old 1
        - old 2
        … 107 lines more that differ
        ");
        assert_eq!(summary(&from, &to), "50 lines removed, 60 added");
    }

    #[test]
    fn a_great_many_lines_are_compared_from_both_ends() {
        let from: String = (0..40_000).map(|line| format!("{line}\n")).collect();
        let to = from.replace("\n20000\n", "\nother\n");
        insta::assert_snapshot!(drawn(&from, &to, 40), @"
        … line 19,999
          19998
          19999
        - 20000
        + other
          20001
          20002
        ");
    }
}
