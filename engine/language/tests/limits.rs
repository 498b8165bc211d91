//! What is too large, too deep or too often repeated is an error with a place, never memory, never time
//! without end, never a stack that overflows.

use std::fmt::Write;

use language::render::{Renderer, render_at};
use language::scope::Unresolved;
use language::source::MOST_BYTES;
use language::{
    AnyValue, Code, Diagnostics, Document, Found, Reference, Scope, Sources, Spec, decoder,
};

use crate::answer::{answer, read};
use crate::example::everything::Everything;
use crate::example::stack::Stack;

#[test]
fn aliases_cannot_expand_without_bound() {
    let list = vec!["a"; 5_000].join(", ");
    let mut text = format!(
        "stack: shop\nresources:\n  base: &base {{ kind: process.service, command: [{list}] }}\n"
    );
    (0..1_000).for_each(|index| _ = writeln!(text, "  copy{index}: *base"));
    let answer = answer::<Stack>("flood.yml", &text);
    assert!(
        answer.contains("error[W003]: aliases or references expand this to too much"),
        "{answer}"
    );
}

#[test]
fn maps_that_merge_each_other_cannot_grow_without_bound() {
    let mut text = String::from("stack: shop\nm0: &m0 { k0: 1 }\n");
    (1..5_000).for_each(|n| _ = writeln!(text, "m{n}: &m{n} {{ <<: *m{}, k{n}: 1 }}", n - 1));
    let (_, _, diagnostics) = read::<Stack>("merges.yml", &text, &Unresolved);
    let bombs: Vec<_> = diagnostics.iter().filter(|one| one.code == Code::AliasBomb).collect();
    assert_eq!(bombs.len(), 1);
    assert_eq!(bombs[0].message, "merge keys make this file too large");
}

#[test]
fn a_list_merged_a_thousand_times_is_looked_at_with_a_limit() {
    let keys: String = (0..1_000).fold(String::new(), |keys, n| keys + &format!("k{n}: 1, "));
    let sources = vec!["*base"; 2_000].join(", ");
    let text = format!("base: &base {{ {keys} }}\nmerged: {{ <<: [{sources}] }}\n");
    let answer = answer::<Stack>("merges.yml", &text);
    assert!(answer.contains("error[W003]: merge keys make this file too large"), "{answer}");
}

#[test]
fn a_hundred_thousand_lines_keep_their_line_numbers() {
    let mut text = String::from("stack: big\nresources:\n");
    (0..33_332).for_each(|n| {
        _ = writeln!(text, "  r{n}:\n    kind: process.service\n    command: run");
    });
    text.push_str("  last:\n    kind: process.service\n    command: run\n    copies: many\n");
    let answer = answer::<Stack>("big.yml", &text);
    assert!(answer.contains("big.yml:100002:13"), "{answer}");
}

#[test]
fn ten_thousand_errors_are_counted_and_fifty_shown() {
    let mut text = String::from("stack: big\nresources:\n");
    (0..10_000).for_each(|n| {
        _ = writeln!(text, "  r{n}: {{ kind: process.service, command: [] , copies: x }}");
    });
    let answer = answer::<Stack>("big.yml", &text);
    assert!(answer.ends_with("10000 errors, the first 50 shown\n"), "{answer}");
    assert_eq!(answer.matches("error[W014]").count(), 50);
}

#[test]
fn very_many_errors_are_counted_and_not_kept() {
    let text = format!("stack: [{}]\n", vec!["!a b"; 150_000].join(", "));
    let (_, sources, diagnostics) = read::<Stack>("big.yml", &text, &Unresolved);
    assert!(diagnostics.len() >= 150_000);
    assert_eq!(diagnostics.iter().count(), 100_000);
    let answer = render_at(diagnostics, &sources, &Renderer::plain(), 100);
    assert!(answer.ends_with("\nmore than 100000 errors, the first 50 shown\n"), "{answer}");
}

#[test]
fn fifty_thousand_unknown_keys_take_no_quadratic_time() {
    let mut text = String::from(
        "stack: big\nresources:\n  web:\n    kind: process.service\n    command: run\n",
    );
    (0..50_000).for_each(|n| _ = writeln!(text, "    unheard-of-{n}: x"));
    assert!(answer::<Stack>("big.yml", &text).ends_with("50000 errors, the first 50 shown\n"));
}

/// A hundred thousand names, as a large stack has them.
struct Many {
    names: Vec<String>,
    borrowed: bool,
}

impl Scope for Many {
    fn find(&self, _: &Reference) -> Found<'_> {
        if self.borrowed {
            Found::NotAmong(Box::new(self.names.iter().map(String::as_str)))
        } else {
            Found::Unknown { names: self.names.clone() }
        }
    }
}

#[test]
fn a_name_is_found_among_a_hundred_thousand() {
    let names: Vec<String> = (0..100_000).map(|n| format!("resource-{n}.url")).collect();
    for borrowed in [true, false] {
        let scope = Many { names: names.clone(), borrowed };
        let (_, sources, diagnostics) =
            read::<Everything>("a.yml", "text: ${resurce-99999.url}\n", &scope);
        let answer = render_at(diagnostics, &sources, &Renderer::plain(), 100);
        assert!(answer.contains("did you mean `resource-99999.url`?"), "{answer}");
    }
}

#[test]
fn twenty_thousand_wrong_references_are_not_each_compared_with_every_name() {
    let names: Vec<String> = (0..100_000).map(|n| format!("resource-{n}.url")).collect();
    let scope = Many { names, borrowed: true };
    let references: Vec<String> =
        (0..20_000).map(|n| format!("\"${{resurce-{n}.url}}\"")).collect();
    let text = format!("values: [{}]\n", references.join(", "));
    let (_, _, diagnostics) = read::<Everything>("a.yml", &text, &scope);
    assert_eq!(diagnostics.errors(), 20_000);
    let hinted = diagnostics.iter().filter(|one| one.labels[0].text.contains("did you mean"));
    assert_eq!(hinted.count(), 20, "2,000,000 names are looked at, and then no more");
}

#[test]
fn deep_nesting_is_an_error_and_no_stack_overflow() {
    for depth in [129, 250, 10_000] {
        let text = format!("stack: {}{}\n", "[".repeat(depth), "]".repeat(depth));
        let answer = answer::<Stack>("deep.yml", &text);
        let expected =
            ["error[W005]: this stands deeper than 128 levels", "error[W001]: lists and maps"];
        assert!(expected.iter().any(|message| answer.contains(message)), "{answer}");
    }
}

#[test]
fn what_is_deep_and_allowed_is_read() {
    let depth = 127;
    let text = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let (value, ..) = read::<AnyValue>("deep.yml", &text, &Unresolved);
    assert!(value.is_some());
}

#[test]
fn aliases_cannot_lead_deeper_than_the_stack_bears() {
    let mut text = format!("x-0: &a0 {}1{}\n", "[".repeat(100), "]".repeat(100));
    for n in 1..20 {
        let (open, close) = ("[".repeat(100), "]".repeat(100));
        _ = writeln!(text, "x-{n}: &a{n} {open}*a{}{close}", n - 1);
    }
    text.push_str("values: *a19\n");
    let answer = answer::<Everything>("deep.yml", &text);
    assert!(answer.contains("error[W003]"), "{answer}");
}

struct Loop(Document);

impl Scope for Loop {
    fn find(&self, _: &Reference) -> Found<'_> {
        Found::Known(self.0.root())
    }
}

fn looped<T: Spec>(text: &str, value: &str) -> String {
    let scope = Loop(Document::value(value));
    let (_, sources, diagnostics) = read::<T>("loop.yml", text, &scope);
    render_at(diagnostics, &sources, &Renderer::plain(), 100)
}

#[test]
fn a_reference_to_itself_is_an_error_and_no_stack_overflow() {
    for value in
        ["${loop}", "[\"${loop}\"]", "{ next: \"${loop}\" }", "a ${loop}", "${loop}${loop}"]
    {
        for key in ["values", "text", "next", "when"] {
            let answer = looped::<Everything>(&format!("{key}: ${{loop}}\n"), value);
            assert!(answer.contains("loop.yml:1:"), "{key} {value}: {answer}");
        }
    }
}

#[test]
fn references_cannot_fill_the_memory() {
    let value = "x".repeat(1 << 20);
    let text = format!("text: \"{}\"\n", "${loop}".repeat(200));
    let answer = looped::<Everything>(&text, &value);
    assert!(answer.contains("expand this to too much"), "{}", &answer[..answer.len().min(500)]);
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let id = sources.add("huge.yml", format!("stack: a\n{}", "#".repeat(MOST_BYTES)));
    let document = Document::parse(&sources, id, &mut diagnostics);
    let decoded = decoder::decode::<Stack>(&document, &Unresolved, &mut diagnostics);
    assert!(decoded.value.is_none());
    insta::assert_snapshot!(render_at(diagnostics, &sources, &Renderer::plain(), 80));
    assert!(sources.get(id).text.len() < 5_000, "what is not read is not kept either");
}

#[test]
fn a_line_of_a_megabyte_is_cut_around_the_place() {
    let filler = "abc ".repeat(1 << 17);
    let text = format!("text: \"{filler}${{bad ref}} {filler}\"\n");
    let answer = answer::<Everything>("long.yml", &text);
    assert!(answer.len() < 1_000, "{} bytes", answer.len());
    insta::assert_snapshot!(answer);
}

#[test]
fn what_is_quoted_in_a_message_is_short() {
    let long = "very long and\\n".repeat(100_000);
    let text = format!("wait: \"{long}\"\nstyle: \"{long}\"\n\"{long}\": 1\n? [a]\n: 1\n");
    let answer = answer::<Everything>("long.yml", &text);
    assert!(answer.len() < 3_000, "{} bytes: {answer}", answer.len());
}
