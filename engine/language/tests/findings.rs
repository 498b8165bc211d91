//! Findings: how they are counted, ordered, drawn and given to programs.

use language::render::{DecorStyle, Renderer, render, render_at};
use language::scope::Unresolved;
use language::{Code, Diagnostic, Diagnostics, Severity, SourceId, Sources, Span};
use serde_json::json;

use crate::answer::{answer, read};
use crate::example::everything::Everything;
use crate::example::stack::Stack;

const WRONG: &str = "text: a\nwords: b\nshare: 2\nstile: plain\nurl: ftp://example.org/a/path/that/is/long/enough/to/be/cut?in=a&narrow=terminal\nfile: \"${a b}\"\n";

#[test]
fn every_code_has_a_number_of_its_own_and_a_sentence() {
    let mut ids: Vec<String> = Code::ALL.iter().map(|code| code.id()).collect();
    assert_eq!(ids[0], "W001");
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), Code::ALL.len());
    assert!(Code::ALL.iter().all(|code| code.about().ends_with(['.', '?'])));
}

#[test]
fn warnings_are_counted_apart_and_stop_nothing() {
    let (value, sources, diagnostics) =
        read::<Everything>("a.yml", "text: a\nwords: b\n", &Unresolved);
    assert!(value.is_some());
    assert_eq!((diagnostics.warnings(), diagnostics.errors()), (1, 0));
    assert!(!diagnostics.has_errors() && !diagnostics.is_empty());
    insta::assert_snapshot!(render(diagnostics, &sources, &Renderer::plain()));
}

#[test]
fn errors_and_warnings_stand_in_the_order_of_the_file() {
    let (_, _, diagnostics) = read::<Everything>("a.yml", WRONG, &Unresolved);
    let lines = diagnostics.sorted().into_iter().map(|one| one.span().start);
    assert!(lines.is_sorted());
}

#[test]
fn a_narrow_terminal_gets_narrow_lines() {
    let (_, sources, diagnostics) = read::<Everything>("a.yml", WRONG, &Unresolved);
    let answer = render_at(diagnostics, &sources, &Renderer::plain(), 60);
    let longest = answer.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(66), "{longest:?}:\n{answer}");
    insta::assert_snapshot!(answer);
}

#[test]
fn a_wide_terminal_gets_whole_lines() {
    let (_, sources, diagnostics) = read::<Everything>("a.yml", WRONG, &Unresolved);
    let renderer = Renderer::plain().decor_style(DecorStyle::Unicode);
    insta::assert_snapshot!(render_at(diagnostics, &sources, &renderer, 200));
}

#[test]
fn colour_is_up_to_the_caller() {
    let draw = |renderer: &Renderer| {
        let (_, sources, diagnostics) = read::<Everything>("a.yml", WRONG, &Unresolved);
        render(diagnostics, &sources, renderer)
    };
    assert!(!draw(&Renderer::plain()).contains('\u{1b}'));
    assert!(draw(&Renderer::styled()).contains('\u{1b}'));
}

#[test]
fn what_is_in_no_file_is_drawn_without_a_place() {
    let nowhere = Span { source: SourceId::NOWHERE, start: 3, end: 900 };
    let diagnostic = Diagnostic::new(Code::Cycle, nowhere, "these wait for each other");
    assert_eq!(diagnostic.to_json(&Sources::default())["file"], json!(null));
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(diagnostic.help("take one away"));
    let answer = render(diagnostics, &Sources::default(), &Renderer::plain());
    assert!(answer.starts_with("error[W030]: these wait for each other"), "{answer}");
}

#[test]
fn several_files_are_answered_together() {
    let mut sources = Sources::default();
    let first = sources.add("stacks/a.yml", "stack: a\nresources: 1\n");
    let second = sources.add("stacks/b.yml", "");
    let mut diagnostics = Diagnostics::default();
    for id in [second, first] {
        let document = language::Document::parse(&sources, id, &mut diagnostics);
        language::decoder::decode::<Stack>(&document, &Unresolved, &mut diagnostics);
    }
    let span = |source, end| Span { source, start: 0, end };
    let conflict = Diagnostic::new(Code::Conflict, span(first, 5), "two stacks are called `a`");
    diagnostics.push(conflict.label("this one").also(span(second, 0), "and this one"));
    insta::assert_snapshot!(render(diagnostics, &sources, &Renderer::plain()));
}

#[test]
fn programs_get_every_fact() {
    let text = "stack: shop\nresources:\n  \"🚢\": { kind: process.service, command: a, copies: x }\nstack: b\n";
    let (_, sources, diagnostics) = read::<Stack>("stacks/shop.yml", text, &Unresolved);
    let all: Vec<_> = diagnostics.sorted().iter().map(|one| one.to_json(&sources)).collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&all).unwrap());
}

#[test]
fn findings_of_several_readings_are_put_together() {
    let span = Span { source: SourceId(0), start: 0, end: 0 };
    let mut all = Diagnostics::default();
    all.push(Diagnostic::new(Code::Syntax, span, "a"));
    let mut more = Diagnostics::default();
    more.push(Diagnostic::warning(Code::Unused, span, "b"));
    all.append(more);
    all.extend([Diagnostic::new(Code::Syntax, span, "c")]);
    assert_eq!((all.len(), all.errors(), all.warnings()), (3, 2, 1));
    let severities: Vec<Severity> = all.iter().map(|one| one.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning, Severity::Error]);
    assert_eq!((&all).into_iter().count(), all.into_iter().count());
}

#[test]
fn a_place_is_written_as_people_click_on_it() {
    let mut sources = Sources::default();
    let id = sources.add("a.yml", "ä: 🦀x\r\nb: c\n");
    let at = |start| sources.place(Span { source: id, start, end: start }).unwrap().to_string();
    assert_eq!(at(0), "a.yml:1:1");
    assert_eq!(at(8), "a.yml:1:5");
    assert_eq!(at(11), "a.yml:2:1");
    assert_eq!(at(900), "a.yml:3:1");
}

#[test]
fn an_error_at_the_end_of_a_file_is_drawn() {
    for text in
        ["stack: shop\nresources:", "stack: shop\nresources: [", "stack: \"", "{", "&a", "? ", "- "]
    {
        assert!(answer::<Stack>("a.yml", text).contains("error["), "{text}");
    }
}
