//! What kinds are for: all of them with a line each, or one with its example and all of its keys.
//!
//! The example comes first and without indent: it is what people copy. It must not know any kind by name.

use language::explain::{attributes, keys};
use language::{Layout, Record, suggest};
use model::file::stack::Header;
use model::{Erased, Registry};

use super::line::Line;
use super::measure::{width, wrap};
use super::style::{Ink, Style};

/// Returns all kinds as text, by provider, each with the line that says what it is for.
pub(crate) fn list(kinds: &Registry, style: Style) -> String {
    let mut out = String::new();
    let column = kinds.names().map(width).max().unwrap_or(0) + 4;
    let mut provider = "";
    for kind in kinds.kinds() {
        let own = kind.name.split('.').next().unwrap_or_default();
        if !provider.is_empty() && provider != own {
            out.push('\n');
        }
        provider = own;
        let mut lines = wrap(about(kind), style.readable().saturating_sub(column)).into_iter();
        let mut line = Line::new(style, 2);
        line.put(Ink::Bold, kind.name).to(column);
        line.put(Ink::Plain, &lines.next().unwrap_or_default());
        line.end_in(&mut out);
        for text in lines {
            let mut line = Line::new(style, column);
            line.put(Ink::Plain, &text);
            line.end_in(&mut out);
        }
    }
    out.push('\n');
    let mut line = Line::new(style, 0);
    line.put(Ink::Dim, "One of them with its example and all keys:  ");
    line.put(Ink::Cyan, "windlass explain KIND");
    line.end_in(&mut out);
    let mut line = Line::new(style, 0).endless();
    line.put(Ink::Dim, "And what they stand in:  windlass explain ");
    line.put(Ink::Cyan, "stack | resource | parameters | pipeline | inventory");
    line.end_in(&mut out);
    out
}

/// Returns one type of file, or what all resources have in common, as text: what it is for, its example and
/// its keys, and where to look further.
pub(crate) fn file(name: &str, layout: &Layout, example: &str, see: &str, style: Style) -> String {
    let mut out = String::new();
    beginning(name, layout, example, style, &mut out);
    out.push('\n');
    let mut line = Line::new(style, 0).endless();
    line.put(Ink::Dim, see);
    line.end_in(&mut out);
    out
}

/// Returns one kind as text: what it is for, its example, its keys and its attributes.
pub(crate) fn kind(kind: &Erased, style: Style) -> String {
    let mut out = String::new();
    beginning(kind.name, (kind.spec)(), kind.example, style, &mut out);
    let names = suggest::list(Header::layout().keys().filter(|key| *key != "kind"));
    let names = names.replace(" or ", " and ");
    for text in wrap(
        &format!("Every resource also has {names}: windlass explain resource"),
        style.readable(),
    ) {
        let mut line = Line::new(style, 0);
        line.put(Ink::Dim, &text);
        line.end_in(&mut out);
    }
    let attributes = attributes((kind.object)(), style.readable());
    if !attributes.is_empty() {
        section("Attributes, for references such as ${name.attribute}", style, &mut out);
        out.push_str(&attributes);
    }
    out
}

/// What it is for, its example, its keys.
fn beginning(name: &str, layout: &Layout, example: &str, style: Style, out: &mut String) {
    let mut line = Line::new(style, 0);
    line.put(Ink::Bold, name);
    line.end_in(out);
    for text in wrap(layout.doc, style.readable().saturating_sub(2)) {
        let mut line = Line::new(style, 2);
        line.put(Ink::Plain, &text);
        line.end_in(out);
    }
    section("Example", style, out);
    for text in example.trim_end().lines() {
        yaml(text, style, out);
        out.push('\n');
    }
    section("Keys", style, out);
    out.push_str(&keys(layout, style.readable()));
}

/// Returns what a kind is for, in a line: the first sentence of its doc comment.
pub(crate) fn about(kind: &Erased) -> &'static str {
    let doc = (kind.spec)().doc;
    doc.split_once(". ").map_or(doc, |(first, _)| first).trim_end_matches('.')
}

fn section(title: &str, style: Style, out: &mut String) {
    out.push('\n');
    out.push_str(&style.bold(title));
    out.push('\n');
}

/// Appends a line of YAML in light colours: comments step back, keys and references stand out. The
/// text stays as it is, whatever it holds.
pub(crate) fn yaml(text: &str, style: Style, out: &mut String) {
    if !style.colour {
        return out.push_str(text);
    }
    let (code, comment) = text.split_at(comment(text));
    let content = code.trim_start_matches([' ', '-']);
    let (indent, content) = code.split_at(code.len() - content.len());
    out.push_str(indent);
    match content.split_once(':').filter(|(key, rest)| is_key(key, rest)) {
        Some((key, rest)) => {
            style.paint_into(Ink::Cyan, key, out);
            out.push(':');
            references(rest, style, out);
        }
        None => references(content, style, out),
    }
    style.paint_into(Ink::Dim, comment, out);
}

fn is_key(key: &str, rest: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || "_-./@\" ".contains(letter);
    (rest.is_empty() || rest.starts_with(' ')) && !key.is_empty() && key.chars().all(plain)
}

fn references(text: &str, style: Style, out: &mut String) {
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        out.push_str(&rest[..start]);
        style.paint_into(Ink::Yellow, &rest[start..=start + length], out);
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
}

/// Where a comment begins: a `#` after a blank, outside of quotes.
fn comment(text: &str) -> usize {
    let mut quote = None;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        match (letter, quote) {
            ('#', None) if before == ' ' => return at,
            ('"' | '\'', None) if !before.is_alphanumeric() => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            _ => {}
        }
        before = letter;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::measure::clean;
    use language::Spec;
    use model::kind::{Change, Difference, Found, Kind, Known, Looked, Reads};
    use model::{Context, Fault, Object, Secrets, Token};

    /// Holds a value, and gives it back. It needs nothing.
    #[derive(Spec)]
    #[expect(dead_code, reason = "only its declaration is looked at")]
    struct ValueSpec {
        /// What is held.
        input: String,
        /// How often.
        #[spec(default = "1")]
        times: u16,
    }

    /// What it gives.
    #[derive(Spec)]
    #[expect(dead_code, reason = "only its declaration is looked at")]
    struct ValueObject {
        /// What was held.
        #[spec(follows = "input")]
        output: String,
    }

    struct Held;

    impl Kind for Held {
        const NAME: &'static str = "data.held";
        const EXAMPLE: &'static str = "# The smallest use.\nstack: shop\nresources:\n  one:\n    kind: data.held   # a comment\n    input: \"a # b ${two.output}\"\n    - run: x: y\n";
        const READS: Reads = Reads::Nothing;
        type Spec = ValueSpec;
        type Object = ValueObject;

        fn diff(_: &ValueSpec, _: &Object, _: &dyn Secrets) -> Vec<Difference> {
            Vec::new()
        }

        async fn read(
            &self,
            _: &Context,
            known: &[Known<ValueSpec>],
        ) -> Result<Vec<Looked>, Fault> {
            Ok(known.iter().map(|_| Ok(None)).collect())
        }

        async fn apply(
            &self,
            _: &Context,
            _: Change<'_, ValueSpec>,
            _: &Token,
        ) -> Result<Option<Object>, Fault> {
            Ok(None)
        }

        async fn find(
            &self,
            _: &Context,
            _: Change<'_, ValueSpec>,
            _: &Token,
        ) -> Result<Found, Fault> {
            Ok(Found::Nothing)
        }
    }

    #[test]
    fn kinds_are_listed_with_what_they_are_for() {
        let kinds = Registry::new([Erased::of(Held)]);
        insta::assert_snapshot!(list(&kinds, Style::plain(80)), @r#"
          data.held  Holds a value, and gives it back

        One of them with its example and all keys:  windlass explain KIND
        And what they stand in:  windlass explain stack | resource | parameters | pipeline | inventory
        "#);
    }

    #[test]
    fn one_kind_shows_its_example_before_its_keys() {
        assert!(ValueSpec::layout().field("times").is_some());
        insta::assert_snapshot!(kind(&Erased::of(Held), Style::plain(80)), @r#"
        data.held
          Holds a value, and gives it back. It needs nothing.

        Example
        # The smallest use.
        stack: shop
        resources:
          one:
            kind: data.held   # a comment
            input: "a # b ${two.output}"
            - run: x: y

        Keys
          input  What is held. (text, required)
          times  How often. (a whole number up to 65535, `1` by default)
        Every resource also has `needs`, `count`, `each`, `protect`, `timeout` and
        `attempts`: windlass explain resource

        Attributes, for references such as ${name.attribute}
          output  What was held. (text)
        "#);
    }

    #[test]
    fn colours_leave_the_text_as_it_is() {
        let style = Style { colour: true, ..Style::plain(80) };
        let painted = kind(&Erased::of(Held), style);
        assert!(painted.contains("\x1b[36mkind\x1b[0m: data.held   \x1b[2m# a comment\x1b[0m"));
        assert!(painted.contains("\x1b[36minput\x1b[0m: \"a # b \x1b[33m${two.output}\x1b[0m\""));
        let bare: Vec<_> = painted.lines().map(clean).collect();
        assert_eq!(bare.join("\n") + "\n", kind(&Erased::of(Held), Style::plain(80)));
    }
}
