//! "Did you mean".

use language::suggest::{list, nearest, quoted};

#[test]
fn slips_of_the_hand_are_understood() {
    let keys = ["command", "environment", "health", "stop_timeout", "ports", "port"];
    let cases = [
        ("comand", Some("command")),
        ("comamnd", Some("command")),
        ("Command", Some("command")),
        ("helth", Some("health")),
        ("stop-timeout", Some("stop_timeout")),
        ("stopTimeout", Some("stop_timeout")),
        ("env", Some("environment")),
        ("prot", Some("port")),
        ("por", Some("port")),
        ("portss", Some("ports")),
        ("timeout", None),
        ("x", None),
        ("", None),
        ("completely different", None),
    ];
    for (written, expected) in cases {
        assert_eq!(nearest(written, keys), expected, "{written}");
    }
}

#[test]
fn short_names_are_not_confused() {
    assert_eq!(nearest("a", ["b", "c"]), None);
    assert_eq!(nearest("A", ["b", "a"]), Some("a"));
    assert_eq!(nearest("ip", ["up", "id"]), Some("up"));
}

#[test]
fn the_nearest_wins_and_the_first_of_equals() {
    assert_eq!(nearest("databse", ["databases", "database"]), Some("database"));
    assert_eq!(nearest("web-3", ["web-1", "web-2"]), Some("web-1"));
}

#[test]
fn names_are_put_into_a_sentence() {
    assert_eq!(list([]), "");
    assert_eq!(list(["a"]), "`a`");
    assert_eq!(list(["a", "b", "c"]), "`a`, `b` or `c`");
    let many: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    assert!(list(many.iter().map(String::as_str)).ends_with("`23` and 6 more"));
}

#[test]
fn what_is_quoted_stays_on_one_short_line() {
    assert_eq!(quoted("a\nb\u{1b}"), "`a\\nb\\u{1b}`");
    assert_eq!(quoted(&"ä".repeat(100)).chars().count(), 43);
}
