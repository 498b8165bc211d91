//! Groups of log lines as one line each. Markers: `::group::TITLE` and `::endgroup::` (GitHub), `##[group]`
//! and `##[endgroup]` (Azure Pipelines).
//!
//! It must not lose a line: what has no end is shown.

use std::collections::BTreeMap;

use runtime::log::Line;

/// A group that is open is kept until its end; a larger one is shown.
const MOST: usize = 10_000;

/// What is folded now, by step.
#[derive(Default)]
pub(crate) struct Fold(BTreeMap<String, Vec<Line>>);

impl Fold {
    /// Takes a line, and returns what is to be shown now.
    pub(crate) fn take(&mut self, step: &str, line: &Line) -> Vec<(String, Line)> {
        let named =
            |lines: Vec<Line>| lines.into_iter().map(|line| (step.to_owned(), line)).collect();
        let Some(open) = self.0.get_mut(step) else {
            if title(&line.text).is_none() {
                return named(vec![line.clone()]);
            }
            self.0.insert(step.to_owned(), vec![line.clone()]);
            return Vec::new();
        };
        if is_end(&line.text) {
            let lines = self.0.remove(step).unwrap_or_default();
            return named(
                lines.first().map(|first| folded(first, lines.len() - 1)).into_iter().collect(),
            );
        }
        if title(&line.text).is_some() {
            let lines = std::mem::replace(open, vec![line.clone()]);
            return named(
                lines.first().map(|first| folded(first, lines.len() - 1)).into_iter().collect(),
            );
        }
        open.push(line.clone());
        match open.len() > MOST {
            true => named(self.0.remove(step).unwrap_or_default()),
            false => Vec::new(),
        }
    }

    /// Returns the lines of groups that have no end.
    pub(crate) fn left(&mut self) -> Vec<(String, Line)> {
        let left = std::mem::take(&mut self.0).into_iter();
        left.flat_map(|(step, lines)| lines.into_iter().map(move |line| (step.clone(), line)))
            .collect()
    }
}

fn title(text: &str) -> Option<&str> {
    text.strip_prefix("::group::").or_else(|| text.strip_prefix("##[group]"))
}

fn is_end(text: &str) -> bool {
    text == "::endgroup::" || text == "##[endgroup]"
}

fn folded(first: &Line, count: usize) -> Line {
    let lines = if count == 1 { "line" } else { "lines" };
    let text = format!("▸ {}  ({count} {lines})", title(&first.text).unwrap_or_default());
    Line { at: first.at, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &[&str]) -> (String, String) {
        let mut fold = Fold::default();
        let line = |text: &str| Line { at: 0, text: text.to_owned() };
        let text = |all: Vec<(String, Line)>| {
            all.into_iter().map(|(_, line)| line.text).collect::<Vec<_>>().join(" / ")
        };
        let shown: Vec<_> = lines.iter().flat_map(|text| fold.take("s", &line(text))).collect();
        (text(shown), text(fold.left()))
    }

    #[test]
    fn groups_are_one_line_each_and_what_has_no_end_is_shown() {
        let (seen, left) =
            shown(&["a", "::group::Build", "b", "c", "::endgroup::", "d", "##[group]Two", "e"]);
        assert_eq!(
            (seen.as_str(), left.as_str()),
            ("a / ▸ Build  (2 lines) / d", "##[group]Two / e")
        );
        let (seen, left) =
            shown(&["::group::One", "b", "::group::Two", "::endgroup::", "::endgroup::"]);
        assert_eq!(
            (seen.as_str(), left.as_str()),
            ("▸ One  (1 line) / ▸ Two  (0 lines) / ::endgroup::", "")
        );
    }
}
