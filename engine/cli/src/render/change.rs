//! One key that differs, as lines: from what to what.
//!
//! Maps are told by the keys in them that differ, text of several lines by its lines, long values by
//! the part that differs. It must not show the text of a secret.

use model::Value;

use super::diff;
use super::line::Line;
use super::measure::{clean, cut, head, tail, width};
use super::style::{Ink, Style};
use super::value::{SEALED, SECRET, is_long, shown, text_of};

/// What differs at one place within a key.
struct Difference<'v> {
    /// Where in the key: `DB_URL`, `check.http`; empty for the key itself.
    path: String,
    from: Option<&'v Value>,
    to: Option<&'v Value>,
}

/// How much of it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// The column where values begin.
    pub(crate) column: usize,
    /// The columns that the place in the file takes at the end of the first line.
    pub(crate) place: usize,
    /// Lines at most; `usize::MAX`: everything, in lines that are not cut either.
    pub(crate) lines: usize,
}

/// The column where keys begin.
pub(crate) const INDENT: usize = 6;
/// Lines are not made narrower than this for the sake of a place at their end.
const LEAST: usize = 24;

/// Returns the lines of one key; the first has room for the place in the file.
pub(crate) fn lines(key: &str, from: &Value, to: &Value, room: Room, style: Style) -> Vec<Line> {
    let mut found = Vec::new();
    compare(String::new(), Some(from), Some(to), &mut found);
    let inner = found.iter().map(|one| width(&one.path)).max().unwrap_or(0);
    let inner = if inner == 0 { 0 } else { inner.clamp(6, 24) + 2 };
    let mut lines: Vec<Line> = Vec::new();
    for (at, one) in found.iter().enumerate() {
        let left = room.lines.saturating_sub(lines.len());
        if left == 0 {
            let mut line = start("", room, style);
            let more = found.len() - at;
            line.put(Ink::Dim, &format!("{} {more} more in it differ", style.dots()));
            lines.push(line);
            break;
        }
        let key = if at == 0 { key } else { "" };
        let room = Room { lines: left, place: if at == 0 { room.place } else { 0 }, ..room };
        one.draw(key, inner, room, style, &mut lines);
    }
    lines
}

fn start(key: &str, room: Room, style: Style) -> Line {
    let line = Line::new(style, INDENT);
    let mut line = if room.lines == usize::MAX { line.endless() } else { line };
    line.put(Ink::Plain, key).to(room.column);
    line
}

/// Maps are compared key by key, everything else as a whole.
fn compare<'v>(
    path: String,
    from: Option<&'v Value>,
    to: Option<&'v Value>,
    found: &mut Vec<Difference<'v>>,
) {
    let (Some(Value::Map(a)), Some(Value::Map(b))) = (from, to) else {
        found.push(Difference { path, from, to });
        return;
    };
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let before = found.len();
    for key in keys {
        let (from, to) = (a.get(key), b.get(key));
        let same = matches!((from, to), (Some(from), Some(to)) if from.means(to));
        if !same {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(path, from, to, found);
        }
    }
    if found.len() == before {
        found.push(Difference { path, from, to });
    }
}

impl Difference<'_> {
    fn draw(&self, key: &str, inner: usize, room: Room, style: Style, out: &mut Vec<Line>) {
        let mut line = start(key, room, style);
        if inner > 0 {
            let end = line.used() + inner;
            line.path(Ink::Plain, &self.path, inner - 2).to(end);
        }
        match (self.from, self.to) {
            (Some(from), Some(to)) if hides_the_same(from, to) => {
                line.put(Ink::Yellow, &hidden(to));
                out.push(line);
            }
            (Some(from), Some(to)) if is_long(from) || is_long(to) => {
                draw_text(from, to, line, room, style, out);
            }
            (Some(Value::List(from)), Some(Value::List(to))) => {
                draw_list(from, to, line, room, style, out);
            }
            (Some(from), Some(to)) => {
                draw_change(&shown(from), &shown(to), line, room, style, out);
            }
            (None, Some(to)) => draw_one("+ ", Ink::Green, to, line, room, out),
            (Some(from), None) => draw_one("- ", Ink::Red, from, line, room, out),
            (None, None) => {}
        }
    }
}

fn draw_text(
    from: &Value,
    to: &Value,
    mut line: Line,
    room: Room,
    style: Style,
    out: &mut Vec<Line>,
) {
    match (text_of(from), text_of(to)) {
        (Some(a), Some(b)) => {
            line.put(Ink::Dim, &diff::summary(&a, &b));
            out.push(line);
            diff::unified(&a, &b, room.lines, style, out);
        }
        _ => draw_change(&shown(from), &shown(to), line, room, style, out),
    }
}

/// Both hold a secret, and nothing else in them differs.
fn hides_the_same(from: &Value, to: &Value) -> bool {
    let hides = |value: &Value| value.is_sealed() || !value.secrets().is_empty();
    hides(from) && hides(to) && text_of(from) == text_of(to) && shown(from) == shown(to)
}

fn hidden(value: &Value) -> String {
    let text = if is_long(value) { SEALED.to_owned() } else { shown(value) };
    match text.strip_suffix(')').filter(|_| text.starts_with('(')) {
        Some(text) => format!("{text}, changed)"),
        None => format!("{} ({} changed)", text, SECRET.trim_matches(['(', ')'])),
    }
}

fn draw_one(sign: &str, ink: Ink, value: &Value, mut line: Line, room: Room, out: &mut Vec<Line>) {
    let columns = columns(&line, room);
    line.put(ink, sign);
    line.path(ink, &shown(value), columns.saturating_sub(2));
    out.push(line);
}

/// Short lists are shown before and after, of others what comes and goes.
fn draw_list(
    from: &[Value],
    to: &[Value],
    line: Line,
    room: Room,
    style: Style,
    out: &mut Vec<Line>,
) {
    let (before, after) = (listed(from), listed(to));
    let short = width(&before) + width(&after) + 6 <= columns(&line, room);
    let holds = |items: &[Value], wanted: &Value| items.iter().any(|item| item.means(wanted));
    // Looking for each in all is quadratic: long lists are compared as text.
    let few = from.len().max(to.len()) <= 200;
    let gone: Vec<&Value> = from.iter().filter(|item| few && !holds(to, item)).collect();
    let come: Vec<&Value> = to.iter().filter(|item| few && !holds(from, item)).collect();
    if short || gone.is_empty() && come.is_empty() {
        return draw_change(&before, &after, line, room, style, out);
    }
    let column = line.used();
    let signed = gone.into_iter().map(|item| ("- ", Ink::Red, item));
    let signed = signed.chain(come.into_iter().map(|item| ("+ ", Ink::Green, item)));
    let mut line = Some(line);
    for (at, (sign, ink, item)) in signed.enumerate() {
        let line = line.take().unwrap_or_else(|| {
            let line = Line::new(style, column);
            if room.lines == usize::MAX { line.endless() } else { line }
        });
        let room = Room { place: if at == 0 { room.place } else { 0 }, ..room };
        draw_one(sign, ink, item, line, room, out);
    }
}

fn listed(items: &[Value]) -> String {
    let text = shown(&Value::List(items.to_vec()));
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let bare = !items.is_empty() && !items.iter().any(|item| matches!(item, Value::List(_)));
    inner.filter(|_| bare).map_or(text.clone(), str::to_owned)
}

/// The columns that are left beside the place in the file.
fn columns(line: &Line, room: Room) -> usize {
    let place = if room.place > 0 { room.place + 2 } else { 0 };
    let left = line.room();
    if left.saturating_sub(place) >= LEAST { left - place } else { left }
}

/// From what to what: in one line if it fits, in two if it does not.
fn draw_change(
    from: &str,
    to: &str,
    mut line: Line,
    room: Room,
    style: Style,
    out: &mut Vec<Line>,
) {
    let arrow = format!(" {} ", style.arrow());
    let columns = columns(&line, room);
    if from == to {
        line.put(Ink::Plain, from).put(Ink::Dim, " (changed)");
        return out.push(line);
    }
    if width(from) + width(&arrow) + width(to) <= columns {
        line.put(Ink::Plain, from).put(Ink::Dim, &arrow).put(Ink::Green, to);
        return out.push(line);
    }
    let column = line.used();
    let second = Line::new(style, column.saturating_sub(width(&arrow) - 1));
    let mut second = if room.lines == usize::MAX { second.endless() } else { second };
    second.put(Ink::Dim, arrow.trim_start());
    let (from, to) = apart(from, to, columns.min(second.room()), style);
    line.put(Ink::Plain, &from);
    second.put(Ink::Green, &to);
    out.extend([line, second]);
}

/// Both texts cut to their columns so that the part that differs is seen: of what both begin with, the
/// first words and the last.
fn apart(from: &str, to: &str, columns: usize, style: Style) -> (String, String) {
    if width(from) <= columns && width(to) <= columns {
        return (from.to_owned(), to.to_owned());
    }
    let (from, to) = (clean(from), clean(to));
    let same = from.chars().zip(to.chars()).take_while(|(a, b)| a == b);
    let same: usize = same.map(|(character, _)| character.len_utf8()).sum();
    let common = &from[..same];
    let (first, last) = (head(common, columns / 3), tail(common, columns / 4));
    let shortened = |text: &str| {
        // Nothing is gained by leaving out less than the dots take.
        if width(common) <= columns / 3 + columns / 4 + width(style.dots()) {
            return cut(text, columns, style).into_owned();
        }
        let rest = &text[same - last.len()..];
        cut(&format!("{first}{}{rest}", style.dots()), columns, style).into_owned()
    };
    (shortened(&from), shortened(&to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::value::Piece;
    use model::{Digest, Tree};

    const ROOM: Room = Room { column: 21, place: 0, lines: 40 };

    fn drawn(from: impl Into<Value>, to: impl Into<Value>) -> String {
        let lines = lines("key", &from.into(), &to.into(), ROOM, Style::plain(80));
        lines.into_iter().map(|line| line.end() + "\n").collect()
    }

    fn tree(pairs: &[(&str, Value)]) -> Value {
        Value::Map(
            pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Tree>(),
        )
    }

    fn secret(text: &str) -> Value {
        Value::Parts(vec![Piece::Secret {
            name: "db".to_owned(),
            hash: Digest::of(text.as_bytes()),
        }])
    }

    #[test]
    fn short_values_stand_in_one_line_and_long_ones_below_each_other() {
        insta::assert_snapshot!(drawn("serve --workers 2", "serve --workers 4"), @"      key            serve --workers 2 → serve --workers 4");
        let long = "serve --with a great many arguments that do not fit into a line of this width";
        insta::assert_snapshot!(drawn(format!("{long} 2"), format!("{long} 4")), @"
        key            serve --with a grea…of this width 2
                     → serve --with a grea…of this width 4
        ");
    }

    #[test]
    fn of_a_map_the_keys_that_differ_are_told() {
        let from = tree(&[("DB_URL", secret("a")), ("MODE", "slow".into()), ("OLD", "1".into())]);
        let to = tree(&[("DB_URL", secret("b")), ("MODE", "fast".into()), ("NEW", "2".into())]);
        insta::assert_snapshot!(drawn(from, to), @"
        key            DB_URL  (secret, changed)
                       MODE    slow → fast
                       NEW     + 2
                       OLD     - 1
        ");
    }

    #[test]
    fn of_a_long_list_what_comes_and_goes_is_told() {
        insta::assert_snapshot!(drawn(vec!["shop.test"], vec!["shop.test", "www.shop.test"]), @"      key            shop.test → shop.test, www.shop.test");
        let names = |from: u32| {
            (from..from + 9).map(|at| format!("www-{at}.shop.test")).collect::<Vec<_>>()
        };
        insta::assert_snapshot!(drawn(names(1), names(2)), @"
        key            - www-1.shop.test
                       + www-10.shop.test
        ");
    }

    #[test]
    fn a_secret_that_changed_shows_only_that_it_did() {
        insta::assert_snapshot!(drawn(secret("a"), secret("b")), @"      key            (secret, changed)");
        let sealed = |text: &str| Value::Sealed(Digest::of(text.as_bytes()));
        insta::assert_snapshot!(drawn(sealed("a"), sealed("b")), @"      key            (holds a secret, changed)");
        let url = |text: &str| match secret(text) {
            Value::Parts(mut pieces) => {
                pieces.insert(0, Piece::Literal("postgres://api:".to_owned()));
                Value::Parts(pieces)
            }
            other => other,
        };
        insta::assert_snapshot!(drawn(url("a"), url("b")), @"      key            postgres://api:(secret) (secret changed)");
        insta::assert_snapshot!(drawn("open", secret("b")), @"      key            open → (secret)");
    }

    #[test]
    fn text_of_several_lines_is_told_by_its_lines() {
        insta::assert_snapshot!(drawn("a\nb\nc\n", "a\nB\nc\n"), @"
        key            1 line changed
          a
        - b
        + B
          c
        ");
    }

    #[test]
    fn everything_fits_however_narrow_it_is() {
        for columns in [30, 50, 80] {
            let long =
                "名前 and a sentence that is longer than any line could be, however long it is";
            let made =
                lines("key", &long.into(), &format!("{long}!").into(), ROOM, Style::plain(columns));
            for line in made {
                assert!(width(&line.end()) <= columns);
            }
        }
    }
}
