//! What is wrong in files: all of it at once, with its place and what to do.

use crate::cli::project::TestProject;

fn check(resources: &str) -> String {
    TestProject::of(resources).run(["check"]).to_string()
}

#[test]
fn an_unknown_key() {
    insta::assert_snapshot!(check("  note: { kind: file.text, path: a.txt, contnet: hello }\n"), @r#"
    --- stderr
    error[W012]: unknown key `contnet`
      ╭▸ stacks/shop.yml:3:41
      │
    3 │   note: { kind: file.text, path: a.txt, contnet: hello }
      ╰╴                                        ━━━━━━━ did you mean `content`?

    1 file checked, 1 error. `windlass explain file.text` lists its keys.                         exit 2
    --- exit 2
    "#);
}

#[test]
fn a_wrong_type() {
    insta::assert_snapshot!(check("  note: { kind: file.text, path: [a.txt], content: hello }\n"), @r#"
    --- stderr
    error[W013]: expected a path such as `/etc/nginx/nginx.conf`
      ╭▸ stacks/shop.yml:3:34
      │
    3 │   note: { kind: file.text, path: [a.txt], content: hello }
      ╰╴                                 ━━━━━━ found a list

    1 file checked, 1 error. `windlass explain file.text` lists its keys.                         exit 2
    --- exit 2
    "#);
}

#[test]
fn a_key_twice() {
    insta::assert_snapshot!(check(
        "  note:
    kind: file.text
    path: a.txt
    content: one
    content: two
"
    ), @r#"
    --- stderr
    error[W010]: `content` is given twice
      ╭▸ stacks/shop.yml:7:5
      │
    7 │     content: two
      │     ━━━━━━━ again here
      │
      ⸬  stacks/shop.yml:6:5
      │
    6 │     content: one
      ╰╴    ─────── first here

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn a_tab() {
    insta::assert_snapshot!(check("  note:\n\tkind: file.text\n"), @r#"
    --- stderr
    error[W001]: a tab stands where indentation should be
      ╭▸ stacks/shop.yml:4:2
      │
    4 │     kind: file.text
      │     ━ what follows could not be read
      │
      ╰ help: indent with spaces: YAML does not allow tabs

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn a_reference_to_nothing() {
    insta::assert_snapshot!(check(
        "  note: { kind: file.text, path: a.txt, content: hello }
  copy: { kind: file.text, path: b.txt, content: \"${noet.path}\" }
"
    ), @r#"
    --- stderr
    error[W021]: nothing is called `noet`
      ╭▸ stacks/shop.yml:4:51
      │
    4 │   copy: { kind: file.text, path: b.txt, content: "${noet.path}" }
      ╰╴                                                  ━━━━━━━━━━━━ did you mean `note`?

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn a_circle() {
    insta::assert_snapshot!(check(
        "  a: { kind: data.value, input: \"${b.output}\" }
  b: { kind: data.value, input: \"${c.output}\" }
  c: { kind: data.value, input: \"${a.output}\" }
"
    ), @r#"
    --- stderr
    error[W030]: these resources wait for each other
      ╭▸ stacks/shop.yml:3:34
      │
    3 │   a: { kind: data.value, input: "${b.output}" }
      │                                  ━━━━━━━━━━━ `a` uses ${b.output}
      │
      ⸬  stacks/shop.yml:4:34
      │
    4 │   b: { kind: data.value, input: "${c.output}" }
      │                                  ─────────── `b` uses ${c.output}
      │
      ⸬  stacks/shop.yml:5:34
      │
    5 │   c: { kind: data.value, input: "${a.output}" }
      ╰╴                                 ─────────── `c` uses ${a.output}

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn an_unknown_kind() {
    insta::assert_snapshot!(check("  note: { kind: file.txt, path: a.txt, content: hello }\n"), @r#"
    --- stderr
    error[W021]: there is no kind `file.txt`
      ╭▸ stacks/shop.yml:3:17
      │
    3 │   note: { kind: file.txt, path: a.txt, content: hello }
      ╰╴                ━━━━━━━━ did you mean `file.text`?

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn a_missing_secret() {
    let project = TestProject::of(
        "  note: { kind: file.text, path: a.txt, content: \"${secret.pasword}\" }\n",
    );
    project.with_input(["secret", "set", "password"], "correct-horse-battery");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error[W020]: there is no secret `pasword`
      ╭▸ stacks/shop.yml:3:51
      │
    3 │   note: { kind: file.text, path: a.txt, content: "${secret.pasword}" }
      │                                                   ━━━━━━━━━━━━━━━━━
      │
      ╰ help: did you mean `password`? Or keep it: windlass secret set pasword

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn an_error_in_a_template() {
    let project = TestProject::of(
        "  page:
    kind: file.template
    path: page.txt
    template: templates/page.hbs
    values: { title: Hello }
",
    )
    .file("templates/page.hbs", "# {{title}}\n{{#each items}}\n- {{this}}\n");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error[W014]: templates/page.hbs:2:1: `{{#each}}` has no end: `{{/each}}` is missing
                   2 | {{#each items}}
                     | ^
      ╭▸ stacks/shop.yml:6:15
      │
    6 │     template: templates/page.hbs
      ╰╴              ━━━━━━━━━━━━━━━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn a_template_that_asks_for_what_it_is_not_given() {
    let project = TestProject::of(
        "  page:
    kind: file.template
    path: page.txt
    template: templates/page.hbs
    values: { title: Hello }
",
    )
    .file("templates/page.hbs", "# {{title}}\n{{author}}\n");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error[W014]: templates/page.hbs:2:1: there is no value `author`, only `title`
                   2 | {{author}}
                     | ^
      ╭▸ stacks/shop.yml:6:15
      │
    6 │     template: templates/page.hbs
      ╰╴              ━━━━━━━━━━━━━━━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn all_errors_of_all_files_at_once() {
    let project = TestProject::of("  note: { kind: file.text, path: a.txt, contnet: hello }\n")
        .stack(
            "other",
            "stack: other
resources:
  web: { kind: nothing.there }
",
        )
        .file(
            "pipelines/ship.yml",
            "pipeline: ship
steps:
  build: { needs: [tset], run: [make] }
  test: { run: [make test] }
",
        );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W021]: there is no kind `nothing.there`
      ╭▸ stacks/other.yml:3:16
      │
    3 │   web: { kind: nothing.there }
      │                ━━━━━━━━━━━━━
      │
      ╰ help: `windlass explain` lists all kinds

    error[W012]: unknown key `contnet`
      ╭▸ stacks/shop.yml:3:41
      │
    3 │   note: { kind: file.text, path: a.txt, contnet: hello }
      ╰╴                                        ━━━━━━━ did you mean `content`?

    error[W021]: no step is called `tset`
      ╭▸ pipelines/ship.yml:3:20
      │
    3 │   build: { needs: [tset], run: [make] }
      ╰╴                   ━━━━ did you mean `test`?

    3 files checked, 3 errors. `windlass explain file.text` lists its keys.                       exit 2
    --- exit 2
    "#);
}

#[test]
fn a_parameter_that_is_not_declared_and_one_that_does_not_fit() {
    let project = TestProject::new().stack(
        "shop",
        "stack: shop
parameters:
  workers: { type: integer, default: 3, max: 9 }
resources: {}
",
    );
    insta::assert_snapshot!(project.run(["plan", "--param", "worker=2"]), @r#"
    --- stderr
    error[W021]: there is no parameter `worker`, and one was given
      ╭▸ stacks/shop.yml:1:8
      │
    1 │ stack: shop
      ╰╴       ━━━━ did you mean `workers`?

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["plan", "--param", "workers=20"]), @r#"
    --- stderr
    error[W014]: the given value `20` of the parameter `workers` does not fit: it is 20, and the most is
                 9
      ╭▸ stacks/shop.yml:3:12
      │
    3 │   workers: { type: integer, default: 3, max: 9 }
      │            ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      │
      ╰ help: see its declaration here

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn stacks_that_read_each_other() {
    let reads = |name: &str, other: &str| {
        format!("stack: {name}\noutputs:\n  own: a\n  its: ${{stack.{other}.own}}\n")
    };
    let project = TestProject::new()
        .stack("one", &reads("one", "two"))
        .stack("two", &reads("two", "three"))
        .stack("three", &reads("three", "one"));
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W030]: these stacks read each other, so none can be applied first
      ╭▸ stacks/one.yml:4:8
      │
    4 │   its: ${stack.two.own}
      │        ━━━━━━━━━━━━━━━━ `one` reads `two`
      │
      ⸬  stacks/two.yml:4:8
      │
    4 │   its: ${stack.three.own}
      │        ────────────────── `two` reads `three`
      │
      ⸬  stacks/three.yml:4:8
      │
    4 │   its: ${stack.one.own}
      │        ──────────────── `three` reads `one`
      │
      ╰ help: put what both need into a third stack that both read

    3 files checked, 1 error.                                                                     exit 2
    --- exit 2
    "#);
}

#[test]
fn what_is_repeated_without_sense() {
    let project = TestProject::of(
        "  many: { kind: data.value, count: 100001 }
  twice: { kind: data.value, each: [a, b, a] }
  odd: { kind: data.value, each: [\"\", \"x]\"] }
",
    );
    project.write(
        "stacks/p.yml",
        "stack: p\nparameters: { size: { type: integer, min: 7, max: 5, default: \"6\" } }\n",
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W014]: the default value `6` of the parameter `size` does not fit: it is 6, and the least is 7
      ╭▸ stacks/p.yml:2:21
      │
    2 │ parameters: { size: { type: integer, min: 7, max: 5, default: "6" } }
      │                     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      │
      ╰ help: see its declaration here

    error[W014]: no value is at least 7 and at most 5
      ╭▸ stacks/p.yml:2:43
      │
    2 │ parameters: { size: { type: integer, min: 7, max: 5, default: "6" } }
      ╰╴                                          ━

    error[W014]: a block stands for at most 100000 resources
      ╭▸ stacks/shop.yml:3:36
      │
    3 │   many: { kind: data.value, count: 100001 }
      ╰╴                                   ━━━━━━

    error[W014]: `a` stands in it twice
      ╭▸ stacks/shop.yml:4:36
      │
    4 │   twice: { kind: data.value, each: [a, b, a] }
      ╰╴                                   ━━━━━━━━

    error[W014]: `x]` cannot be a part of an address, such as `web[one]`
      ╭▸ stacks/shop.yml:5:34
      │
    5 │   odd: { kind: data.value, each: ["", "x]"] }
      ╰╴                                 ━━━━━━━━━

    error[W014]: an empty text cannot be a part of an address, such as `web[one]`
      ╭▸ stacks/shop.yml:5:34
      │
    5 │   odd: { kind: data.value, each: ["", "x]"] }
      ╰╴                                 ━━━━━━━━━

    2 files checked, 6 errors.                                                                    exit 2
    --- exit 2
    "#);
}
