//! Help comes from the same declaration as the decoder.

use language::{Record, explain};

use crate::example::everything::{Attributes, Everything};
use crate::example::pipeline::Step;
use crate::example::process_service::Service;

#[test]
fn explain_prints_the_doc_comments_and_defaults() {
    insta::assert_snapshot!(explain::explain("process.service", Service::layout(), 100));
}

#[test]
fn explain_wraps_at_the_width_of_the_terminal() {
    let page = explain::explain("process.service", Service::layout(), 60);
    insta::assert_snapshot!(page);
    let longest = page.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(60), "{longest:?}");
}

#[test]
fn explain_shows_the_cases_as_alternatives() {
    insta::assert_snapshot!(explain::explain("step", Step::layout(), 80));
}

#[test]
fn explain_ends_where_a_spec_holds_itself() {
    insta::assert_snapshot!(explain::explain("everything", Everything::layout(), 100));
}

#[test]
fn explain_says_what_is_never_shown_and_what_replaces() {
    insta::assert_snapshot!(explain::keys(Attributes::layout(), 100));
}

#[test]
fn nobody_has_to_write_an_attribute() {
    insta::assert_snapshot!(explain::attributes(Attributes::layout(), 100), @r#"
      url       Where it answers. (a URL)
      password  The password that was made for it. (text, never shown)
      path      Where it lives. (a path, a change replaces)
    "#);
}

#[test]
fn a_very_narrow_terminal_is_no_reason_to_fail() {
    for width in [0, 1, 10] {
        assert!(explain::explain("step", Step::layout(), width).contains("approvers"));
    }
}
