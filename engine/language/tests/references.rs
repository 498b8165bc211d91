//! One spec, three readings: names only, what is known when planning, everything.

use std::collections::BTreeMap;

use language::render::{Renderer, render_at};
use language::scope::Unresolved;
use language::{
    AnyValue, Diagnostics, Document, Found, Reference, Scope, Sources, Text, TextPart, decoder,
};

use crate::answer::{good, read as read_as};
use crate::example::process_service::{Command, Service};

/// What each name stands for; None for what comes later.
struct Known(BTreeMap<&'static str, Option<Document>>);

impl Scope for Known {
    fn find(&self, reference: &Reference) -> Found<'_> {
        match self.0.get(reference.path.as_str()) {
            Some(Some(document)) => Found::Known(document.root()),
            Some(None) => Found::Later,
            None => Found::Unknown { names: self.0.keys().map(ToString::to_string).collect() },
        }
    }
}

const TEXT: &str = r#"command: ["serve", "--on=${leader.ip}:80"]
copies: ${copies}
environment: ${environment}
stop_timeout: "${grace}"
"#;

fn read(text: &str, scope: &dyn Scope) -> (Option<Service>, Vec<String>, String) {
    let mut sources = Sources::default();
    let id = sources.add("web.yml", text);
    let mut diagnostics = Diagnostics::default();
    let document = Document::parse(&sources, id, &mut diagnostics);
    let decoded = decoder::decode::<Service>(&document, scope, &mut diagnostics);
    let waiting = decoded.waiting.into_iter().map(|reference| reference.path).collect();
    (decoded.value, waiting, render_at(diagnostics, &sources, &Renderer::plain(), 80))
}

fn scope(ip: Option<&str>, copies: &str) -> Known {
    Known(BTreeMap::from([
        ("leader.ip", ip.map(Document::value)),
        ("copies", Some(Document::value(copies))),
        ("environment", Some(Document::value("{ LEVEL: debug }"))),
        ("grace", Some(Document::value("1m"))),
    ]))
}

#[test]
fn checking_collects_references_and_finds_no_fault() {
    let (service, waiting, errors) = read(TEXT, &Unresolved);
    assert!(service.is_none());
    assert_eq!(waiting, ["leader.ip", "environment", "copies", "grace"]);
    assert_eq!(errors, "");
}

#[test]
fn planning_waits_for_what_comes_later_only() {
    let (service, waiting, errors) = read(TEXT, &scope(None, "3"));
    assert!(service.is_none());
    assert_eq!(waiting, ["leader.ip"]);
    assert_eq!(errors, "");
}

#[test]
fn performing_has_a_plain_typed_value() {
    let (service, waiting, errors) = read(TEXT, &scope(Some("10.0.0.7"), "3"));
    assert_eq!((waiting.len(), errors.as_str()), (0, ""));
    let service = service.unwrap();
    assert_eq!(service.copies, 3);
    assert_eq!(service.stop_timeout.0.as_secs(), 60);
    assert_eq!(service.environment["LEVEL"].parts, [TextPart::Literal("debug".into())]);
    let Command::Program(program) = service.command else { panic!("a list was written") };
    assert_eq!(program[1].parts, [TextPart::Literal("--on=10.0.0.7:80".into())]);
}

#[test]
fn a_referenced_value_of_the_wrong_type_is_shown_where_it_is_used() {
    let (_, _, errors) = read(TEXT, &scope(Some("10.0.0.7"), "many"));
    insta::assert_snapshot!(errors);
}

#[test]
fn a_dangling_reference_names_its_neighbour() {
    let (_, _, errors) = read("command: run ${leadr.ip}\n", &scope(None, "3"));
    insta::assert_snapshot!(errors);
}

#[test]
fn a_reference_that_cannot_be_read_says_why() {
    let text = r#"command:
  - "${}"
  - "${a b}"
  - "${ a }"
  - "${a.}"
  - "${a"
  - "${a ${b}"
  - "${${a}}"
  - "ok $${a} ${b c}"
"#;
    let (_, _, errors) = read(text, &Unresolved);
    insta::assert_snapshot!(errors);
}

#[test]
fn a_list_cannot_stand_inside_text() {
    let (_, _, errors) = read("command: run ${environment}\n", &scope(None, "3"));
    insta::assert_snapshot!(errors);
}

#[test]
fn a_secret_goes_into_text_as_a_handle_and_nowhere_else() {
    let text = "command: login ${secret.token}\nhealth: { http: \"/${secret.token}\" }\n\
                restart: ${secret.token}\nstop_timeout: ${secret.token}\n";
    let (_, _, errors) = read(text, &Unresolved);
    insta::assert_snapshot!(errors);
}

#[test]
fn a_secret_behind_a_reference_is_still_a_handle() {
    let mut scope = scope(None, "3");
    scope.0.insert("database.url", Some(Document::value("postgres://shop:${secret.db}@db/shop")));
    let (service, _, errors) = read("command: serve ${database.url}?a\n", &scope);
    assert_eq!(errors, "");
    let Some(Service { command: Command::Shell(line), .. }) = service else { panic!("it is text") };
    assert_eq!(line.written(), "serve postgres://shop:${secret.db}@db/shop?a");
    assert_eq!(line.secrets().collect::<Vec<_>>(), ["db"]);
    assert_eq!(line.literal(), None);
}

#[test]
fn a_secret_behind_a_reference_cannot_stand_in_the_open() {
    let mut scope = scope(None, "3");
    scope.0.insert("database.path", Some(Document::value("/${secret.db}")));
    let (_, _, errors) = read("command: a\nhealth: { http: \"${database.path}/b\" }\n", &scope);
    insta::assert_snapshot!(errors);
}

#[test]
fn two_dollars_stand_for_themselves() {
    let line: Text = good("echo $${HOME} $ $$ {} $$$${a}\n");
    assert_eq!(line.literal(), Some("echo ${HOME} $ $$ {} $${a}"));
    assert_eq!(good::<Text>(&format!("'{}'", line.written())), line);
}

#[test]
fn a_dollar_may_stand_before_a_reference() {
    let line: Text = good("pay $$${secret.token} or $$$$${secret.token}\n");
    let parts: Vec<_> = line.parts.iter().map(|part| format!("{part:?}")).collect();
    assert_eq!(line.secrets().count(), 2, "{parts:?}");
    assert_eq!(line.written(), "pay $$${secret.token} or $$$$${secret.token}");
    assert_eq!(good::<Text>(&line.written()), line);
}

#[test]
fn a_reference_after_two_dollars_has_its_own_place() {
    let (_, _, errors) = read("command: \"$${leadr.ip} ${leadr.ip}\"\n", &scope(None, "3"));
    assert!(errors.contains("web.yml:1:24"), "{errors}");
}

#[test]
fn a_default_may_be_a_reference() {
    #[derive(language::Spec)]
    struct Named {
        /// Its name.
        #[spec(default = "test-${run.id}")]
        name: String,
    }
    let scope = Known(BTreeMap::from([("run.id", Some(Document::value("7")))]));
    assert_eq!(read_as::<Named>("a.yml", "{}", &scope).0.unwrap().name, "test-7");
    let scope = Known(BTreeMap::new());
    let (_, sources, diagnostics) = read_as::<Named>("a.yml", "{}", &scope);
    let errors = render_at(diagnostics, &sources, &Renderer::plain(), 80);
    assert!(errors.contains("nothing is called `run.id`"), "{errors}");
    assert!(errors.contains("a.yml:1:1"), "{errors}");
}

#[test]
fn a_whole_reference_keeps_the_type_of_its_value() {
    let scope = Known(BTreeMap::from([("n", Some(Document::value("[1, { a: true }]")))]));
    let (value, ..) = read_as::<AnyValue>("a.yml", "{ list: \"${n}\" }", &scope);
    assert_eq!(value, Some(good("{ list: [1, { a: true }] }")));
}

#[test]
fn every_leaf_has_a_place_in_the_tree() {
    let mut sources = Sources::default();
    let id = sources.add("web.yml", "command: run\nhealth: { http: /, port: 80 }\n");
    let document = Document::parse(&sources, id, &mut Diagnostics::default());
    let port = document.root().get("health").and_then(|health| health.get("port")).unwrap();
    assert_eq!(port.written(), "80");
    assert_eq!(sources.place(port.span()).unwrap().to_string(), "web.yml:2:26");
}
