//! What the derive makes of a type.

use std::collections::BTreeMap;

use language::{Name, Record, Spanned, Spec};

use crate::answer::{answer, good};
use crate::example::everything::{Attributes, Condition, Everything, Style};

#[test]
fn a_struct_may_hold_itself_in_a_box() {
    let value: Everything = good("next: { next: { offset: 7 } }");
    let inner = value.next.and_then(|next| next.next).unwrap();
    assert_eq!(inner.offset, Some(7));
}

#[test]
fn a_required_box_is_required() {
    assert!(answer::<Condition>("a.yml", "{}").contains("`not` is missing"));
    let Condition::Unless(unless) = good("{ not: a }") else { panic!("a map was written") };
    assert!(matches!(unless.not, Condition::Switch(Name(name)) if name == "a"));
}

#[test]
fn a_value_may_hold_its_own_kind_in_lists() {
    let Condition::All(all) = good("[a, [b, []]]") else { panic!("a list was written") };
    let [_, Condition::All(inner)] = &all[..] else { panic!("two were written") };
    assert_eq!(inner.len(), 2);
}

#[test]
fn a_word_may_be_written_otherwise_than_rust_has_it() {
    assert_eq!(good::<Style>("'1.1'"), Style::Old);
    assert_eq!(good::<Style>("upper-case"), Style::UpperCase);
}

#[test]
fn the_keys_of_a_map_are_checked_by_their_type() {
    let value: BTreeMap<Name, u16> = good("{ a: 1, b-2: 2 }");
    assert_eq!(value[&Name("b-2".to_owned())], 2);
    let answer = answer::<BTreeMap<Name, u16>>("a.yml", "{ a: 1, b.2: 2, 3: x }");
    insta::assert_snapshot!(answer);
}

#[test]
fn a_spanned_value_knows_its_place() {
    let value: Vec<Spanned<u16>> = good("[1, 22]");
    assert_eq!((value[1].value, value[1].span.start, value[1].span.end), (22, 4, 6));
}

#[test]
fn defaults_are_read_as_an_author_writes_them() {
    let value: Everything = good("{}");
    assert_eq!(value.port.map(language::Port::get), Some(8080));
    assert_eq!(value.mode.map(|mode| mode.to_string()).as_deref(), Some("0644"));
    assert_eq!(value.wait.map(|wait| wait.to_string()).as_deref(), Some("1h30m"));
    assert!(value.switch && value.offset.is_none());
}

#[test]
fn attributes_carry_what_the_planner_needs() {
    let layout = Attributes::layout();
    let field = |key| layout.field(key).unwrap();
    assert!(field("password").sensitive && !field("url").sensitive);
    assert_eq!(field("password").follows, Some(&[][..]));
    assert_eq!(field("url").follows, Some(&["host", "port"][..]));
    assert!(field("path").replaces && field("path").required);
}

#[test]
fn a_default_that_is_wrong_is_an_error_and_no_panic() {
    #[derive(Spec)]
    struct Wrong {
        /// A number.
        #[spec(default = "many")]
        #[expect(dead_code, reason = "it can never be read")]
        number: u16,
    }
    let answer = answer::<Wrong>("a.yml", "{}");
    assert!(answer.contains("`many` is not a whole number up to 65535"), "{answer}");
}

#[test]
fn whether_a_type_has_a_value_when_it_is_left_out_is_known() {
    assert!(Option::<u16>::absent().is_some());
    assert!(u16::absent().is_none());
}
