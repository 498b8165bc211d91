//! The snapshots of a backup job: when, why they are kept, how large, and what proves them.
//!
//! It must not ask the repository.

use model::{Tree, Value};
use providers::backup::bytes;

use super::line::Line;
use super::measure::{counted, width};
use super::style::{Ink, Style};
use super::when::Moment;

/// Returns what a job says of its snapshots as text, newest first.
pub(crate) fn list(said: &Tree, moment: &Moment, style: Style) -> String {
    let mut out = String::new();
    let rows: Vec<&Tree> = items(said.get("snapshots")).filter_map(map).collect();
    let mut line = Line::new(style, 0);
    line.put(Ink::Bold, text(said, "job"));
    let many = format!("  {} in {}", counted(rows.len(), "snapshot"), text(said, "repository"));
    line.put(Ink::Dim, &many);
    line.end_in(&mut out);
    if !rows.is_empty() {
        table(&rows, moment, style, &mut out);
    }
    if let Some(damage) = said.get("damage").and_then(map) {
        let mut line = Line::new(style, 2);
        let at = minute(number(damage, "at_ms"), moment);
        line.put(Ink::Red, &format!("found damaged {at}: {}", text(damage, "said")));
        line.end_in(&mut out);
    }
    if said.contains_key("verified_ms") {
        let mut line = Line::new(style, 2);
        let ago = moment.ago(number(said, "verified_ms"));
        line.put(Ink::Dim, &format!("verified {ago}"));
        line.end_in(&mut out);
    }
    out
}

fn table(rows: &[&Tree], moment: &Moment, style: Style, out: &mut String) {
    let kept = |row: &Tree| {
        let words: Vec<&str> = items(row.get("kept_as")).filter_map(Value::as_text).collect();
        if words.is_empty() { "goes with the next prune".to_owned() } else { words.join(", ") }
    };
    let widest = rows.iter().map(|row| width(&kept(row))).max().unwrap_or(0).clamp(7, 30);
    let starts = [2, 21, 21 + widest + 2, 21 + widest + 11];
    let mut line = Line::new(style, starts[0]);
    line.put(Ink::Dim, "when");
    for (start, title) in starts[1..].iter().zip(["kept as", "size", "proven by restore"]) {
        line.to(*start).put(Ink::Dim, title);
    }
    line.end_in(out);
    for row in rows {
        let mut line = Line::new(style, starts[0]);
        line.put(Ink::Plain, &minute(number(row, "taken_ms"), moment)).to(starts[1]);
        if row.get("missing").and_then(Value::as_text) == Some("true") {
            line.put(Ink::Red, "gone, and nobody here removed it");
            line.end_in(out);
            continue;
        }
        let size = match number(row, "size") {
            0 => "-".to_owned(),
            size => bytes(size),
        };
        line.path(Ink::Plain, &kept(row), widest).to(starts[2]).put(Ink::Plain, &size);
        line.to(starts[3]);
        let found = |name: &str| row.get(name).and_then(map);
        match (found("proof"), found("disproof")) {
            (Some(proof), _) => {
                let at = minute(number(proof, "at_ms"), moment);
                line.put(Ink::Green, &at).put(Ink::Plain, "  ");
                line.put(Ink::Plain, text(proof, "said"))
            }
            (None, Some(why)) => line.put(Ink::Red, "failed: ").put(Ink::Red, text(why, "said")),
            (None, None) => line.put(Ink::Dim, "not yet"),
        };
        line.end_in(out);
    }
}

fn minute(at: u64, moment: &Moment) -> String {
    moment.exact(at).chars().take(16).collect()
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    match value {
        Some(Value::List(items)) => items.iter(),
        _ => [].iter(),
    }
}

fn map(value: &Value) -> Option<&Tree> {
    match value {
        Value::Map(tree) => Some(tree),
        _ => None,
    }
}

fn text<'t>(tree: &'t Tree, key: &str) -> &'t str {
    tree.get(key).and_then(Value::as_text).unwrap_or_default()
}

fn number(tree: &Tree, key: &str) -> u64 {
    text(tree, key).parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    /// 2026-11-20 10:14:03 UTC.
    const NOW: u64 = 1_795_169_643_000;
    const DAY: u64 = 86_400_000;

    fn tree<const N: usize>(entries: [(&str, Value); N]) -> Value {
        Value::Map(entries.map(|(key, value)| (key.to_owned(), value)).into())
    }

    fn millis(at: u64) -> Value {
        Value::Plain(at.to_string())
    }

    fn row(days: u64, kept: &[&str], proof: Value, missing: bool) -> Value {
        tree([
            ("taken_ms", millis(NOW - days * DAY)),
            ("kept_as", kept.to_vec().into()),
            ("size", millis(41_000_000)),
            ("proof", proof),
            ("missing", missing.into()),
        ])
    }

    #[test]
    fn a_list_says_why_each_is_kept_and_what_proves_it() {
        let proof = |at: u64, said: &str| tree([("at_ms", millis(at)), ("said", said.into())]);
        let rows = vec![
            row(0, &["daily"], proof(NOW, "212 rows checked"), false),
            row(1, &["daily", "weekly"], proof(NOW - DAY, ""), false),
            row(2, &["daily"], Value::Null, true),
            row(9, &[], Value::Null, false),
        ];
        let said = tree([
            ("job", "shop/db".into()),
            ("repository", "/mnt/backups".into()),
            ("snapshots", Value::List(rows)),
            ("damage", proof(NOW, "pack 1a2b: ciphertext verification failed")),
            ("verified_ms", millis(NOW - 3 * DAY)),
        ]);
        let moment = Moment { now: NOW, zone: TimeZone::UTC };
        let Value::Map(said) = said else { return };
        insta::assert_snapshot!(list(&said, &moment, Style::plain(100)), @"
        shop/db  4 snapshots in /mnt/backups
          when               kept as                   size     proven by restore
          2026-11-20 10:14   daily                     41 MB    2026-11-20 10:14  212 rows checked
          2026-11-19 10:14   daily, weekly             41 MB    2026-11-19 10:14
          2026-11-18 10:14   gone, and nobody here removed it
          2026-11-11 10:14   goes with the next prune  41 MB    not yet
          found damaged 2026-11-20 10:14: pack 1a2b: ciphertext verification failed
          verified 3 days ago
        ");
    }
}
