//! What is remembered of resources: a list, and one in full.
//!
//! It must not show the text of a secret, whatever holds it: what its declaration calls sensitive is
//! hidden even where it stands in the open.

use model::record::Record;
use model::{Erased, Tree, Value};
use runtime::engine::Resource;

use super::line::Line;
use super::measure::{counted, width};
use super::style::{Ink, Style};
use super::value::{is_empty, is_long, lines, shown, text_of};

/// What stands for a value that is never shown.
const HIDDEN: &str = "(never shown)";
/// Of a text of several lines, so many are shown.
const MOST_LINES: usize = 8;

/// Returns the resources of one stack as text.
pub(crate) fn list(stack: &str, resources: &[Resource], style: Style) -> String {
    let mut out = String::new();
    let mut line = Line::new(style, 0);
    line.put(Ink::Bold, stack).put(Ink::Plain, "  ");
    line.put(Ink::Plain, &counted(resources.len(), "resource"));
    line.end_in(&mut out);
    let widest = |of: fn(&Resource) -> usize| resources.iter().map(of).max().unwrap_or(0);
    let kinds = widest(|one| width(&one.kind)).min(24);
    let names = widest(|one| width(&one.address)).min(style.width.saturating_sub(kinds + 8) / 2);
    let runs = widest(|one| width(&one.run.to_string())) + 4;
    for one in resources {
        let mut line = Line::new(style, 2);
        line.path(Ink::Dim, &one.kind, kinds).to(2 + kinds + 2);
        line.path(Ink::Plain, &one.address, names).to(2 + kinds + 2 + names + 2);
        line.put(Ink::Dim, &format!("run {}", one.run));
        line.to(2 + kinds + 2 + names + 2 + runs + 2);
        let room = line.room();
        line.path(Ink::Plain, &one.id, room);
        line.end_in(&mut out);
    }
    out
}

/// Returns one resource as text. `kind`: its declaration, if this build knows it.
pub(crate) fn show(
    stack: &str,
    address: &str,
    record: &Record,
    kind: Option<&Erased>,
    style: Style,
) -> String {
    let mut out = String::new();
    let mut line = Line::new(style, 0);
    line.put(Ink::Bold, &format!("{stack}/{address}")).put(Ink::Plain, "  ");
    line.put(Ink::Dim, &record.kind);
    line.end_in(&mut out);
    let mut facts = vec![("id", record.object.id.clone())];
    facts.push(("changed by", format!("run {}", record.generation)));
    if !record.needs.is_empty() {
        facts.push(("needs", record.needs.join(", ")));
    }
    if record.protect {
        facts.push(("protected", "it is not destroyed or replaced".to_owned()));
    }
    for (name, text) in facts {
        let mut line = Line::new(style, 2).endless();
        line.put(Ink::Dim, name).to(14).put(Ink::Plain, &text);
        line.end_in(&mut out);
    }
    let key = |name: &str| kind.and_then(|kind| kind.key(name)).is_some_and(|key| key.sensitive);
    tree("as applied", &record.spec, &key, style, &mut out);
    let attribute = |name: &str| {
        kind.and_then(|kind| kind.attribute(name)).is_some_and(|field| field.sensitive)
    };
    let sensitive = |name: &str| key(name) || attribute(name);
    tree("as it was found then", &record.object.attributes, &sensitive, style, &mut out);
    out
}

fn tree(title: &str, tree: &Tree, hidden: &dyn Fn(&str) -> bool, style: Style, out: &mut String) {
    let told: Vec<(&String, &Value)> = tree.iter().filter(|(_, value)| !is_empty(value)).collect();
    if told.is_empty() {
        return;
    }
    out.push('\n');
    let mut line = Line::new(style, 2);
    line.put(Ink::Bold, title);
    line.end_in(out);
    let column = told.iter().map(|(key, _)| width(key)).max().unwrap_or(0).min(24) + 6;
    for (key, value) in told {
        // What is remembered is there to be copied: it is not cut.
        let mut line = Line::new(style, 4).endless();
        line.put(Ink::Dim, key).to(column);
        let plain =
            matches!(value, Value::Text(_) | Value::Plain(_) | Value::List(_) | Value::Map(_));
        if plain && hidden(key) {
            line.put(Ink::Plain, HIDDEN);
            line.end_in(out);
        } else if let Value::Map(tree) = value
            && width(&shown(value)) > style.readable().saturating_sub(column)
        {
            entries(tree, line, column, style, out);
        } else if is_long(value) {
            long(value, line, column, style, out);
        } else {
            line.put(Ink::Plain, &shown(value));
            line.end_in(out);
        }
    }
}

/// A map that is too long for one line: one of its keys a line.
fn entries(tree: &Tree, line: Line, column: usize, style: Style, out: &mut String) {
    let keys = tree.keys().map(|key| width(key)).max().unwrap_or(0).min(32);
    let mut line = Some(line);
    for (key, value) in tree {
        let mut line = line.take().unwrap_or_else(|| Line::new(style, column).endless());
        line.put(Ink::Dim, key).to(column + keys + 2).put(Ink::Plain, &shown(value));
        line.end_in(out);
    }
}

fn long(value: &Value, mut line: Line, column: usize, style: Style, out: &mut String) {
    let text = text_of(value).unwrap_or_default();
    line.put(Ink::Dim, &lines(&text));
    line.end_in(out);
    let count = text.lines().count();
    for text in text.lines().take(MOST_LINES) {
        let mut line = Line::new(style, column);
        line.put(Ink::Dim, "| ").put(Ink::Plain, text);
        line.end_in(out);
    }
    if count > MOST_LINES {
        let mut line = Line::new(style, column);
        let more = counted(count - MOST_LINES, "more line");
        line.put(Ink::Dim, &format!("{} {more}", style.dots()));
        line.end_in(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::examples::{secret, tree};
    use model::{Digest, Object};

    #[test]
    fn resources_are_listed_by_kind_address_run_and_id() {
        let resource = |address: &str, kind: &str, id: &str, run| Resource {
            address: address.to_owned(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            run,
        };
        let resources = [
            resource(
                "config",
                "file.template",
                "/srv/projects/shop/config/nginx/sites-enabled/shop.conf",
                12,
            ),
            resource("web", "process.service", "web", 7),
        ];
        insta::assert_snapshot!(list("shop", &resources, Style::plain(60)), @"
        shop  2 resources
          file.template    config  run 12  /srv/pro…nabled/shop.conf
          process.service  web     run 7   web
        ");
    }

    #[test]
    fn one_resource_is_told_in_full_without_its_secrets() {
        let text: String = (1..=10).map(|line| format!("line {line}\n")).collect();
        let record = Record {
            kind: "process.service".to_owned(),
            generation: 7,
            digest: Digest::default(),
            spec: tree(&[
                ("command", vec!["bin/web", "--port", "8400"].into()),
                ("environment", Value::Map(tree(&[("DB_URL", secret("x"))]))),
                (
                    "labels",
                    Value::Map(tree(&[
                        ("description", "the shop's own web server, behind the front".into()),
                        ("team", "shop".into()),
                    ])),
                ),
                ("ports", Value::Null),
            ]),
            object: Object::new("web", [("port", 8400_u16.into()), ("script", text.into())]),
            needs: vec!["config".to_owned()],
            protect: true,
            claim: None,
        };
        insta::assert_snapshot!(show("shop", "web", &record, None, Style::plain(80)), @"
        shop/web  process.service
          id          web
          changed by  run 7
          needs       config
          protected   it is not destroyed or replaced

          as applied
            command      [bin/web, --port, 8400]
            environment  {DB_URL: (secret)}
            labels       description  the shop's own web server, behind the front
                         team         shop

          as it was found then
            port    8400
            script  10 lines
                    | line 1
                    | line 2
                    | line 3
                    | line 4
                    | line 5
                    | line 6
                    | line 7
                    | line 8
                    … 2 more lines
        ");
    }
}
