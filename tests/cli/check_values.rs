//! What `check` finds out about values: parameters, and what is known before there is a plan.

use crate::cli::project::TestProject;

#[test]
fn names_of_parameters() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        r#"stack: shop
parameters:
  a b: { default: x }
  secret: { default: x }
  web: { default: x }
  late: { default: "${web}" }
resources:
  web: { kind: data.value, input: "${secret}" }
outputs: { key: "${secret}", late: "${late}" }
"#,
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W014]: `a b` is not a name
      ╭▸ stacks/shop.yml:3:3
      │
    3 │   a b: { default: x }
      ╰╴  ━━━ a name is a letter, then letters, digits, `_` and `-`

    error[W014]: `secret` cannot name a parameter
      ╭▸ stacks/shop.yml:4:3
      │
    4 │   secret: { default: x }
      ╰╴  ━━━━━━ this word has a meaning of its own in references

    error[W020]: no reference can stand here
      ╭▸ stacks/shop.yml:6:21
      │
    6 │   late: { default: "${web}" }
      ╰╴                    ━━━━━━ this is read before there are values, so it must be written out

    error[W031]: `web` is both a parameter and a resource
      ╭▸ stacks/shop.yml:8:3
      │
    8 │   web: { kind: data.value, input: "${secret}" }
      │   ━━━
      │
      ⸬  stacks/shop.yml:5:3
      │
    5 │   web: { default: x }
      │   ─── the parameter
      │
      ╰ help: `${…}` must mean one of them: rename the other

    error[W021]: this names no secret: write `${secret.NAME}`
      ╭▸ stacks/shop.yml:8:36
      │
    8 │   web: { kind: data.value, input: "${secret}" }
      ╰╴                                   ━━━━━━━━━

    error[W021]: this names no secret: write `${secret.NAME}`
      ╭▸ stacks/shop.yml:9:18
      │
    9 │ outputs: { key: "${secret}", late: "${late}" }
      ╰╴                 ━━━━━━━━━

    1 file checked, 6 errors.                                                                     exit 2
    --- exit 2
    "##);
}

#[test]
fn a_list_where_text_belongs() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        r#"stack: shop
resources:
  c: { kind: data.value, count: 2, input: x }
  d: { kind: data.value, input: "${c.output}" }
  e: { kind: data.value, input: "all: ${c.output}" }
"#,
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W013]: expected text
      ╭▸ stacks/shop.yml:4:34
      │
    4 │   d: { kind: data.value, input: "${c.output}" }
      ╰╴                                 ━━━━━━━━━━━ in the value of this: found a list

    error[W020]: `c.output` is not text and cannot stand inside text
      ╭▸ stacks/shop.yml:5:39
      │
    5 │   e: { kind: data.value, input: "all: ${c.output}" }
      ╰╴                                      ━━━━━━━━━━━ found a list

    1 file checked, 2 errors. `windlass explain data.value` lists its keys.                       exit 2
    --- exit 2
    "##);
    insta::assert_snapshot!(project.run(["plan"]), @r##"
    --- stderr
    error[W013]: expected text
      ╭▸ stacks/shop.yml:4:34
      │
    4 │   d: { kind: data.value, input: "${c.output}" }
      ╰╴                                 ━━━━━━━━━━━ in the value of this: found a list

    error[W020]: `c.output` is not text and cannot stand inside text
      ╭▸ stacks/shop.yml:5:39
      │
    5 │   e: { kind: data.value, input: "all: ${c.output}" }
      ╰╴                                      ━━━━━━━━━━━ found a list

    1 file checked, 2 errors. `windlass explain data.value` lists its keys.                       exit 2
    --- exit 2
    "##);
}

#[test]
fn a_parameter_that_does_not_fit_where_it_is_used() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        r#"stack: shop
parameters:
  mode: { default: "0999" }
resources:
  a: { kind: file.text, path: a.txt, content: x, mode: "${mode}" }
"#,
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W014]: `0999` is not a file mode
      ╭▸ stacks/shop.yml:5:57
      │
    5 │   a: { kind: file.text, path: a.txt, content: x, mode: "${mode}" }
      │                                                         ━━━━━━━
      │
      ╰ note: in the value of this: write a zero and three or four digits from 0 to 7, such as
              `0644`

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "##);
}

#[test]
fn a_template_is_looked_at_when_its_values_are_known() {
    let project = TestProject::new()
        .file(
            "stacks/shop.yml",
            r#"stack: shop
parameters:
  title: { default: Hello }
  author: {}
resources:
  known: { kind: file.template, path: a.txt, template: templates/page.hbs, values: { title: "${title}" } }
  later: { kind: file.template, path: b.txt, template: templates/page.hbs, values: { title: "${author}" } }
"#,
        )
        .file(
            "templates/page.hbs",
            "# {{title}}
{{author}}
",
        );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W014]: templates/page.hbs:2:1: there is no value `author`, only `title`
                   2 | {{author}}
                     | ^
      ╭▸ stacks/shop.yml:6:56
      │
    6 │   known: { kind: file.template, path: a.txt, template: templates/page.hbs, values: { ti…
      ╰╴                                                       ━━━━━━━━━━━━━━━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "##);
}

#[test]
fn how_many_there_are_is_known_before_there_is_a_plan() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        "stack: shop
resources:
  one: { kind: data.value, input: x }
  two: { kind: data.value, count: \"${one.output}\", input: x }
  three: { kind: data.value, each: [\"${stack.base.name}\"], input: x }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W020]: `one.output` cannot be read here
      ╭▸ stacks/shop.yml:4:36
      │
    4 │   two: { kind: data.value, count: "${one.output}", input: x }
      │                                    ━━━━━━━━━━━━━ this is not known before there is a plan
      │
      ╰ help: which resources there are must be known first: write it out, or use a parameter,
              `${name}`

    error[W020]: `stack.base.name` cannot be read here
      ╭▸ stacks/shop.yml:5:38
      │
    5 │   three: { kind: data.value, each: ["${stack.base.name}"], input: x }
      │                                      ━━━━━━━━━━━━━━━━━━
      │
      ├ note: this is not known before there is a plan
      ╰ help: which resources there are must be known first: write it out, or use a parameter,
              `${name}`

    1 file checked, 2 errors.                                                                     exit 2
    --- exit 2
    "#);
}

#[test]
fn what_a_key_of_another_says_is_known_to_checks() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        "stack: shop
resources:
  zone: { kind: dns.zone, path: shop.zone, name: shop.test, name_servers: [ns] }
  ns:
    kind: dns.record
    zone: ${zone.path}
    name: ns
    type: A
    values: [300.1.1.1]
  made: { kind: command.run, create: date }
  later:
    kind: dns.record
    zone: ${zone.path}
    name: later
    type: A
    values: [\"${made.output}\"]
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W014]: `300.1.1.1` is not an IPv4 address
      ╭▸ stacks/shop.yml:9:13
      │
    9 │     values: [300.1.1.1]
      ╰╴            ━━━━━━━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn what_others_choose_does_not_become_part_of_a_script_unseen() {
    let project = TestProject::new()
        .stack(
            "shop",
            "stack: shop
parameters:
  who: { default: world }
  copies: { type: integer, default: 2 }
  place: { choices: [eu, us], default: eu }
resources:
  greet: { kind: command.run, create: 'echo hello ${who} ${copies} ${place}' }
  list: { kind: data.command, command: [echo, '${who}'] }
  hand: { kind: data.command, command: 'echo \"$WHO\"', environment: { WHO: '${who}' } }
",
        )
        .file(
            "pipelines/greet.yml",
            "pipeline: greet
on: { manual: { parameters: { name: { default: x } } } }
steps:
  greet:
    matrix: { n: [a, b] }
    run: ['echo ${name} ${matrix.n} ${run.id}']
",
        );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    warning[W042]: whoever chooses `who` chooses what is run here
      ╭▸ stacks/shop.yml:7:51
      │
    7 │   greet: { kind: command.run, create: 'echo hello ${who} ${copies} ${place}' }
      │                                                   ━━━━━━
      │
      ╰ help: hand it in as a variable of the environment, `VALUE: ${who}`, and write "$VALUE"

    warning[W042]: whoever chooses `name` chooses what is run here
      ╭▸ pipelines/greet.yml:6:17
      │
    6 │     run: ['echo ${name} ${matrix.n} ${run.id}']
      │                 ━━━━━━━
      │
      ╰ help: hand it in as a variable of the environment, `VALUE: ${name}`, and write "$VALUE"

    2 files checked, 2 warnings.
    --- exit 0
    "#);
}

#[test]
fn what_a_route_leads_to_is_said_once_and_is_not_the_route_itself() {
    let project = TestProject::of(
        "  nobody: { kind: front.route, listen: 127.0.0.1:8001 }
  both: { kind: front.route, listen: 127.0.0.1:8002, to: 127.0.0.1:8401, redirect: https }
  idle: { kind: front.route, listen: 127.0.0.1:8003, redirect: https, timeouts: { answer: 5s } }
  itself: { kind: front.route, listen: 127.0.0.1:443, redirect: https }
  plain: { kind: front.route, listen: 127.0.0.1:8004, redirect: http }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r"
    --- stderr
    error[W014]: who answers? Name an address at least, or send everybody on to HTTPS with `redirect:
                 https`
      ╭▸ stacks/shop.yml:3:11
      │
    3 │   nobody: { kind: front.route, listen: 127.0.0.1:8001 }
      ╰╴          ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━

    error[W015]: `redirect` and `to` exclude each other
      ╭▸ stacks/shop.yml:4:54
      │
    4 │ … listen: 127.0.0.1:8002, to: 127.0.0.1:8401, redirect: https }
      ╰╴                          ━━ either this      ──────── or this

    error[W015]: `redirect` and `timeouts` exclude each other
      ╭▸ stacks/shop.yml:5:71
      │
    5 │ …listen: 127.0.0.1:8003, redirect: https, timeouts: { answer: 5s } }
      ╰╴                         ──────── or this ━━━━━━━━ either this

    error[W014]: it would send everybody back to itself: this is the port where it listens. Listen on
                 another one (80, say), and let another route speak HTTPS on 443
      ╭▸ stacks/shop.yml:6:65
      │
    6 │   itself: { kind: front.route, listen: 127.0.0.1:443, redirect: https }
      ╰╴                                                                ━━━━━

    error[W014]: `http` is not a redirect
      ╭▸ stacks/shop.yml:7:65
      │
    7 │   plain: { kind: front.route, listen: 127.0.0.1:8004, redirect: http }
      │                                                                 ━━━━
      │
      ╰ note: write `https`, or `https:PORT` where HTTPS has another port than 443, such as
              `https:8443`; host, path and query stay as they are

    1 file checked, 5 errors. `windlass explain front.route` lists its keys.                      exit 2
    --- exit 2
    ");
}
