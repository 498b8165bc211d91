//! What `check` finds out beside the form of a file: names, shapes, and what files say to each other.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::cli::project::TestProject;

#[test]
fn editors_are_told_that_each_stands_once() {
    let schema = TestProject::new().done(["schema", "stack"]).stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let each = find(&schema, "each").unwrap();
    assert!(each.to_string().contains("\"uniqueItems\":true"), "{each}");
}

/// What stands under a key, wherever it is.
fn find<'v>(value: &'v serde_json::Value, key: &str) -> Option<&'v serde_json::Value> {
    match value {
        serde_json::Value::Object(map) => {
            map.get(key).or_else(|| map.values().find_map(|value| find(value, key)))
        }
        serde_json::Value::Array(items) => items.iter().find_map(|value| find(value, key)),
        _ => None,
    }
}

#[test]
fn a_kind_that_is_a_list_and_one_that_is_nothing() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        "stack: shop
resources:
  a: { kind: [file.text], path: a.txt, content: x }
  b: { kind: , path: b.txt, content: x }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W013]: expected text
      ╭▸ stacks/shop.yml:3:14
      │
    3 │   a: { kind: [file.text], path: a.txt, content: x }
      ╰╴             ━━━━━━━━━━ found a list

    error[W013]: no value is given
      ╭▸ stacks/shop.yml:4:8
      │
    4 │   b: { kind: , path: b.txt, content: x }
      │        ━━━━ expected text
      │
      ╰ help: write a value, or leave the key out to use its default

    1 file checked, 2 errors. `windlass explain [file.text]` lists its keys.                      exit 2
    --- exit 2
    "##);
}

#[test]
fn count_and_each_together() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        "stack: shop
resources:
  a: { kind: data.value, count: 2, each: [x, y], input: x }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W015]: `count` and `each` exclude each other
      ╭▸ stacks/shop.yml:3:36
      │
    3 │   a: { kind: data.value, count: 2, each: [x, y], input: x }
      │                          ┬────     ━━━━ either this
      │                          │
      ╰╴                         or this

    1 file checked, 1 error. `windlass explain data.value` lists its keys.                        exit 2
    --- exit 2
    "##);
}

#[test]
fn what_moved_and_removed_name() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        "stack: shop
moved:
  - { from: old, to: nwe }
  - { from: web, to: new }
  - { from: long-gone, to: new }
removed:
  - { address: new }
  - { address: never-was }
resources:
  new: { kind: data.value, input: x }
  web: { kind: data.value, count: 2, input: x }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W021]: nothing in the file is called `nwe`
      ╭▸ stacks/shop.yml:3:22
      │
    3 │   - { from: old, to: nwe }
      ╰╴                     ━━━ did you mean `new`?

    error[W031]: `web` still stands in the file, so it has not moved
      ╭▸ stacks/shop.yml:4:13
      │
    4 │   - { from: web, to: new }
      │             ━━━
      │
      ╰ help: take out this entry, or give the new one another name

    error[W031]: `new` still stands in the file
      ╭▸ stacks/shop.yml:7:16
      │
    7 │   - { address: new }
      │                ━━━
      │
      ╰ help: take it out under `resources`, or take out this entry

    1 file checked, 3 errors.                                                                     exit 2
    --- exit 2
    "##);
}

#[test]
fn two_files_of_one_stack() {
    let project = TestProject::new()
        .file(
            "stacks/a.yml",
            "stack: e
resources:
  x: { kind: data.value, input: a }
",
        )
        .file(
            "stacks/b.yml",
            "stack: e
resources:
  x: { kind: data.value, input: b }
",
        );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W031]: two files are the stack `e`
      ╭▸ stacks/b.yml:1:8
      │
    1 │ stack: e
      │        ━ this one
      │
      ⸬  stacks/a.yml:1:8
      │
    1 │ stack: e
      │        ─ and this one
      │
      ╰ help: give one of them another name

    2 files checked, 1 error.                                                                     exit 2
    --- exit 2
    "##);
    insta::assert_snapshot!(project.run(["plan", "a"]), @r##"
    --- stderr
    error[W031]: two files are the stack `e`
      ╭▸ stacks/a.yml:1:8
      │
    1 │ stack: e
      │        ━ this one
      │
      ⸬  stacks/b.yml:1:8
      │
    1 │ stack: e
      │        ─ and this one
      │
      ╰ help: give one of them another name

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "##);
    insta::assert_snapshot!(project.run(["apply", "b", "--yes"]), @r##"
    --- stderr
    error[W031]: two files are the stack `e`
      ╭▸ stacks/b.yml:1:8
      │
    1 │ stack: e
      │        ━ this one
      │
      ⸬  stacks/a.yml:1:8
      │
    1 │ stack: e
      │        ─ and this one
      │
      ╰ help: give one of them another name

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "##);
}

#[test]
fn two_files_of_one_pipeline() {
    let project = TestProject::new()
        .file(
            "pipelines/a.yml",
            "pipeline: p
steps:
  x: { run: [echo x] }
",
        )
        .file(
            "pipelines/b.yml",
            "pipeline: p
steps:
  x: { run: [echo y] }
",
        );
    insta::assert_snapshot!(project.run(["check", "pipelines/a.yml"]), @r##"
    --- stderr
    error[W031]: two files are the pipeline `p`
      ╭▸ pipelines/a.yml:1:11
      │
    1 │ pipeline: p
      │           ━ this one
      │
      ⸬  pipelines/b.yml:1:11
      │
    1 │ pipeline: p
      │           ─ and this one
      │
      ╰ help: give one of them another name

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "##);
    insta::assert_snapshot!(project.run(["run", "b"]), @r##"
    --- stderr
    error[W031]: two files are the pipeline `p`
      ╭▸ pipelines/b.yml:1:11
      │
    1 │ pipeline: p
      │           ━ this one
      │
      ⸬  pipelines/a.yml:1:11
      │
    1 │ pipeline: p
      │           ─ and this one
      │
      ╰ help: give one of them another name

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "##);
}

#[test]
fn inventories() {
    let project = TestProject::new().file(
        "inventories/i.yml",
        "inventory: i
defaults: { through: nosuch }
hosts:
  bastion: {}
  web: { through: bastoin }
  one: { through: two }
  two: { through: one }
groups:
  g: { members: [nosuch, web, g] }
  h: { members: [web, k] }
  k: { members: [h, gg] }
  web: { members: [one] }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W021]: no host is called `nosuch`
      ╭▸ inventories/i.yml:2:22
      │
    2 │ defaults: { through: nosuch }
      ╰╴                     ━━━━━━

    error[W021]: no host is called `bastoin`
      ╭▸ inventories/i.yml:5:19
      │
    5 │   web: { through: bastoin }
      ╰╴                  ━━━━━━━ did you mean `bastion`?

    error[W030]: these hosts are reached through each other
      ╭▸ inventories/i.yml:6:19
      │
    6 │   one: { through: two }
      │                   ━━━ `one` goes through `two`
      │
      ⸬  inventories/i.yml:7:19
      │
    7 │   two: { through: one }
      ╰╴                  ─── `two` goes through `one`

    error[W021]: no host or group is called `nosuch`
      ╭▸ inventories/i.yml:9:18
      │
    9 │   g: { members: [nosuch, web, g] }
      ╰╴                 ━━━━━━

    error[W030]: these groups hold each other
      ╭▸ inventories/i.yml:9:31
      │
    9 │   g: { members: [nosuch, web, g] }
      ╰╴                              ━ `g` holds `g`

    error[W021]: no host or group is called `gg`
       ╭▸ inventories/i.yml:11:21
       │
    11 │   k: { members: [h, gg] }
       ╰╴                    ━━ did you mean `g`?

    error[W031]: `web` is both a host and a group
       ╭▸ inventories/i.yml:12:3
       │
    12 │   web: { members: [one] }
       │   ━━━
       │
       ⸬  inventories/i.yml:5:3
       │
     5 │   web: { through: bastoin }
       │   ─── the host
       │
       ╰ help: `members` must mean one of them: rename the other

    1 file checked, 7 errors.                                                                     exit 2
    --- exit 2
    "##);
}

#[test]
fn all_errors_at_once_and_none_that_follows() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        r#"stack: shop
parameters:
  size: { type: nothing }
resources:
  c: { kind: data.value, count: two, input: "${nohting}" }
  d: { kind: data.valeu, input: "${c.output} ${c[0].output} ${size} ${nope.x}" }
  e: { kind: data.value, count: "${q}", input: "${r}" }
  f: { kind: data.value, input: "${d.output} ${e[1].output} ${q}${secret.}${}" }
  g: [a]
  h: { kind: data.value, input: "${g.output}", needs: [d, g, x] }
outputs: { all: "${d.output} ${e.output}" }
"#,
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W014]: `nothing` is none of the choices here
      ╭▸ stacks/shop.yml:3:17
      │
    3 │   size: { type: nothing }
      │                 ━━━━━━━
      │
      ╰ note: expected `string`, `integer`, `boolean`, `choice`, `secret` or `file`

    error[W014]: `two` is not a whole number
      ╭▸ stacks/shop.yml:5:33
      │
    5 │   c: { kind: data.value, count: two, input: "${nohting}" }
      ╰╴                                ━━━ write digits only

    error[W021]: nothing is called `nohting`
      ╭▸ stacks/shop.yml:5:46
      │
    5 │   c: { kind: data.value, count: two, input: "${nohting}" }
      ╰╴                                             ━━━━━━━━━━

    error[W021]: there is no kind `data.valeu`
      ╭▸ stacks/shop.yml:6:14
      │
    6 │   d: { kind: data.valeu, input: "${c.output} ${c[0].output} ${size} ${nope.x}" }
      ╰╴             ━━━━━━━━━━ did you mean `data.value`?

    error[W021]: nothing is called `nope`
      ╭▸ stacks/shop.yml:6:69
      │
    6 │   d: { kind: data.valeu, input: "${c.output} ${c[0].output} ${size} ${nope.x}" }
      ╰╴                                                                    ━━━━━━━━━

    error[W021]: nothing is called `q`
      ╭▸ stacks/shop.yml:7:34
      │
    7 │   e: { kind: data.value, count: "${q}", input: "${r}" }
      ╰╴                                 ━━━━

    error[W021]: nothing is called `r`
      ╭▸ stacks/shop.yml:7:49
      │
    7 │   e: { kind: data.value, count: "${q}", input: "${r}" }
      ╰╴                                                ━━━━

    error[W021]: nothing is called `q`
      ╭▸ stacks/shop.yml:8:61
      │
    8 │   f: { kind: data.value, input: "${d.output} ${e[1].output} ${q}${secret.}${}" }
      ╰╴                                                            ━━━━

    error[W020]: this reference cannot be read
      ╭▸ stacks/shop.yml:8:65
      │
    8 │   f: { kind: data.value, input: "${d.output} ${e[1].output} ${q}${secret.}${}" }
      │                                                                 ━━━━━━━━━━
      │
      ╰ note: names with dots between, such as `${web.url}`; there are no expressions

    error[W020]: this reference cannot be read
      ╭▸ stacks/shop.yml:8:75
      │
    8 │   f: { kind: data.value, input: "${d.output} ${e[1].output} ${q}${secret.}${}" }
      │                                                                           ━━━
      │
      ╰ note: nothing stands between `${` and `}`

    error[W013]: `g` is no resource: expected a map with `kind`
      ╭▸ stacks/shop.yml:9:3
      │
    9 │   g: [a]
      ╰╴  ━

    error[W021]: nothing is called `x`
       ╭▸ stacks/shop.yml:10:62
       │
    10 │   h: { kind: data.value, input: "${g.output}", needs: [d, g, x] }
       ╰╴                                                             ━

    1 file checked, 12 errors. `windlass explain data.value` lists its keys.                      exit 2
    --- exit 2
    "##);
}

#[test]
fn two_that_are_the_same_thing() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        "stack: shop
parameters:
  name: { default: www }
resources:
  zone: { kind: dns.zone, path: shop.zone, name: shop.test, name_servers: [ns] }
  one: { kind: dns.record, zone: \"${zone.path}\", name: \"${name}\", type: A, values: [127.0.0.1] }
  two: { kind: dns.record, zone: shop.zone, name: WWW, type: A, values: [127.0.0.1] }
  many: { kind: file.text, count: 2, path: same.txt, content: \"${one.zone}\" }
  every: { kind: file.text, each: [a, b], path: \"${each}.txt\", content: x }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W014]: `two` and `one` are both dns.record `shop.zone www A`
      ╭▸ stacks/shop.yml:6:3
      │
    6 │   one: { kind: dns.record, zone: "${zone.path}", name: "${name}", type: A, values: [127…
      │   ━━━ this one
      │
      ⸬  stacks/shop.yml:7:3
      │
    7 │   two: { kind: dns.record, zone: shop.zone, name: WWW, type: A, values: [127.0.0.1] }
      ╰╴  ─── and this one

    error[W014]: `many[0]` and `many[1]` are both file `same.txt`
      ╭▸ stacks/shop.yml:8:3
      │
    8 │   many: { kind: file.text, count: 2, path: same.txt, content: "${one.zone}" }
      │   ┯━━━
      │   │
      │   this one
      ╰╴  and this one

    1 file checked, 2 errors.                                                                     exit 2
    --- exit 2
    "#);
}

#[test]
fn an_alias_stands_alone_at_its_name() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        "stack: shop
resources:
  zone: { kind: dns.zone, path: shop.zone, name: shop.test, name_servers: [ns] }
  www: { kind: dns.record, zone: \"${zone.path}\", name: www, type: A, values: [127.0.0.1] }
  text: { kind: dns.record, zone: \"${zone.path}\", name: www, type: TXT, values: [fine] }
  alias: { kind: dns.record, zone: \"${zone.path}\", name: www, type: CNAME, values: [web] }
",
    );
    let checked = project.run(["check"]);
    insta::assert_snapshot!(checked, @r#"
    --- stderr
    error[W014]: `www` and `alias` are both dns.record `shop.zone www`, and one of them must be the only
                 one
      ╭▸ stacks/shop.yml:6:3
      │
    6 │   alias: { kind: dns.record, zone: "${zone.path}", name: www, type: CNAME, values: [web…
      │   ━━━━━ this one
      │
      ⸬  stacks/shop.yml:4:3
      │
    4 │   www: { kind: dns.record, zone: "${zone.path}", name: www, type: A, values: [127.0.0.1…
      │   ─── and this one
      │
      ╰ help: give one of them another name

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
    assert_eq!(project.run(["plan"]).stderr, checked.stderr);
}

#[test]
fn keys_of_repositories_that_open_nothing_are_told() {
    let repositories = "server: lab\nrepositories:\n  shop: { secrets_key: nokey }\n  site: { secrets_key: none.key }\n";
    let project =
        TestProject::new().file("windlass.yml", repositories).file("none.key", "nothing\n");
    let alone = Permissions::from_mode(0o600);
    fs::set_permissions(project.place("none.key"), alone).unwrap();
    insta::assert_snapshot!(project.run(["check"]), @"
    --- stderr
    warning[W014]: this key opens no secrets of `shop`: No such file or directory (os error 2)
      ╭▸ windlass.yml:3:24
      │
    3 │   shop: { secrets_key: nokey }
      │                        ━━━━━
      │
      ╰ help: copy .windlass/key of the project in which its secrets are set to nokey; chmod 600
              nokey

    warning[W014]: this key opens no secrets of `site`: it holds no key: no line begins with
                   AGE-SECRET-KEY-
      ╭▸ windlass.yml:4:24
      │
    4 │   site: { secrets_key: none.key }
      │                        ━━━━━━━━
      │
      ╰ help: put a copy of .windlass/key of the project there: none.key

    1 file checked, 2 warnings.
    --- exit 0
    ");
    project.with_input(["secret", "set", "password"], "correct-horse-battery");
    let own = "server: lab\nrepositories: { shop: { secrets_key: .windlass/key } }\n";
    project.write("windlass.yml", own);
    insta::assert_snapshot!(project.run(["check"]), @"
    1 file checked, nothing is wrong
    --- exit 0
    ");
}
