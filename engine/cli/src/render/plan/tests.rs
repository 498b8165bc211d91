//! Plans as they are drawn.

use std::fmt::Write;
use std::time::{Duration, Instant};

use model::plan::{Action, Item, OutputChange, Plan, Refusal};
use model::{Order, Value};

use super::{Detail, View, plan};
use crate::render::examples::{item, later, plan_of, put, reason, shop, tree};
use crate::render::hint::Hint;
use crate::render::measure::width;
use crate::render::style::Style;

fn view(detail: Detail) -> View {
    let next = vec![
        Hint::new("Apply it", "windlass apply shop"),
        Hint::new("Keep it", "windlass plan shop -o shop.plan"),
    ];
    View { detail, took: Some(Duration::from_millis(60)), next }
}

fn drawn(what: &Plan, columns: usize) -> String {
    plan(what, &view(Detail::Summary), Style::plain(columns))
}

#[test]
fn a_plan_says_what_and_why_at_80_columns() {
    insta::assert_snapshot!(drawn(&shop(), 80), @"
    shop  3 to create, 1 to update, 1 to replace, 1 to destroy, 1 to forget,
          1 to remember, 11 unchanged                                         0.06 s

      + file.template     config/nginx.conf  path config/nginx.conf
      + random.password   session_key        length 32
      + dns.record        www                type A, values [127.0.0.1]
      ∅ file.directory    archive            stays, and is no longer looked after
      - file.text         old                destroyed
      » process.service   redis              renamed, was cache
      ± cert.certificate  site               replaced: names changed, create first
          names          shop.test → shop.test, www.shop.test    stacks/shop.yml:18
          serial         4711                                    stacks/shop.yml:19
                       → (known after apply: authority.serial)
      ~ process.service   web
          command        serve --workers 2 → serve --workers 4   stacks/shop.yml:31
          environment    DB_URL  (secret, changed)               stacks/shop.yml:33

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    ");
}

#[test]
fn a_plan_says_what_and_why_at_200_columns() {
    insta::assert_snapshot!(drawn(&shop(), 200), @"
    shop  3 to create, 1 to update, 1 to replace, 1 to destroy, 1 to forget, 1 to remember, 11 unchanged  0.06 s

      + file.template     config/nginx.conf  path config/nginx.conf
      + random.password   session_key        length 32
      + dns.record        www                type A, values [127.0.0.1]
      ∅ file.directory    archive            stays, and is no longer looked after
      - file.text         old                destroyed
      » process.service   redis              renamed, was cache
      ± cert.certificate  site               replaced: names changed, create first
          names          shop.test → shop.test, www.shop.test           stacks/shop.yml:18
          serial         4711 → (known after apply: authority.serial)   stacks/shop.yml:19
      ~ process.service   web
          command        serve --workers 2 → serve --workers 4          stacks/shop.yml:31
          environment    DB_URL  (secret, changed)                      stacks/shop.yml:33

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    ");
}

#[test]
fn without_unicode_only_what_people_wrote_is_not_ascii() {
    let style = Style { unicode: false, ..Style::plain(80) };
    let drawn = plan(&shop(), &view(Detail::Summary), style);
    assert!(drawn.is_ascii(), "{drawn}");
}

#[test]
fn with_colour_the_words_are_the_same() {
    let coloured =
        plan(&shop(), &view(Detail::Summary), Style { colour: true, ..Style::plain(80) });
    let bare: Vec<_> =
        coloured.lines().map(|line| crate::render::measure::clean(line).into_owned()).collect();
    assert_eq!(bare.join("\n") + "\n", drawn(&shop(), 80));
    assert!(coloured.contains("\x1b[32m+\x1b[0m"));
}

#[test]
fn an_unchanged_plan_is_one_line() {
    insta::assert_snapshot!(drawn(&plan_of(Vec::new(), 16), 80), @"shop  unchanged, 16 resources  0.06 s");
}

#[test]
fn outputs_alone_are_a_change() {
    let outputs = vec![
        OutputChange {
            name: "url".to_owned(),
            from: Some("http://a".into()),
            to: Some("http://b".into()),
        },
        OutputChange { name: "port".to_owned(), from: None, to: Some(later("web.port")) },
        OutputChange { name: "old".to_owned(), from: Some("gone".into()), to: None },
    ];
    insta::assert_snapshot!(drawn(&Plan { outputs, ..plan_of(Vec::new(), 16) }, 80), @"
    shop  3 outputs to change, 16 resources unchanged                         0.06 s

      outputs
          url   http://a → http://b
        + port  (known after apply: web.port)
        - old   gone

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    ");
}

#[test]
fn a_template_that_changes_shows_its_lines() {
    let from: String = (1..30).map(|at| format!("line {at};\n")).collect();
    let to = from.replace("line 12;", "client_max_body_size 100m;");
    let one = Item {
        reasons: vec![reason("content", from, to, 12)],
        note: Some("not as it was applied".to_owned()),
        drifted: true,
        ..item("config", "file.template", Action::Update)
    };
    insta::assert_snapshot!(drawn(&plan_of(vec![one], 3), 80), @"
    shop  1 to update, 3 unchanged                                            0.06 s

      ~ file.template  config  not as it was applied
          content        1 line changed   stacks/shop.yml:12
          … line 10
            line 10;
            line 11;
          - line 12;
          + client_max_body_size 100m;
            line 13;
            line 14;

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    ");
}

#[test]
fn what_is_refused_stands_at_the_end_and_nothing_offers_to_apply_it() {
    let action = Action::Replace { order: Order::DestroyFirst, sure: false };
    let one = Item {
        reasons: vec![model::plan::Reason {
            forces: true,
            ..reason("host", "a", later("vm.id"), 4)
        }],
        ..item("database", "process.service", action)
    };
    let (address, what) = ("database".to_owned(), "replaced".to_owned());
    let refused = vec![Refusal::Protected { address, what }];
    insta::assert_snapshot!(drawn(&Plan { refused, ..plan_of(vec![one], 3) }, 80), @r#"
    shop  1 to replace, 3 unchanged                                           0.06 s

      ± process.service  database  replaced if it must, destroy first
          host           a → (known after apply: vm.id)   stacks/shop.yml:4

      ! database is protected and would be replaced
    It cannot be applied: let its block stand in the file without `protect: true`
    (put it back if it is gone), and apply that first.
    "#);
}

#[test]
fn members_of_a_repeated_block_are_told_as_one() {
    let items = (0..700).map(|at| item(&format!("worker[{at}]"), "data.value", Action::Create));
    let plan = plan_of(items.collect(), 0);
    insta::assert_snapshot!(drawn(&plan, 80), @"
    shop  700 to create                                                       0.06 s

      + data.value  worker[0…699]  700 of them

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    ");
    let complete = super::plan(&plan, &view(Detail::Complete), Style::plain(80));
    assert_eq!(complete.matches("+ data.value  worker[").count(), 700);
}

#[test]
fn with_full_all_keys_of_what_is_created_are_told() {
    let steps = vec![put(
        "www",
        "dns.record",
        tree(&[("type", "A".into()), ("values", vec!["127.0.0.1"].into())]),
    )];
    let plan = Plan { steps, ..plan_of(vec![item("www", "dns.record", Action::Create)], 0) };
    insta::assert_snapshot!(super::plan(&plan, &view(Detail::Full), Style::plain(80)), @"
    shop  1 to create                                                         0.06 s

      + dns.record  www
          type    A
          values  [127.0.0.1]

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    ");
}

#[test]
fn ten_thousand_resources_are_summed_up_and_drawn_at_once() {
    let created = (0..10_000).map(|at| item(&format!("item_{at}"), "data.value", Action::Create));
    let deleted = (0..30).map(|at| item(&format!("old_{at}"), "data.value", Action::Delete));
    let mut plan = plan_of(created.chain(deleted).collect(), 0);
    plan.steps = (0..10_000)
        .map(|at| put(&format!("item_{at}"), "data.value", tree(&[("input", Value::from("x"))])))
        .collect();
    let summary = drawn(&plan, 80);
    insta::assert_snapshot!(summary, @"
    shop  10,000 to create, 30 to destroy                                     0.06 s

      + data.value  item_0   input x
      + data.value  item_1   input x
      + data.value  item_2   input x
      + data.value  item_3   input x
      + data.value  item_4   input x
      + data.value  item_5   input x
      + data.value  item_6   input x
      + data.value  item_7   input x
      + data.value  item_8   input x
      + data.value  item_9   input x
      + data.value  item_10  input x
      + data.value  item_11  input x
      + data.value  item_12  input x
      + data.value  item_13  input x
      + data.value  item_14  input x
      - data.value  old_0    destroyed
      - data.value  old_1    destroyed
      - data.value  old_2    destroyed
      - data.value  old_3    destroyed
      - data.value  old_4    destroyed
      - data.value  old_5    destroyed
      - data.value  old_6    destroyed
      - data.value  old_7    destroyed
      - data.value  old_8    destroyed
      - data.value  old_9    destroyed
      - data.value  old_10   destroyed
      - data.value  old_11   destroyed
      - data.value  old_12   destroyed
      - data.value  old_13   destroyed
      - data.value  old_14   destroyed
      … 9,985 more to create
      … 15 more to destroy
        all of them: --full

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    ");
    let begun = Instant::now();
    let complete = super::plan(&plan, &view(Detail::Complete), Style::plain(80));
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(complete.lines().count(), 10_030 + 4);
}

#[test]
fn every_line_fits_at_any_width() {
    let long = "a-very-long-name-of-a-thing-that-somebody-thought-of/".repeat(4);
    let one = Item {
        reasons: vec![reason("command", long.as_str(), format!("{long}!"), 3)],
        ..item(&long, "process.service", Action::Update)
    };
    let mut items = shop().items;
    items.push(one);
    let plan = Plan { items, ..shop() };
    for columns in [40, 60, 80, 120, 200] {
        let mut wide = String::new();
        for line in drawn(&plan, columns).lines().filter(|line| width(line) > columns) {
            // A command to type is never cut.
            if !line.contains("windlass") {
                _ = writeln!(wide, "{line}");
            }
        }
        assert_eq!(wide, "", "at {columns}");
    }
}
